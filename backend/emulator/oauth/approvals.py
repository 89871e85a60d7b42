"""What a customer does with a request: log in, look, choose accounts, prove it twice, allow or refuse."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backend.emulator.oauth.banks import Bank, consent_named
from backend.emulator.oauth.consents import Consent, ConsentBook, State
from backend.emulator.oauth.customers import Customer, CustomerAccount, Customers, Passwords
from backend.emulator.oauth.journeys import Gone, Journey, Journeys, Step
from backend.emulator.oauth.lockouts import Lockouts
from backend.kernel import clock
from backend.kernel.errors import Conflict
from backend.oauth.authorizations import AuthorizationRequest
from backend.oauth.grants import Grant
from backend.oauth.service import AuthorizationService

WRONG_LOG_IN: Final = "That did not work. Check your user name and password; after five failures there is a pause."
CHOOSE_ONE: Final = "Choose at least one account, or refuse."


@dataclass(frozen=True, slots=True)
class Asked:
    """All that the pages show of a journey."""

    journey: Journey
    consent: Consent
    client_name: str
    customer: Customer | None
    accounts: Sequence[CustomerAccount]


class Approvals:
    """The customers' part in one bank."""

    def __init__(
        self,
        bank: Bank,
        service: AuthorizationService,
        *,
        journeys: Journeys,
        consents: ConsentBook,
        customers: Customers,
        passwords: Passwords,
        lockouts: Lockouts,
    ) -> None:
        self.bank = bank
        self.service = service
        self.journeys = journeys
        self._consents = consents
        self._customers = customers
        self._passwords = passwords
        self._lockouts = lockouts

    async def begin(self, request: AuthorizationRequest, browser: str) -> str | None:
        """The id of a new journey; None when the request names no consent that waits for a decision."""
        named = consent_named(request.parameters)
        consent = await self._consents.find(self.bank.slug, named) if named else None
        now = clock.now()
        if consent is None or consent.client_id != request.client_id or consent.state_at(now) is not State.RECEIVED:
            return None
        return await self.journeys.begin(self.bank.slug, request, consent.id, browser=browser, now=now)

    async def ask_in_app(self, consent_id: str, user_name: str) -> str | None:
        """Put a consent to the customer in the bank app (decoupled approach); the journey's id.

        None when no such consent waits, or nobody has that user name.
        """
        now = clock.now()
        consent = await self._consents.find(self.bank.slug, consent_id)
        customer = await self._customers.by_user_name(self.bank.slug, user_name)
        if customer is None or consent is None or consent.state_at(now) is not State.RECEIVED:
            return None
        return await self.journeys.begin_in_app(
            self.bank.slug, consent.id, consent.client_id, customer_id=customer.id, now=now
        )

    async def asked(self, journey: Journey) -> Asked:
        """What ``journey`` is about; Gone when its consent is not to be found."""
        consent = await self._consents.find(self.bank.slug, journey.consent_id)
        if consent is None:
            raise Gone("What you were asked about has been withdrawn")
        customer, accounts = None, list[CustomerAccount]()
        if journey.customer_id:
            customer = await self._customers.by_id(self.bank.slug, journey.customer_id)
            accounts = await self._offered(consent, journey.customer_id)
        return Asked(journey, consent, await self.client_name(journey.client_id), customer, accounts)

    async def client_name(self, client_id: str) -> str:
        """The third party's name, as the bank registered it."""
        client = await self.service.client(client_id)
        return client.name if client else client_id

    async def log_in(self, user_name: str, password: str) -> Customer | None:
        """The customer, or None: unknown, wrong, or locked out, all of which look and last the same."""
        who = ("password", self.bank.slug, user_name.strip().casefold())
        left = await self._lockouts.take(*who, now=clock.now())
        customer = await self._customers.by_user_name(self.bank.slug, user_name.strip())
        is_right = await self._passwords.matches(customer, password)
        if left is None or not is_right:
            return None
        await self._lockouts.clear(*who)
        return customer

    async def log_in_to(self, journey: Journey, user_name: str, password: str) -> None:
        """The first factor; a failure leaves a note and the journey where it is."""
        if journey.step is not Step.LOG_IN:
            raise Gone("You are logged in here already")
        customer = await self.log_in(user_name, password)
        if customer is None:
            await self.journeys.note(journey, WRONG_LOG_IN)
        else:
            await self.journeys.signal("log in", journey, clock.now(), CustomerId=customer.id)

    async def choose(self, journey: Journey, chosen: Sequence[str]) -> None:
        """The accounts to share; only those on offer, and at least one."""
        if journey.step is not Step.REVIEW:
            raise Gone("There is nothing to choose here")
        asked = await self.asked(journey)
        if not chosen or not set(chosen) <= {account.id for account in asked.accounts}:
            await self.journeys.note(journey, CHOOSE_ONE)
        else:
            await self.journeys.choose(journey, sorted(set(chosen)), clock.now())

    async def enter_code(self, journey: Journey, typed: str) -> None:
        """The second factor: the right code allows what was asked; the fifth wrong one ends the matter."""
        now = clock.now()
        if journey.step is not Step.CODE or journey.customer_id is None:
            raise Gone("There is no code to enter here")
        who = ("code", self.bank.slug, journey.customer_id)
        left = await self._lockouts.take(*who, now=now)
        if left is not None and self.journeys.is_code(journey, typed):
            await self._lockouts.clear(*who)
            await self._allow(journey, journey.accounts, now)
        elif not left:
            await self.refuse(journey, reason="Too many wrong codes")
        else:
            tries = "one try" if left == 1 else f"{left} tries"
            await self.journeys.note(journey, f"That is not the code. You have {tries} left.")

    async def approve_in_app(self, journey: Journey, chosen: Sequence[str]) -> bool:
        """The decision taken in the bank app; False when no account on offer was chosen."""
        asked = await self.asked(journey)
        if not chosen or not set(chosen) <= {account.id for account in asked.accounts}:
            return False
        await self._allow(journey, sorted(set(chosen)), clock.now())
        return True

    async def refuse(self, journey: Journey, *, reason: str = "Refused by the customer") -> None:
        """Nothing is shared."""
        now = clock.now()
        await self.journeys.signal("refuse", journey, now, Reason=reason)
        consent = await self._consents.find(self.bank.slug, journey.consent_id)
        if consent and consent.state_at(now) is State.RECEIVED:
            await self._consents.reject(consent, reason=reason, now=now, customer_id=journey.customer_id)

    async def answer(self, journey: Journey) -> str:
        """The address that takes the browser back, once; Gone before a decision, or the second time."""
        if journey.request is None:
            raise Gone("There is nobody to go back to")
        done = await self.journeys.signal("answer", journey, clock.now())
        if journey.step is Step.APPROVED and done.customer_id:
            return await self.service.approve(journey.request, subject=done.customer_id, reference=journey.consent_id)
        return await self.service.refuse(journey.request)

    async def given(self, customer_id: str) -> Sequence[Consent]:
        """All that the customer decided on here, newest first."""
        return await self._consents.of_customer(self.bank.slug, customer_id)

    async def take_back(self, customer_id: str, consent_id: str) -> bool:
        """Revoke a consent and every token that came of it; False when there is none in force."""
        consent = await self._consents.find(self.bank.slug, consent_id)
        if consent is None or consent.customer_id != customer_id:
            return False
        try:
            await self._consents.revoke(consent, reason="Taken back by the customer", now=clock.now())
        except Conflict:
            return False
        finally:
            await self.service.revoke_reference(consent.id)
        return True

    async def accounts(self, customer_id: str) -> Sequence[CustomerAccount]:
        """All accounts of the customer."""
        return await self._customers.accounts(self.bank.slug, customer_id)

    async def customer(self, customer_id: str) -> Customer | None:
        """The customer of that id."""
        return await self._customers.by_id(self.bank.slug, customer_id)

    async def _allow(self, journey: Journey, accounts: Sequence[str], now: datetime) -> None:
        asked = await self.asked(journey)
        await self._consents.authorise(
            asked.consent,
            customer_id=str(journey.customer_id),
            accounts=accounts,
            now=now,
            ends_at=now + self.bank.authentication_lasts,
        )
        await self.journeys.signal("approve", journey, now)

    async def _offered(self, consent: Consent, customer_id: str) -> list[CustomerAccount]:
        accounts = await self._customers.accounts(self.bank.slug, customer_id)
        named = consent.requested_accounts
        return [account for account in accounts if named is None or account.id in named]


@dataclass(frozen=True, slots=True)
class StillCovered:
    """True for a client's own grant, and for one whose consent is valid."""

    bank: Bank
    consents: ConsentBook

    async def __call__(self, grant: Grant, now: datetime) -> bool:
        """Whether ``grant`` still stands on something."""
        if grant.reference is None:
            return grant.subject is None
        consent = await self.consents.find(self.bank.slug, grant.reference)
        return consent is not None and consent.client_id == grant.client_id and consent.state_at(now) is State.VALID
