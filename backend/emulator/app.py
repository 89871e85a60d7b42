"""The world server: every bank's pages, tokens and API in one application, told apart by the Host header."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from pymongo.asynchronous.database import AsyncDatabase
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from backend.emulator.faults import FaultStore
from backend.emulator.faults import wrap as make_faulty
from backend.emulator.faults.opening import open_faults
from backend.emulator.ledger.port import Ledger
from backend.emulator.oauth import services as oauth
from backend.emulator.oauth.app import create_oauth_app
from backend.emulator.oauth.banks import Bank as OAuthBank
from backend.emulator.oauth.consents import Consents
from backend.emulator.oauth.customers import Passwords
from backend.emulator.oauth.services import OAuthServices
from backend.emulator.openbanking import terms as consent_terms
from backend.emulator.openbanking.app import create_bank_api
from backend.emulator.openbanking.books import Books
from backend.emulator.openbanking.cursors import Cursors
from backend.emulator.openbanking.customers import WorldCustomers
from backend.emulator.openbanking.dialect import Dialect
from backend.emulator.openbanking.dialects import DIALECTS
from backend.emulator.openbanking.gate import Gate
from backend.emulator.openbanking.permissions import AgeingConsents
from backend.emulator.openbanking.reading import Reader
from backend.emulator.openbanking.refusals import Refused
from backend.emulator.openbanking.side import Side
from backend.emulator.openbanking.street import Door, create_street
from backend.emulator.openbanking.terms import TermsShelf
from backend.emulator.openbanking.third_parties import ThirdParty, read_third_parties, register
from backend.emulator.openbanking.world_time import WorldTime
from backend.emulator.world.clock import WorldClock
from backend.emulator.world.opening import open_world
from backend.emulator.world.reading import World
from backend.emulator.world.rows import Bank
from backend.kernel.errors import Misconfigured
from backend.kernel.ids import KeyedHash
from backend.kernel.keys import load_keys
from backend.kernel.mongo.client import connect, translated
from backend.kernel.mongo.preparing import prepared_uri
from backend.kernel.mongo.provision import CollectionSpec, verify
from backend.kernel.settings import Settings
from backend.oauth.policy import Policy

Database = AsyncDatabase[dict[str, Any]]
_APP_NAME: Final = "openfinance-banks"
_SPEECH: Final = {
    "leafy": "leafy JSON",
    "berlin_group": "Berlin Group NextGenPSD2 1.3",
    "uk_open_banking": "UK Open Banking 3.1",
    "op_finland": "OP Finland",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the server stands on: the world's rows, its books, and the databases, made ready."""

    world: World
    ledger: Ledger
    world_database: Database
    oauth_database: Database
    terms_database: Database
    keyed_hash: KeyedHash
    faults: FaultStore | None = None


class WorldServer:
    """The ASGI application; ``oauth``, ``books`` and ``gates`` (by bank) are there for whoever serves or tests it."""

    def __init__(
        self, ground: Ground, *, port: int, parties: tuple[ThirdParty, ...], passwords: Passwords | None = None
    ) -> None:
        self._parties = parties
        time = WorldTime(WorldClock(ground.world_database), ground.world.starts)
        self.books = books = Books(ground.ledger, ground.world_database, time)
        terms = TermsShelf(ground.terms_database)
        passwords = passwords or Passwords()
        banks = [_oauth_bank(bank, port) for bank in ground.world.banks.values()]
        lends = {bank.id: _dialect(bank).tells_of_loans for bank in ground.world.banks.values()}
        self.oauth = OAuthServices.over(
            ground.oauth_database,
            ground.keyed_hash,
            banks,
            WorldCustomers(ground.world_database, books, passwords, lends),
            consent_book=AgeingConsents(Consents(ground.oauth_database), time),
            passwords=passwords,
        )
        self.gates = {bank.slug: self._gate(ground, bank, terms, time) for bank in banks}
        pages = create_oauth_app(self.oauth)
        self._by_host: dict[str, ASGIApp] = {}
        for bank in banks:
            row = ground.world.banks[bank.slug]
            side = _side(ground, row, bank, self.gates[bank.slug], books, time)
            app = _Bank(pages, create_bank_api(side, _dialect(row)), _dialect(row).prefix)
            self._by_host[bank.host] = _faulty(app, row, ground, time, self.gates[bank.slug])
        self._street = create_street([_door(bank, ground.world.banks[bank.slug]) for bank in banks])

    async def prepare(self) -> None:
        """Let the banks know their third parties, and clear away what is over."""
        await register(self.oauth, self._parties)
        await self.oauth.sweep()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the bank that was called, or with the list of banks."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        named = next((value for name, value in scope.get("headers", ()) if name == b"host"), b"")
        host = named.decode("latin-1").partition(":")[0].lower()
        await self._by_host.get(host, self._street)(scope, receive, send)

    def _gate(self, ground: Ground, bank: OAuthBank, terms: TermsShelf, time: WorldTime) -> Gate:
        dialect = _dialect(ground.world.banks[bank.slug])
        keys: Mapping[str, str] = {party.client_id: party.api_key for party in self._parties}
        check = dialect.checking(lambda client_id: keys.get(client_id, ""))
        return Gate(bank, self.oauth, terms, time, attended_by=dialect.attended_by, check=check)


def create_world_server(
    ground: Ground,
    *,
    port: int,
    parties: tuple[ThirdParty, ...] | None = None,
    passwords: Passwords | None = None,
) -> WorldServer:
    """The server of all banks; call ``prepare`` before it serves. ``port`` is the one its addresses name."""
    known = read_third_parties() if parties is None else parties
    return WorldServer(ground, port=port, parties=known, passwords=passwords)


@asynccontextmanager
async def open_world_server(settings: Settings, world: World, *, port: int) -> AsyncIterator[WorldServer]:
    """The server over the embedded MongoDB, started and prepared if need be, or over the one of MONGODB_URI.

    Raises Misconfigured or DatabaseUnavailable with the remedy; also when no world has been built.
    """
    async with AsyncExitStack() as stack:
        opened = await stack.enter_async_context(open_world(settings))
        if not await WorldClock(opened.database).stands(world):
            raise Misconfigured("There is no world yet; run `openfinance world build`")
        ground = Ground(
            world=world,
            ledger=opened.platform.ledger,
            world_database=opened.database,
            oauth_database=await stack.enter_async_context(_database(settings, oauth.DATABASE_NAME, oauth.COLLECTIONS)),
            terms_database=await stack.enter_async_context(
                _database(settings, consent_terms.DATABASE, consent_terms.COLLECTIONS)
            ),
            keyed_hash=KeyedHash(load_keys(settings).hash),
            faults=await stack.enter_async_context(open_faults(settings)),
        )
        server = create_world_server(ground, port=port)
        await server.prepare()
        yield server


class _Bank:
    """One bank: paths of its dialect go to the API, all others to its pages and tokens."""

    def __init__(self, pages: ASGIApp, api: ASGIApp, prefix: str) -> None:
        self._pages = pages
        self._api = api
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(self._prefix)
        await (self._api if is_api else self._pages)(scope, receive, send)


def _dialect(bank: Bank) -> Dialect:
    return DIALECTS[bank.dialect]


def _oauth_bank(bank: Bank, port: int) -> OAuthBank:
    dialect = _dialect(bank)
    policy = Policy(
        issuer=f"http://{bank.host}:{port}", scopes=dialect.scopes, reference_name="consent_id", **dialect.policy
    )
    return OAuthBank(slug=bank.id, name=bank.name, host=bank.host, policy=policy, colour=bank.colour)


def _side(ground: Ground, row: Bank, bank: OAuthBank, gate: Gate, books: Books, time: WorldTime) -> Side:
    return Side(
        bank=row,
        address=bank.issuer,
        gate=gate,
        books=books,
        reader=Reader(gate, books, Cursors(ground.keyed_hash)),
        time=time,
        accounts=_ids_by_number(ground.world, row),
    )


def _ids_by_number(world: World, bank: Bank) -> dict[str, str]:
    """The bank's accounts by every number they are known by."""
    accounts = [
        account for persona in world.personas.values() for account in persona.accounts if account.bank == bank.id
    ]
    numbers: list[Callable[[Any], str | None]] = [
        lambda account: account.number,
        world.iban_of,
        lambda account: account.card if account.kind == "card" else None,
    ]
    found = [(number(account), account.id) for account in accounts for number in numbers]
    return {number: account_id for number, account_id in found if number}


def _faulty(app: ASGIApp, bank: Bank, ground: Ground, time: WorldTime, gate: Gate) -> ASGIApp:
    if ground.faults is None:
        return app

    async def revoke(scope: Scope) -> None:
        try:
            await gate.end_behind(scope)
        except Refused:
            return  # nothing was granted on this call, so there is nothing to take back

    return make_faulty(app, bank.id, ground.faults, dialect=bank.dialect, now=time.now, revoke=revoke)


def _door(bank: OAuthBank, row: Bank) -> Door:
    return Door(bank.name, bank.issuer, _SPEECH[row.dialect])


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message: Message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


@asynccontextmanager
async def _database(
    settings: Settings, name: str, specs: tuple[CollectionSpec, ...]
) -> AsyncIterator[AsyncDatabase[dict[str, Any]]]:
    uri = await prepared_uri(settings, name, specs)
    async with connect(uri, app_name=_APP_NAME) as client:
        with translated():
            await verify(client, name, specs)
        yield client[name]
