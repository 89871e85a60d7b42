"""What the routes work with, opened together when the API starts and closed when it stops."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from backend.api.identity.audit import Audit
from backend.api.identity.credentials import Credentials
from backend.api.identity.passwords import Passwords
from backend.api.identity.people import People
from backend.api.machines.clients import MachineClients
from backend.api.machines.issuer import machine_issuer
from backend.banks.registry import Registry
from backend.documents.store import Store
from backend.insights.run import Insights
from backend.kernel.settings import Settings
from backend.oauth.issuer import Issuer


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a route may need; found by it as ``ServicesDep``."""

    store: Store
    insights: Insights
    banks: Registry
    settings: Settings
    credentials: Credentials
    people: People
    audit: Audit
    clients: MachineClients
    issuer: Issuer


@asynccontextmanager
async def services_over(
    store: Store,
    settings: Settings,
    *,
    insights: Insights,
    banks: Registry,
    passwords: Passwords | None = None,
) -> AsyncIterator[Services]:
    """The services over an open store; what waits to be written in the background is written at the end."""
    audit = Audit(store)
    passwords = passwords or Passwords()
    await passwords.warm_up()
    async with Credentials(store, audit) as credentials:
        people = People(store, passwords, credentials, audit)
        clients = MachineClients(store, credentials, audit)
        issuer = machine_issuer(settings.public_url, store, clients, credentials)
        yield Services(store, insights, banks, settings, credentials, people, audit, clients, issuer)
