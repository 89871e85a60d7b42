"""Reads: all accounts of one person over HTTP, ours beside named peers and beside two limits."""

import asyncio
import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import cycle
from typing import Final
from urllib.parse import quote

import httpx2
import psutil

from backend.documents.store import Store
from benchmarks import world
from benchmarks.gates import Balances, require_clean_run, require_same_accounts
from benchmarks.load import Job, Target
from benchmarks.peers.fields import ALWAYS, MOST, PROJECTION
from benchmarks.report import Goal, Row, Spread, held
from benchmarks.stage import (
    FIRST_HTTP_PORT,
    Load,
    Server,
    Stage,
    busy_core_seconds,
    cpu_seconds,
    gunicorn,
    running,
    uvicorn,
)
from benchmarks.world import Person

OURS: Final = "ours, logged in"
AGAIN: Final = "ours again (A/A)"
STRANGERS: Final = "ours, each token for the first time"
MOTOR: Final = "FastAPI + Motor, MongoDB's tutorial"
BEANIE: Final = "FastAPI + Beanie, response models"
EVE_TUNED: Final = "python-eve tuned, 8 threads"
EVE: Final = "python-eve default, 8 threads"
HELLO: Final = "limit: FastAPI hello, same bytes"
DRIVER: Final = "limit: async PyMongo alone, no HTTP"
CONNECTIONS: Final = (1, 32)
ACTIVE: Final = 320
GATED: Final = 200
# More than the API remembers, and each is used once before any comes again.
STRANGE_TOKENS: Final = 20_000
ISOLATION_CONNECTIONS: Final = 64


@dataclass(frozen=True, slots=True)
class Size:
    """How much, how long and how often."""

    accounts: int
    rounds: int
    seconds: float
    warm_seconds: float
    isolation_seconds: float

    def seconds_with(self, connections: int) -> float:
        """How long one measurement takes; with one connection less happens by chance."""
        return self.seconds if connections > 1 else self.seconds / 2


SMALL: Final = Size(accounts=50_000, rounds=3, seconds=0.45, warm_seconds=0.15, isolation_seconds=2.0)
FULL: Final = Size(accounts=1_000_000, rounds=4, seconds=5.0, warm_seconds=1.0, isolation_seconds=10.0)


@dataclass(slots=True)
class Figures:
    """What the rounds gave for one variant at one number of connections."""

    rate: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)
    app_us: list[float] = field(default_factory=list)
    mongod_us: list[float] = field(default_factory=list)
    others_cores: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Variant:
    """One line of the table: who is asked, how, and by whom."""

    name: str
    server: Server
    targets: Sequence[Target]


async def measure(stage: Stage, *, full: bool) -> list[Row]:
    """The tables of 1 and of 32 connections. Raises GateFailed when any server answers wrongly."""
    size = FULL if full else SMALL
    database = f"accounts_{size.accounts}"
    async with stage.store(database) as store:
        people = world.people(size.accounts)
        count = await world.load(store, people, tokens=max(STRANGE_TOKENS, len(people)))
        await stage.settle()
        active = random.Random(world.SEED).sample(people, ACTIVE)  # noqa: S311 - a choice, not a secret
        expected = {person: await _balances(store, person) for person in active}
        servers = _servers(stage.environment(database))
        with ExitStack() as ends:
            ends.enter_context(running([server for name, server in servers.items() if name != HELLO], stage.home))
            servers[HELLO].environment = {"BODY_BYTES": str(_usual_bytes(servers[OURS], active))}
            ends.enter_context(running([servers[HELLO]], stage.home))
            gates = [_require_same_answers(servers, active[:GATED], expected)]
            async with Load.started() as load:
                gates.append(await _require_isolation(load, servers[OURS], expected, size))
                lines = Lines(stage, store, load, active, size)
                figures = await lines.rounds(_variants(servers, active, people))
    return [*gates, *(row for each in CONNECTIONS for row in _table(each, count, len(people), figures[each]))]


def _servers(environment: Mapping[str, str]) -> dict[str, Server]:
    peer = "benchmarks.peers"
    serve = "from backend.cli.main import app; app()"
    commands = {
        OURS: [sys.executable, "-c", serve, "serve", "--port", "{port}"],
        MOTOR: uvicorn(f"{peer}.motor_tutorial:app"),
        BEANIE: uvicorn(f"{peer}.beanie_models:app"),
        EVE_TUNED: gunicorn(f"{peer}.eve_tuned:app"),
        EVE: gunicorn(f"{peer}.eve_default:app"),
        HELLO: uvicorn(f"{peer}.hello:app"),
    }
    return {
        name: Server(name, command, environment, FIRST_HTTP_PORT + offset)
        for offset, (name, command) in enumerate(commands.items())
    }


def _usual_bytes(server: Server, active: Sequence[Person]) -> int:
    with httpx2.Client() as client:
        sizes = sorted(len(_get(client, server, _ours(person)).content) for person in active)
    return sizes[len(sizes) // 2]


def _ours(person: Person, which: int = 0) -> Target:
    return Target("/api/v1/accounts", token=person.token(which))


def _of_user(person: Person) -> Target:
    return Target(f"/users/{person.id}/accounts")


def _eve(person: Person) -> Target:
    return Target(f"/accounts?max_results={MOST}&where=" + quote(json.dumps({"AccountUser.UserId": str(person.id)})))


ASKED: Final[Mapping[str, Callable[[Person], Target]]] = {
    OURS: _ours,
    MOTOR: _of_user,
    BEANIE: _of_user,
    EVE_TUNED: _eve,
    EVE: _eve,
    HELLO: lambda _person: Target("/"),
}


def _variants(servers: Mapping[str, Server], active: Sequence[Person], people: Sequence[Person]) -> list[Variant]:
    usual = [Variant(name, server, [ASKED[name](person) for person in active]) for name, server in servers.items()]
    strangers = [_ours(person, which) for person, which in world.tokens_of(people, STRANGE_TOKENS)]
    ours, *others = usual
    # The same server twice, as far apart in a round as can be: what differs between the two is noise.
    again = Variant(AGAIN, ours.server, ours.targets)
    return [ours, *others[:3], again, *others[3:], Variant(STRANGERS, ours.server, strangers)]


async def _balances(store: Store, person: Person) -> Balances:
    found = store.collection("external_accounts").find({"AccountUser.UserId": person.id}, PROJECTION)
    return {
        account["AccountId"]: None if account["AccountBalance"] is None else account["AccountBalance"].to_decimal()
        async for account in found
    }


def _require_same_answers(
    servers: Mapping[str, Server], people: Sequence[Person], expected: Mapping[Person, Balances]
) -> Row:
    answering = [name for name in servers if name != HELLO]
    with httpx2.Client() as client:
        for name in answering:
            for person in people:
                answer = json.loads(_get(client, servers[name], ASKED[name](person)).content, parse_float=Decimal)
                require_same_accounts(name, answer, expected[person], ALWAYS)
    return held("every server answers the same accounts", f"{len(people)} people, {len(answering)} servers")


def _get(client: httpx2.Client, server: Server, target: Target) -> httpx2.Response:
    headers = {"Authorization": f"Bearer {target.token}"} if target.token else {}
    answer = client.get(f"http://127.0.0.1:{server.port}{target.path}", headers=headers)
    answer.raise_for_status()
    return answer


async def _require_isolation(load: Load, server: Server, expected: Mapping[Person, Balances], size: Size) -> Row:
    """People asking all at once, while reads are coalesced, get their own accounts and nobody else's."""
    targets = [Target(_ours(person).path, person.token(), sorted(balances)) for person, balances in expected.items()]
    run = await load.run(Job(server.port, ISOLATION_CONNECTIONS, size.isolation_seconds, 0.0, targets))
    require_clean_run(server.name, run)
    checked = f"{run['answers']:,} answers over {ISOLATION_CONNECTIONS} connections, {len(targets)} people"
    return held("nobody is answered with another's account", checked)


@dataclass(frozen=True, slots=True)
class Lines:
    """Measures the lines of the table, one after the other and round by round."""

    stage: Stage
    store: Store
    load: Load
    active: Sequence[Person]
    size: Size

    async def rounds(self, variants: Sequence[Variant]) -> dict[int, dict[str, Figures]]:
        """All figures, by number of connections and by name."""
        found: dict[int, dict[str, Figures]] = {each: defaultdict(Figures) for each in CONNECTIONS}
        for each in range(self.size.rounds):
            for connections, figures in found.items():
                # Every other round backwards, so that nobody always follows the same neighbour.
                for variant in variants if each % 2 == 0 else reversed(variants):
                    await self.stage.calm()
                    await self._ask(variant, connections, figures[variant.name])
                await self.stage.calm()
                await self._read(connections, figures[DRIVER])
        return found

    async def _ask(self, variant: Variant, connections: int, into: Figures) -> None:
        targets = list(variant.targets)
        seconds = self.size.seconds_with(connections)
        job = Job(variant.server.port, connections, seconds, self.size.warm_seconds, targets)
        watch = Watch(self.stage.mongod, variant.server.process)
        run = await self.load.run(job)
        require_clean_run(variant.name, run)
        watch.note(into, run["answers"], run["cpu_seconds"])
        for name in ("rate", "p50_ms", "p99_ms"):
            getattr(into, name).append(run[name])

    async def _read(self, connections: int, into: Figures) -> None:
        """The same documents read by the driver alone: no HTTP, no log-in, no JSON."""
        accounts = self.store.collection("external_accounts")
        timed: list[float] = []
        seconds = self.size.seconds_with(connections)
        until = time.perf_counter() + seconds

        async def reader(share: Sequence[Person]) -> None:
            for person in cycle(share):
                began = time.perf_counter()
                owned = {"AccountUser.UserId": person.id}
                await accounts.find(owned, PROJECTION, limit=MOST, batch_size=MOST).to_list()
                now = time.perf_counter()
                timed.append((now - began) * 1000)
                if now > until:
                    return

        watch = Watch(self.stage.mongod, None)
        await asyncio.gather(*(reader(self.active[first::connections]) for first in range(connections)))
        watch.note(into, len(timed), 0.0)
        timed.sort()
        into.rate.append(len(timed) / seconds)
        into.p50_ms.append(timed[len(timed) // 2])
        into.p99_ms.append(timed[len(timed) * 99 // 100])


class Watch:
    """CPU from now on: of the app (this process when it is None), of mongod, and of everybody else."""

    def __init__(self, mongod: psutil.Process, app: psutil.Process | None) -> None:
        self._mongod = mongod
        self._app = app or psutil.Process()
        self._began = time.perf_counter()
        self._before = self._spent()

    def note(self, into: Figures, answers: int, load_seconds: float) -> None:
        """Add microseconds per answer, and the cores that neither of us nor the load used."""
        app, mongod, everybody = (now - then for now, then in zip(self._spent(), self._before, strict=True))
        into.app_us.append(app * 1e6 / answers)
        into.mongod_us.append(mongod * 1e6 / answers)
        others = max(0.0, everybody - app - mongod - load_seconds)
        into.others_cores.append(others / (time.perf_counter() - self._began))

    def _spent(self) -> tuple[float, float, float]:
        return cpu_seconds(self._app), cpu_seconds(self._mongod), busy_core_seconds()


def _table(connections: int, accounts: int, people: int, figures: Mapping[str, Figures]) -> list[Row]:
    plural = "s" if connections > 1 else ""
    title = f"Accounts of one of {people:,} people among {accounts:,}, {connections} connection{plural}"
    order = (OURS, AGAIN, STRANGERS, MOTOR, BEANIE, EVE_TUNED, EVE, HELLO, DRIVER)
    goals = _goals(figures) if connections == max(CONNECTIONS) else ()
    return [
        Row(title, name, _columns(figures[name], _ratios(figures, name)), goals if name == OURS else ())
        for name in order
    ]


def _columns(figures: Figures, ratios: Sequence[float]) -> dict[str, Spread | str]:
    return {
        "requests/s": Spread.of(figures.rate),
        "p50 ms": Spread.of(figures.p50_ms),
        "p99 ms": Spread.of(figures.p99_ms),
        "app µs": Spread.of(figures.app_us, brief=True),
        "mongod µs": Spread.of(figures.mongod_us, brief=True),
        "ours is": Spread.of(ratios, " times"),
        "other load": Spread.of(figures.others_cores, brief=True),
    }


def _ratios(figures: Mapping[str, Figures], name: str) -> list[float]:
    """How many times the requests of ``name`` ours answered, round by round."""
    return [ours / theirs for ours, theirs in zip(_of_ours(figures), figures[name].rate, strict=True)]


def _of_ours(figures: Mapping[str, Figures]) -> list[float]:
    return [(one + two) / 2 for one, two in zip(figures[OURS].rate, figures[AGAIN].rate, strict=True)]


def _goals(figures: Mapping[str, Figures]) -> tuple[Goal, ...]:
    tails = [
        p99 / p50 for name in (OURS, AGAIN) for p99, p50 in zip(figures[name].p99_ms, figures[name].p50_ms, strict=True)
    ]
    peers = ((MOTOR, 1.7), (BEANIE, 2.0), (EVE_TUNED, 4.0))
    pairs = zip(figures[OURS].rate, figures[AGAIN].rate, strict=True)
    noise = Spread.of([max(pair) / min(pair) for pair in pairs]).median
    return (
        Goal("the A/A pair's requests/s apart; above this the ratios below are noise", noise, 1.15, at_most=True),
        *(Goal(f"requests/s to {name}", Spread.of(_ratios(figures, name)).median, wanted) for name, wanted in peers),
        Goal("p99 to p50", Spread.of(tails).median, 2.0, at_most=True),
    )
