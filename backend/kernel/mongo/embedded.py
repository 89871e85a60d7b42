"""A real mongod out of a wheel, run as a one-member replica set that one directory owns."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import ConnectionFailure, OperationFailure

from backend.kernel.errors import DatabaseUnavailable, Misconfigured
from backend.kernel.mongo.client import AUTHENTICATION_FAILED, UNAUTHORIZED, translated
from backend.kernel.mongo.deaths import OWN_SERVER, cause_of_death
from backend.kernel.mongo.private import open_private, write_private

if sys.platform != "win32":
    import fcntl

ADMIN = "openfinance_admin"
APPLICATION = "openfinance"
REPLICA_SET = "openfinance"
PATIENCE_SECONDS = 60

_ALREADY_INITIATED = 23
_NOT_YET_LOADED = (93, 94)


@dataclass(frozen=True)
class Credentials:
    """The two users of an embedded server and the URIs they log in with."""

    port: int
    admin_password: str = field(repr=False)
    application_password: str = field(repr=False)

    @property
    def admin_uri(self) -> str:
        """For preparing and repairing; may do everything."""
        return self._uri(ADMIN, self.admin_password, "", "admin")

    def application_uri(self, database: str) -> str:
        """For the application; works once ``provision`` has made its user in ``database``."""
        return self._uri(APPLICATION, self.application_password, database, database)

    def _uri(self, user: str, password: str, database: str, source: str) -> str:
        # By replica set, not directConnection: the driver then waits for a primary while the server restarts.
        host = f"127.0.0.1:{self.port}"
        return f"mongodb://{user}:{password}@{host}/{database}?authSource={source}&replicaSet={REPLICA_SET}"


@dataclass(frozen=True)
class Status:
    """What an embedded server is doing; ``pid`` and ``version`` are None while it does not answer."""

    running: bool
    pid: int | None
    port: int
    version: str | None
    data: Path


def find_mongod(package: str = "fiftyone") -> Path:
    """The server's binary inside the installed wheel; nothing of the wheel is imported."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        binary = Path(folder, "db", "bin", "mongod")
        if binary.is_file():
            return binary
    raise Misconfigured(f"No mongod for this platform is installed; install the extra `embedded`, {OWN_SERVER}")


class EmbeddedMongo:
    """The mongod of ``home``: at most one, whoever starts it and however often.

    ``home/mongodb`` holds its data, log, key file and credentials. It listens on 127.0.0.1 only and asks
    everybody for a password. ``cache_gb`` bounds its cache; ``binary`` is found in the wheel unless given.
    """

    def __init__(self, home: Path, port: int, cache_gb: float = 0.5, binary: Path | None = None) -> None:
        self.port = port
        self._home = home.absolute()
        self._folder = self._home / "mongodb"
        self._data = self._folder / "data"
        self._log = self._folder / "mongod.log"
        self._credentials_file = self._folder / "credentials.json"
        self._port_file = self._folder / "port"
        self._cache_gb = cache_gb
        self._binary = binary

    def start(self) -> Credentials:
        """The credentials of the running server; it is started, and prepared, if it is not yet.

        Whatever an earlier start left unfinished, killed at any point, is finished here.
        """
        with self._alone():
            credentials = self._credentials()
            if self._answers():
                self._require_own_port()
            else:
                self._launch()
            with translated():
                self._become_primary(credentials)
                self._ensure_admin(credentials)
        return credentials

    def stop(self) -> None:
        """Nothing runs any more and all data are on disk; no error if nothing ran."""
        if not self._folder.exists():
            return
        with self._alone():
            deadline = time.monotonic() + PATIENCE_SECONDS
            if pid := self._pid():
                os.kill(pid, signal.SIGTERM)
            while self._running():
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(
                        f"The embedded MongoDB (process {pid}) is still writing; wait and stop it again"
                    )
                time.sleep(0.02)

    def status(self) -> Status:
        """What runs now, waiting first for a start or stop that is under way."""
        if not self._folder.exists():
            return Status(running=False, pid=None, port=self.port, version=None, data=self._data)
        with self._alone():
            running = self._running()
            return Status(
                running=running,
                pid=self._pid(),
                port=self._last_port() if running else self.port,
                version=self._version() if running else None,
                data=self._data,
            )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The folder exists, private, and no other process starts or stops the server meanwhile."""
        if sys.platform == "win32":
            raise Misconfigured(f"The embedded MongoDB runs on Linux and macOS; use WSL, {OWN_SERVER}")
        try:
            for folder in (self._home, self._folder, self._data):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder.chmod(0o700)
            lock = open_private(self._folder / "lock")
        except OSError:
            raise Misconfigured(
                f"{self._home} cannot be written; set OPENFINANCE_HOME to a directory of your own"
            ) from None
        with lock:
            # The kernel lets go of it when its holder dies, so it never becomes stale.
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _running(self) -> bool:
        """Whether a live mongod holds the data: its lock is the kernel's, unlike the pid that it wrote."""
        lock = self._data / "mongod.lock"
        if not lock.exists():
            return False
        with lock.open("rb+") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False

    def _answers(self) -> bool:
        """Whether a server is there to be used, once one that is still starting or dying has come to an end."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._running():
            if self._version():
                return True
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The embedded MongoDB runs but does not answer; read {self._log} and try again"
                )
        return False

    def _pid(self) -> int | None:
        if not self._running():
            return None
        written = (self._data / "mongod.lock").read_text().strip()
        return int(written) if written else None

    def _last_port(self) -> int:
        return int(self._port_file.read_text())

    def _require_own_port(self) -> None:
        if (port := self._last_port()) != self.port:
            raise Misconfigured(
                f"The embedded MongoDB of {self._home} already runs on port {port}; "
                f"set EMBEDDED_MONGODB_PORT={port}, or stop it first with `openfinance db stop`"
            )

    def _credentials(self) -> Credentials:
        if self._credentials_file.exists():
            return self._read_credentials()
        if (self._data / "WiredTiger").exists():
            raise Misconfigured(
                f"The passwords of the data in {self._data} are lost; put {self._credentials_file} back "
                f"from a backup, or delete {self._folder} to begin anew without the data"
            )
        credentials = Credentials(self.port, secrets.token_urlsafe(32), secrets.token_urlsafe(32))
        passwords = {name: value for name, value in asdict(credentials).items() if name != "port"}
        write_private(self._credentials_file, json.dumps(passwords))
        return credentials

    def _read_credentials(self) -> Credentials:
        try:
            return Credentials(port=self.port, **json.loads(self._credentials_file.read_text()))
        except (ValueError, TypeError):
            raise Misconfigured(
                f"{self._credentials_file} is damaged; put it back from a backup, "
                f"or delete {self._folder} to begin anew without the data"
            ) from None

    def _launch(self) -> None:
        """The server listens, detached from us and our terminal."""
        command = self._command()
        if self._log.exists():
            self._log.replace(self._log.with_suffix(".log.1"))
        write_private(self._port_file, str(self.port))
        with open_private(self._folder / "mongod.out") as printed:
            try:
                done = subprocess.run(  # noqa: S603 - our own binary and words
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=printed,
                    stderr=printed,
                    start_new_session=True,
                    timeout=PATIENCE_SECONDS,
                    check=False,
                )
            except OSError:
                raise Misconfigured(
                    f"{command[0]} cannot be executed on this machine; reinstall the extra `embedded`, {OWN_SERVER}"
                ) from None
            except subprocess.TimeoutExpired:
                raise DatabaseUnavailable(
                    f"mongod does not listen after {PATIENCE_SECONDS} seconds; read {self._log} and try again"
                ) from None
            # A starter killed a moment ago may have left one behind that took the data just before ours.
            if done.returncode and not self._answers():
                printed.seek(0)
                raise Misconfigured(
                    cause_of_death(done.returncode, printed.read(), port=self.port, data=self._data, log=self._log)
                )

    def _command(self) -> list[str]:
        key_file = self._folder / "keyfile"
        if not key_file.exists():
            write_private(key_file, secrets.token_hex(64), mode=0o400)
        return [
            str(self._binary or find_mongod()),
            "--fork",  # it returns when the server listens, or with the exit code of its death
            *("--dbpath", str(self._data)),
            *("--bind_ip", "127.0.0.1", "--port", str(self.port), "--nounixsocket"),
            *("--replSet", REPLICA_SET, "--auth", "--keyFile", str(key_file), "--noscripting"),
            *("--wiredTigerCacheSizeGB", str(self._cache_gb)),
            *("--oplogSize", "1024"),  # the default is a twentieth of the disk
            *("--logpath", str(self._log), "--quiet", "--slowms", "1000"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
        ]

    def _direct(self, **options: Any) -> MongoClient[dict[str, Any]]:
        patience = PATIENCE_SECONDS * 1000
        return MongoClient(
            "127.0.0.1",
            **{"port": self.port, "directConnection": True, "serverSelectionTimeoutMS": patience, **options},
        )

    def _as_admin(self, credentials: Credentials) -> MongoClient[dict[str, Any]]:
        return self._direct(username=ADMIN, password=credentials.admin_password, authSource="admin")

    def _become_primary(self, credentials: Credentials) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self._direct() as anybody:
            while not (hello := anybody.admin.command("hello"))["isWritablePrimary"]:
                if "setName" not in hello:
                    self._configure(anybody, credentials)
                if time.monotonic() > deadline:
                    raise DatabaseUnavailable(
                        f"The embedded MongoDB does not become primary; read {self._log} and try again"
                    )
                time.sleep(0.01)

    def _configure(self, anybody: MongoClient[dict[str, Any]], credentials: Credentials) -> None:
        """A new server is initiated; one that was moved to another port learns its new address."""
        member = {"_id": 0, "host": f"127.0.0.1:{self.port}"}
        try:
            anybody.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": [member]})
        except OperationFailure as error:
            # Initiated before: refused by name while no user exists, and as unauthorized ever after.
            if error.code == UNAUTHORIZED:
                self._move(credentials)
            elif error.code != _ALREADY_INITIATED:
                raise

    def _move(self, credentials: Credentials) -> None:
        with self._as_admin(credentials) as admin:
            try:
                config = admin.admin.command("replSetGetConfig")["config"]
            except OperationFailure as error:
                if error.code == AUTHENTICATION_FAILED:
                    raise self._foreign_data() from None
                if error.code in _NOT_YET_LOADED:
                    return
                raise
            host = f"127.0.0.1:{self.port}"
            if config["members"][0]["host"] != host:
                config["members"][0]["host"] = host
                config["version"] += 1
                admin.admin.command("replSetReconfig", config, force=True)

    def _ensure_admin(self, credentials: Credentials) -> None:
        if self._accepts(credentials):
            return
        with self._direct() as anybody:
            try:
                anybody.admin.command(
                    "createUser",
                    ADMIN,
                    pwd=credentials.admin_password,
                    roles=["root"],
                    mechanisms=["SCRAM-SHA-256"],
                )
            except OperationFailure as error:
                # The localhost exception ends with the first user, so there is one, and not ours.
                if error.code == UNAUTHORIZED:
                    raise self._foreign_data() from None
                raise

    def _accepts(self, credentials: Credentials) -> bool:
        with self._as_admin(credentials) as admin:
            try:
                admin.admin.command("ping")
            except OperationFailure as error:
                if error.code != AUTHENTICATION_FAILED:
                    raise
                return False
        return True

    def _foreign_data(self) -> Misconfigured:
        return Misconfigured(
            f"The passwords in {self._credentials_file} are not those of the data in {self._data}; "
            f"put the right file back, or delete {self._folder} to begin anew without the data"
        )

    def _version(self) -> str | None:
        """None from a server that is still starting or already ending."""
        with self._direct(port=self._last_port(), serverSelectionTimeoutMS=500) as anybody:
            try:
                return str(anybody.admin.command("buildInfo")["version"])
            except ConnectionFailure:
                return None
