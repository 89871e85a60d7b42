"""The load: one process that asks over a number of kept-alive connections, and times every answer.

`python -m benchmarks.load` reads jobs from standard input, a line of JSON each, and answers each with a line of
what it saw.
"""

import asyncio
import gc
import json
import resource
import sys
import time
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import orjson
import uvloop

_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Target:
    """One request, and the ids of all accounts its answer must hold (None: the answer is not looked into)."""

    path: str
    token: str | None = None
    accounts: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What to ask, over how many connections, and how long; the first ``warm_seconds`` are not timed."""

    port: int
    connections: int
    seconds: float
    warm_seconds: float
    targets: list[Target]

    @classmethod
    def read(cls, text: str) -> "Job":
        """The job that ``write`` wrote."""
        found = json.loads(text)
        return cls(**found | {"targets": [Target(**target) for target in found["targets"]]})

    def write(self) -> str:
        """The job as JSON."""
        return json.dumps(asdict(self))


@dataclass(slots=True)
class Seen:
    """What all connections saw together."""

    timed_from: float
    until: float
    milliseconds: list[float] = field(default_factory=list)
    answers: int = 0
    body_bytes: int = 0
    failures: int = 0
    first_failure: str = ""
    foreign: int = 0

    def fail(self, why: str) -> None:
        """Count a request that was not answered with 200."""
        self.failures += 1
        self.first_failure = self.first_failure or why


class Connection(asyncio.Protocol):
    """Asks its targets in turn, each as soon as the one before is answered."""

    def __init__(self, targets: list[Target], port: int, seen: Seen) -> None:
        self._requests = [(_request(target, port), target.accounts) for target in targets]
        self._seen = seen
        self._next = 0
        self._buffer = bytearray()
        self._missing = -1
        self._sent_at = 0.0
        self._transport: Any = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first target."""
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """A piece of the answer; the next target is asked for when it is whole."""
        self._buffer += data
        if self._missing < 0:
            end = self._buffer.find(_END_OF_HEAD)
            if end < 0:
                return
            if not self._read_head(bytes(self._buffer[:end])):
                return
            del self._buffer[: end + len(_END_OF_HEAD)]
        if len(self._buffer) >= self._missing:
            self._answered()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server hung up, or we did; only in the middle of an answer it is a failure."""
        if self._sent_at:
            self._seen.fail(f"a closed connection ({exc})")
        if not self.closed.done():
            self.closed.set_result(None)

    def _ask(self) -> None:
        self._buffer.clear()
        self._missing = -1
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._next][0])

    def _read_head(self, head: bytes) -> bool:
        status, _, lines = head.partition(b"\r\n")
        length = lines.lower().partition(_LENGTH)[2].partition(b"\r\n")[0].strip()
        if status.split(b" ", 2)[1] != b"200" or not length.isdigit():
            self._sent_at = 0.0
            self._seen.fail(status.decode("latin-1"))
            self._transport.close()
            return False
        self._missing = int(length)
        return True

    def _answered(self) -> None:
        seen, now = self._seen, time.perf_counter()
        if self._sent_at >= seen.timed_from and now <= seen.until:
            seen.milliseconds.append((now - self._sent_at) * 1000)
        seen.answers += 1
        seen.body_bytes += self._missing
        accounts = self._requests[self._next][1]
        if accounts is not None and not _holds_exactly(bytes(self._buffer), accounts):
            seen.foreign += 1
        self._next = (self._next + 1) % len(self._requests)
        if now < seen.until:
            self._ask()
        else:
            self._sent_at = 0.0
            self._transport.close()


async def run(job: Job) -> dict[str, Any]:
    """Do the job. No two connections ever ask for the same target, so none profits from another."""
    spent, now = _cpu_seconds(), time.perf_counter()
    seen = Seen(timed_from=now + job.warm_seconds, until=now + job.warm_seconds + job.seconds)
    loop = asyncio.get_running_loop()
    shares = [job.targets[first :: job.connections] for first in range(job.connections)]
    connections = [
        (await loop.create_connection(partial(Connection, share, job.port, seen), "127.0.0.1", job.port))[1]
        for share in shares
    ]
    await asyncio.gather(*(connection.closed for connection in connections))
    return _summary(seen, job.seconds) | {"cpu_seconds": _cpu_seconds() - spent}


def _request(target: Target, port: int) -> bytes:
    login = f"Authorization: Bearer {target.token}\r\n" if target.token else ""
    return f"GET {target.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n{login}\r\n".encode()


def _holds_exactly(body: bytes, accounts: list[str]) -> bool:
    answer = orjson.loads(body)
    rows = answer if isinstance(answer, list) else next(rows for rows in answer.values() if isinstance(rows, list))
    return sorted(row["AccountId"] for row in rows) == accounts


def _summary(seen: Seen, seconds: float) -> dict[str, Any]:
    timed = sorted(seen.milliseconds)
    return {
        "requests": len(timed),
        "answers": seen.answers,
        "body_bytes": seen.body_bytes,
        "rate": len(timed) / seconds,
        "p50_ms": timed[len(timed) // 2] if timed else 0.0,
        "p99_ms": timed[len(timed) * 99 // 100] if timed else 0.0,
        "failures": seen.failures,
        "first_failure": seen.first_failure,
        "foreign": seen.foreign,
    }


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Do job after job until there are no more."""
    gc.disable()  # a pause of ours would count as the server's
    for line in sys.stdin:
        print(json.dumps(uvloop.run(run(Job.read(line)))), flush=True)
        gc.collect()


if __name__ == "__main__":
    main()
