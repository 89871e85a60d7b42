"""The emulated banks over HTTP: authorization-code flows, their protocol part alone, and pages of 100 transactions.

The world is built in the run's own mongod and served by ``openfinance world serve``. Two limits stand beside each
figure, asked by the same client in the same round: a hello that answers as many bytes from the same server stack, and
what the bank cannot do without (the journal's query by PyMongo, the check of a password).
"""

import asyncio
import base64
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from itertools import count, cycle, islice
from statistics import median
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import orjson
from pymongo.asynchronous.collection import AsyncCollection

from backend.emulator.ledger.journal import IN_ORDER, Entry
from backend.emulator.ledger.schema import JOURNAL
from backend.emulator.oauth.customers import Customer as BankCustomer
from backend.emulator.oauth.customers import Passwords
from backend.emulator.world.rows import Account
from benchmarks.parties import DIALECTS, Here, Told, Visitor, exact
from benchmarks.report import GateFailed, Row, Spread, held
from benchmarks.stage import Stage
from benchmarks.street import HELLO_PORT, PEOPLE, PORT, Person, Street, open_street
from benchmarks.wires import Wire, wires, written

NAMES: Final = {
    "leafy": "leafy",
    "berlin_group": "Berlin Group",
    "uk_open_banking": "UK Open Banking",
    "op_finland": "OP Finland",
}
FLOW_CALLERS: Final = (1, 8)
CALLERS: Final = (1, 8, 32)
PAGE: Final = 100
PROTOCOL_BANK: Final = 1
FLOWS_EACH, REDEMPTIONS_EACH = 2, 6
PAGE_BYTES, TOKEN_BYTES = 2_500, 300
# Asks once; raises when the answer is not what it should be.
Ask = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Size:
    """How often and how long; ``flows`` and ``redemptions`` of all callers together, but some of each at least."""

    rounds: int
    seconds: float
    limit_seconds: float
    flows: int
    redemptions: int


SMALL: Final = Size(rounds=3, seconds=0.15, limit_seconds=0.08, flows=8, redemptions=48)
FULL: Final = Size(rounds=4, seconds=2.0, limit_seconds=1.0, flows=40, redemptions=600)


@dataclass(slots=True)
class Figures:
    """What the rounds gave for one thing asked by so many callers at once."""

    rates: list[float] = field(default_factory=list)
    milliseconds: list[float] = field(default_factory=list)

    async def add(self, asks: Sequence[Ask], *, seconds: float = float("inf"), times: int | None = None) -> None:
        """Every caller asks again and again, for so long or so many times."""
        began = time.perf_counter()
        before = len(self.milliseconds)

        async def caller(ask: Ask) -> None:
            for done in count():
                start = time.perf_counter()
                if done == times or start - began >= seconds:
                    return
                await ask()
                self.milliseconds.append((time.perf_counter() - start) * 1000)

        await asyncio.gather(*(caller(ask) for ask in asks))
        self.rates.append((len(self.milliseconds) - before) / (time.perf_counter() - began))

    def percentile(self, part: float) -> Spread:
        """So many of the answers came within this time."""
        ordered = sorted(self.milliseconds)
        return Spread.of([ordered[min(int(len(ordered) * part), len(ordered) - 1)]], " ms")

    def part_of(self, limit: "Figures", *, each: float = 1) -> Spread:
        """Percent of a limit of which ``each`` of ours takes so many, round by round."""
        pairs = zip(self.rates, limit.rates, strict=True)
        return Spread.of([100 * each * ours / theirs for ours, theirs in pairs], " %", brief=True)


# By what is asked, and by how many callers.
Found = defaultdict[tuple[str, int], Figures]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of 100: the call that gets it, and where in the journal it stands."""

    request: bytes
    body_bytes: int
    account: str
    last: Entry | None


# By dialect.
Pages = dict[str, list[Page]]


async def measure(stage: Stage, *, full: bool) -> list[Row]:
    """The gates and three tables; GateFailed when a bank tells too much, too little or something wrong."""
    size = FULL if full else SMALL
    async with open_street(stage) as street:
        reach = [await _require_consented(person) for person in street.people[: len(DIALECTS)]]
        pages: Pages = {name: [] for name in DIALECTS}
        checked = 0
        for person in street.people:
            await person.flow(await person.visitor.lodge(), person.accounts)
            for account in person.accounts:
                told, full_pages = await _history(street, person, account)
                pages[person.dialect] += full_pages
                checked += told
        await stage.settle()
        runs = Runs(stage, street, size)
        per_flow = await runs.flows()
        await runs.protocol()
        await runs.pages(pages)
    gates = [
        held("a token opens the chosen accounts alone", f"{sum(reach)} accounts, {len(reach)} dialects"),
        held("pages add up to the ledger, none twice", f"{checked:,} transactions of {len(street.people)} people"),
    ]
    return [*gates, *_flow_rows(runs.found, per_flow), *_protocol_rows(runs.found), *_page_rows(runs.found, pages)]


def require_history(account: str, told: Sequence[Told], *, count: int, balance: Decimal) -> None:
    """All pages together tell each of ``count`` transactions once, and add up to ``balance``."""
    if len({key for key, _ in told}) != len(told):
        raise GateFailed(f"{account} is told with a transaction twice")
    if len(told) != count:
        raise GateFailed(f"{account} is told with {len(told)} transactions and has {count}")
    if (total := sum((amount for _, amount in told), Decimal(0))) != balance:
        raise GateFailed(f"{account} is told as {total} and stands at {balance}")


async def _require_consented(person: Person) -> int:
    """With one account left out, the others are told and that one is not; how many were tried."""
    visitor, *chosen = person.visitor, *person.accounts[:-1]
    await person.flow(await visitor.lodge(), chosen)
    listed = visitor.dialect.listed(exact(await visitor.get(visitor.dialect.accounts)))
    if sorted(listed) != sorted(visitor.dialect.named(account) for account in chosen):
        raise GateFailed(f"A {person.dialect} bank lists {listed} where {len(chosen)} accounts were chosen")
    for account in person.accounts:
        answer = await visitor.get(visitor.dialect.transactions_of(account))
        if not (answer.is_success if account in chosen else answer.is_client_error):
            raise GateFailed(f"A {person.dialect} bank answers {answer.status_code} for {account.key}")
    return len(person.accounts)


async def _history(street: Street, person: Person, account: Account) -> tuple[int, list[Page]]:
    """How many transactions the account has, and its full pages; GateFailed if they are not its history."""
    entries = await street.platform.ledger.entries(account.id)
    dialect, told, pages = person.visitor.dialect, list[Told](), list[Page]()
    following: str | None = dialect.transactions_of(account)
    while following:
        answer = await person.visitor.get(following)
        page = exact(answer)
        booked = dialect.booked(page, account)
        if len(booked) == PAGE:
            last = entries[len(told) - 1] if told else None
            request = written("GET", answer.request.url, person.visitor.headers())
            pages.append(Page(request, len(answer.content), account.id, last))
        told += booked
        link = dialect.following(page)
        following = link and str(answer.request.url.join(link))
    balance = await street.platform.ledger.balance(account.id)
    require_history(account.key, told, count=len(entries), balance=balance.booked)
    return len(told), pages


@dataclass(frozen=True, slots=True)
class Runs:
    """Measures all there is to measure, round by round."""

    stage: Stage
    street: Street
    size: Size
    found: Found = field(default_factory=lambda: defaultdict(Figures))

    async def flows(self) -> float:
        """The whole way through the pages, and its limits; the requests that a flow takes."""
        flows = requests = 0
        passwords, password = Passwords(), secrets.token_urlsafe()
        somebody = BankCustomer("somebody", "Somebody", passwords.hash(password))
        hello = httpx2.AsyncClient(transport=Here(), base_url=f"http://localhost:{HELLO_PORT}")
        async with hello:
            for callers in FLOW_CALLERS * self.size.rounds:
                # Alone, one caller goes to all dialects in turn.
                people = self.street.people[: max(callers, len(DIALECTS))]
                shares = [people] if callers == 1 else [[person] for person in people]
                times = max(self.size.flows // callers, FLOWS_EACH)
                asks = [await _flows_of(share, times) for share in shares]
                await self.stage.calm()
                before = sum(person.transport.requests for person in people)
                await self.found["flow", callers].add(asks, times=times)
                requests += sum(person.transport.requests for person in people) - before
                flows += times * callers
                for name, ask in (
                    ("flow hello", partial(hello.get, f"/{PAGE_BYTES}")),
                    ("password", partial(passwords.matches, somebody, password)),
                ):
                    await self.found[name, callers].add([ask] * callers, seconds=self.size.limit_seconds)
        return requests / flows

    async def protocol(self) -> None:
        """A code redeemed and its token refreshed, each time another; and two hellos."""
        hello = written("POST", httpx2.URL(f"http://localhost:{HELLO_PORT}/{TOKEN_BYTES}"), {}, b"x" * TOKEN_BYTES)
        for callers in CALLERS * self.size.rounds:
            times = max(self.size.redemptions // callers, REDEMPTIONS_EACH)
            codes = [await asyncio.gather(*(self._redemption() for _ in range(times))) for _ in range(callers)]
            await self.stage.calm()
            async with wires(PORT, callers) as opened:
                asks = [partial(self._pair, wire, iter(each)) for wire, each in zip(opened, codes, strict=True)]
                await self.found["pair", callers].add(asks, times=times)
            async with wires(HELLO_PORT, callers) as opened:
                asks = [partial(_twice, wire, hello) for wire in opened]
                await self.found["pair hello", callers].add(asks, seconds=self.size.limit_seconds)

    async def pages(self, pages: Pages) -> None:
        """Pages of each dialect, a hello of as many bytes, and the journal's query alone."""
        journal = self.street.platform.database[JOURNAL]
        for callers in CALLERS * self.size.rounds:
            await self.stage.calm()
            for name, each in pages.items():
                size = httpx2.URL(f"http://localhost:{HELLO_PORT}/{_usual_bytes(each)}")
                async with wires(PORT, callers) as ours, wires(HELLO_PORT, callers) as theirs:
                    shares = [cycle([page.request for page in share]) for share in _shares(each, callers)]
                    asks = [partial(_next, wire, share) for wire, share in zip(ours, shares, strict=True)]
                    await self.found[name, callers].add(asks, seconds=self.size.seconds)
                    asks = [partial(wire.ask, written("GET", size, {})) for wire in theirs]
                    await self.found[f"{name} hello", callers].add(asks, seconds=self.size.limit_seconds)
                queries = [partial(_query, journal, cycle(share)) for share in _shares(each, callers)]
                await self.found[f"{name} journal", callers].add(queries, seconds=self.size.limit_seconds)

    async def _redemption(self) -> bytes:
        """A request that redeems a new code, which the bank's own service has issued beside its pages."""
        person = self.street.people[PROTOCOL_BANK]
        consent = person.visitor.consent
        service = self.street.inside.oauth.issuers[PEOPLE[PROTOCOL_BANK][0]]
        request, form = person.visitor.request(consent)
        back = await service.approve(await service.asked(request), subject=person.id, reference=consent)
        code = parse_qs(urlsplit(back).query)["code"][0]
        return _token_request(person.visitor, form | {"code": code})

    async def _pair(self, wire: Wire, redemptions: Iterator[bytes]) -> None:
        visitor = self.street.people[PROTOCOL_BANK].visitor
        tokens = orjson.loads(await wire.ask(next(redemptions)))
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        await wire.ask(_token_request(visitor, form))


async def _flows_of(people: Sequence[Person], times: int) -> Ask:
    """Sends one after the other on the way, each time with a consent that waits already."""
    waiting = [(person, await person.visitor.lodge()) for person in islice(cycle(people), times)]
    turns = iter(waiting)

    async def flow() -> None:
        person, consent = next(turns)
        await person.flow(consent, person.accounts)

    return flow


def _token_request(visitor: Visitor, form: Mapping[str, str]) -> bytes:
    login = base64.b64encode(":".join(visitor.credentials).encode()).decode()
    url = visitor.http.base_url.join("/oauth/token")
    return written("POST", url, {"Authorization": f"Basic {login}"}, urlencode(form).encode())


async def _next(wire: Wire, requests: Iterator[bytes]) -> bytes:
    return await wire.ask(next(requests))


async def _twice(wire: Wire, request: bytes) -> None:
    await wire.ask(request)
    await wire.ask(request)


async def _query(journal: AsyncCollection[dict[str, Any]], pages: Iterator[Page]) -> None:
    """The page's records, and the one after them that tells that there are more, as the driver brings them."""
    page = next(pages)
    after = page.last.seq if page.last else 0
    wanted: dict[str, Any] = {"links": {"$elemMatch": {"account": page.account, "seq": {"$gt": after}}}}
    if page.last:
        wanted |= {"links.account": page.account, "booked_at": {"$gte": page.last.booked_at}}
    await journal.find(wanted).sort(IN_ORDER).limit(PAGE + 1).to_list()


def _shares(pages: Sequence[Page], callers: int) -> list[list[Page]]:
    """All pages for everybody, each beginning at another."""
    starts = [caller * len(pages) // callers for caller in range(callers)]
    return [[*pages[start:], *pages[:start]] for start in starts]


def _usual_bytes(pages: Sequence[Page]) -> int:
    return int(median(page.body_bytes for page in pages))


def _flow_rows(found: Found, per_flow: float) -> list[Row]:
    rows = []
    for callers in FLOW_CALLERS:
        ours, hello, password = (found[name, callers] for name in ("flow", "flow hello", "password"))
        figures: dict[str, Spread | str] = {
            "flows/s": Spread.of(ours.rates),
            "p50": ours.percentile(0.5),
            "p99": ours.percentile(0.99),
            "requests each": f"{per_flow:.1f}",
            "limit: as many hellos/s": Spread.of([rate / per_flow for rate in hello.rates]),
            "of hello": ours.part_of(hello, each=per_flow),
            "limit: password checks/s": Spread.of(password.rates),
            "of checks": ours.part_of(password),
        }
        rows.append(Row("Banks: authorization-code flows through the pages", _so_many(callers, "caller"), figures))
    return rows


def _protocol_rows(found: Found) -> list[Row]:
    title = "Banks: the protocol alone, a code redeemed and a token refreshed"
    return [
        Row(
            title,
            _so_many(callers, "caller"),
            {
                "pairs/s": Spread.of(found["pair", callers].rates),
                "p50": found["pair", callers].percentile(0.5),
                "p99": found["pair", callers].percentile(0.99),
                "limit: two hellos/s": Spread.of(found["pair hello", callers].rates),
                "of hello": found["pair", callers].part_of(found["pair hello", callers]),
            },
        )
        for callers in CALLERS
    ]


def _page_rows(found: Found, pages: Pages) -> list[Row]:
    rows = []
    for name, each in pages.items():
        for callers in CALLERS:
            ours, hello, journal = (found[f"{name}{limit}", callers] for limit in ("", " hello", " journal"))
            figures: dict[str, Spread | str] = {
                "pages/s": Spread.of(ours.rates),
                "p50": ours.percentile(0.5),
                "p99": ours.percentile(0.99),
                "kB": f"{_usual_bytes(each) / 1000:.0f}",
                "limit: hello/s, same bytes": Spread.of(hello.rates),
                "of hello": ours.part_of(hello),
                "limit: journal queries/s": Spread.of(journal.rates),
                "of journal": ours.part_of(journal),
            }
            row = f"{NAMES[name]}, {_so_many(callers, 'connection')}"
            rows.append(Row(f"Banks: pages of {PAGE} transactions", row, figures))
    return rows


def _so_many(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' if count > 1 else ''}"
