"""What measurements stand on: a mongod of their own, servers on free ports, and an eye on who else is working."""

import asyncio
import json
import os
import shutil
import socket
import sys
import tempfile
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from backend.bootstrap import opened
from backend.documents.database import COLLECTIONS
from backend.documents.store import Store
from backend.kernel.mongo.client import connect
from backend.kernel.mongo.embedded import APPLICATION, Credentials, EmbeddedMongo
from backend.kernel.mongo.provision import provision
from backend.kernel.settings import Settings
from benchmarks.load import Job

ROOT: Final = Path(__file__).resolve().parents[1]
MONGO_PORT: Final = 18_200
FIRST_HTTP_PORT: Final = 18_201
START_SECONDS: Final = 60.0
# Fewer busy cores than this is calm enough.
CALM_CORES: Final = 0.35
# One wait may use up this part of all our patience.
WAITS: Final = 20


class PortTaken(RuntimeError):
    """Somebody listens where we want to; a stale server would be measured instead of ours."""


@dataclass(slots=True)
class Stage:
    """The running mongod, and how long we may still wait for calm; whoever opened it closes it."""

    home: Path
    credentials: Credentials
    mongod: psutil.Process
    patience_seconds: float
    wait_seconds_max: float

    def settings(self, database: str) -> Settings:
        """The product's settings for one of our databases."""
        return Settings(
            openfinance_home=self.home,
            mongodb_uri=self.credentials.application_uri(database),
            openfinance_db_name=database,
        )

    def environment(self, database: str) -> dict[str, str]:
        """The same for another process; no rate limit, and no log line for every request."""
        return {
            "OPENFINANCE_HOME": str(self.home),
            "MONGODB_URI": self.credentials.application_uri(database),
            "OPENFINANCE_DB_NAME": database,
            "HOST": "127.0.0.1",
            "RATE_LIMIT_PER_MINUTE": "0",
            "LOG_LEVEL": "WARNING",
        }

    @asynccontextmanager
    async def store(self, database: str) -> AsyncIterator[Store]:
        """A database prepared as the product prepares it: validators, indexes, and a user who may do little."""
        async with connect(self.credentials.admin_uri) as admin:
            password = self.credentials.application_password
            await provision(admin, database, COLLECTIONS, user=APPLICATION, password=password)
        settings = self.settings(database)
        async with opened(self.credentials.application_uri(database), settings) as store:
            yield store

    async def settle(self) -> None:
        """All that was written is on disk, so that no checkpoint of it falls into a measurement."""
        async with connect(self.credentials.admin_uri) as admin:
            await admin.admin.command("fsync")

    async def calm(self) -> None:
        """Wait until nobody else needs this machine much, or for as long as our patience lasts."""
        began = time.monotonic()
        waited = 0.0
        while waited < min(self.wait_seconds_max, self.patience_seconds) and await busy_cores(0.1) > CALM_CORES:
            waited = time.monotonic() - began
        self.patience_seconds -= waited


@contextmanager
def mongo(*, cache_gb: float, patience_seconds: float) -> Iterator[Stage]:
    """A mongod in a new folder on our port; stopped, and all its data deleted, at the end."""
    require_free(MONGO_PORT)
    home = Path(tempfile.mkdtemp(prefix="openfinance-bench-"))
    server = EmbeddedMongo(home, MONGO_PORT, cache_gb=cache_gb)
    try:
        credentials = server.start()
        pid = server.status().pid
        if pid is None:
            raise RuntimeError("mongod ended while it was prepared")
        yield Stage(home, credentials, psutil.Process(pid), patience_seconds, patience_seconds / WAITS)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@dataclass(slots=True)
class Server:
    """An HTTP server to be measured: its command, in which ``{port}`` stands for its port."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    port: int
    process: psutil.Popen | None = field(default=None, repr=False)


@contextmanager
def running(servers: Sequence[Server], logs: Path) -> Iterator[None]:
    """All ``servers`` listen, each alone on its port; they are ended afterwards."""
    for server in servers:
        require_free(server.port)
    with ExitStack() as ends:
        for server in servers:
            ends.enter_context(_started(server, logs / f"{server.name.replace(' ', '_')}.log"))
        for server in servers:
            _await_port(server, logs)
        yield


def require_free(port: int) -> None:
    """PortTaken if anybody listens on ``port``."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise PortTaken(f"Port {port} is taken; end what listens there and run again")


def uvicorn(app: str, *options: str) -> list[str]:
    """The command that runs ``app`` as its documentation says, one process, without a log line per request."""
    quiet = ("--no-access-log", "--log-level", "warning")
    return [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "{port}", *quiet, *options]


def gunicorn(app: str) -> list[str]:
    """The command that runs a WSGI ``app`` in one process of eight threads."""
    listen = ("--bind", "127.0.0.1:{port}", "--workers", "1", "--threads", "8")
    return [sys.executable, "-m", "gunicorn", app, *listen, "--keep-alive", "60", "--log-level", "warning"]


class Load:
    """The one process that asks servers, so that asking costs no server's time."""

    def __init__(self, process: Process) -> None:
        self._process = process

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncIterator["Load"]:
        """A load process that ends with the block."""
        command = (sys.executable, "-m", "benchmarks.load")
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, cwd=ROOT)
        try:
            yield cls(process)
        finally:
            process.terminate()
            await process.wait()

    async def run(self, job: Job) -> dict[str, Any]:
        """What the load process saw doing ``job``."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("The load process was not started by us")
        self._process.stdin.write(f"{job.write()}\n".encode())
        await self._process.stdin.drain()
        seen: dict[str, Any] = json.loads(await self._process.stdout.readline())
        return seen


def cpu_seconds(process: psutil.Process) -> float:
    """User and system time of a process and of all it started."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


async def busy_cores(seconds: float) -> float:
    """How many cores were busy in the next ``seconds``, with whatever."""
    before = busy_core_seconds()
    await asyncio.sleep(seconds)
    return (busy_core_seconds() - before) / seconds


def busy_core_seconds() -> float:
    """Core seconds spent on work since the machine started."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


@contextmanager
def _started(server: Server, log: Path) -> Iterator[None]:
    command = [part.format(port=server.port) for part in server.command]
    with log.open("wb") as written:
        environment = os.environ | dict(server.environment)
        server.process = psutil.Popen(command, cwd=ROOT, env=environment, stdout=written, stderr=written)
        try:
            yield
        finally:
            with suppress(psutil.NoSuchProcess):  # it died by itself, and its log says why
                server.process.terminate()
            try:
                server.process.wait(10)
            except psutil.TimeoutExpired:
                server.process.kill()


def _await_port(server: Server, logs: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while server.process and server.process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                return
        time.sleep(0.05)
    said = (logs / f"{server.name.replace(' ', '_')}.log").read_text(errors="replace")
    raise RuntimeError(f"{server.name} does not start:\n{said[-2000:]}")
