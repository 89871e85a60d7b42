"""The gate: token, consent, permission, account and count of every call, before anything is read."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

from backend.emulator.oauth.banks import Bank as OAuthBank
from backend.emulator.oauth.consents import Consent, State, Verdict
from backend.emulator.oauth.services import OAuthServices
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.terms import Terms, TermsShelf
from backend.emulator.openbanking.world_time import WorldTime
from backend.kernel import clock
from backend.kernel.errors import Conflict
from backend.oauth.grants import Grant

ENDED_BY_THIRD_PARTY: Final = "Ended by the third party"
_BEARER: Final = "bearer "


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """A call that was let in: on which consent, on which terms, and with or without the customer there."""

    consent: Consent
    terms: Terms
    is_attended: bool
    now: datetime

    def accounts(self, permission: str) -> list[str]:
        """The ids of the shared accounts that the permission reaches."""
        return [account for account in self.consent.accounts if self.terms.reaches(permission, account)]


class Gate:
    """One bank's. ``attended_by`` is the header with the customer's address; ``check`` looks at the dialect's own."""

    def __init__(
        self,
        bank: OAuthBank,
        oauth: OAuthServices,
        terms: TermsShelf,
        time: WorldTime,
        *,
        attended_by: str,
        check: Callable[[Request, str], None],
    ) -> None:
        self._bank = bank
        self._oauth = oauth
        self._terms = terms
        self._time = time
        self._attended_by = attended_by
        self._check = check

    async def third_party(self, request: Request) -> str:
        """The id of the third party whose token this is, in force, whoever it was granted by."""
        grant, is_expired = await self._grant(request)
        if is_expired or grant.revoked_at:
            raise Refused(Reason.TOKEN_EXPIRED, "The token has expired or was revoked; get a new one")
        self._check(request, grant.client_id)
        return grant.client_id

    async def own_consent(self, request: Request, consent_id: str) -> tuple[Consent, Terms]:
        """The third party's consent of that id, in whatever state."""
        client_id = await self.third_party(request)
        consent = await self._oauth.consents.find(self._bank.slug, consent_id)
        terms = await self._terms.find(consent_id)
        if consent is None or terms is None or consent.client_id != client_id:
            raise Refused(Reason.CONSENT_UNKNOWN, "There is no such consent of yours")
        return consent, terms

    async def receive(self, consent: Consent, terms: Terms) -> None:
        """Keep what a third party asks for."""
        await self._terms.keep(terms)
        await self._oauth.consents.receive(consent)

    async def end(self, consent: Consent) -> None:
        """Take the consent back for the third party, and all tokens that came of it."""
        now = await self._time.of_permissions()
        try:
            await self._oauth.consents.revoke(consent, reason=ENDED_BY_THIRD_PARTY, now=now)
        except Conflict:
            raise Refused(Reason.STATE_CONFLICT, "The consent is over already") from None
        await self._oauth.issuers[self._bank.slug].revoke_reference(consent.id)

    async def end_behind(self, scope: Scope) -> None:
        """Take back the consent that a request was made with, as if the customer had done it meanwhile."""
        grant, _ = await self._grant(Request(scope))
        consent = await self._oauth.consents.find(self._bank.slug, grant.reference) if grant.reference else None
        if consent and consent.customer_id:
            await self._oauth.approvals[self._bank.slug].take_back(consent.customer_id, consent.id)

    async def admit(self, request: Request, *, permission: str, account: str | None = None) -> Admitted:
        """Let the call in; Refused says what is missing. Nothing is counted yet."""
        grant, is_expired = await self._grant(request)
        consent = await self._oauth.consents.find(self._bank.slug, grant.reference) if grant.reference else None
        terms = await self._terms.find(consent.id) if consent else None
        if consent is None or terms is None or consent.client_id != grant.client_id:
            raise Refused(Reason.CONSENT_UNKNOWN, "The token belongs to no consent")
        now = await self._time.of_permissions()
        _check_state(consent, now)
        if is_expired or grant.revoked_at:
            raise Refused(Reason.TOKEN_EXPIRED, "The token has expired or was revoked; refresh it")
        self._check(request, grant.client_id)
        _check_reach(consent, terms, permission, account, now)
        return Admitted(consent=consent, terms=terms, is_attended=self._is_attended(request), now=now)

    async def count(self, admitted: Admitted, resource: str, read_id: str | None = None) -> str | None:
        """Count a read of ``resource``; the id by which its later pages go uncounted, None if it needs none."""
        terms, consent = admitted.terms, admitted.consent
        if admitted.is_attended and not terms.is_one_off:
            return None
        limit = 1 if terms.is_one_off else min(terms.reads_a_day, self._bank.unattended_reads_a_day)
        try:
            let_in = await self._oauth.consents.read_unattended(
                consent.id, resource, now=admitted.now, limit=limit, read_id=read_id
            )
        except Conflict as busy:
            raise Refused(Reason.UNAVAILABLE, str(busy), retry_after_seconds=1) from None
        if let_in.read_id:
            return let_in.read_id
        if terms.is_one_off:
            raise Refused(Reason.CONSENT_EXPIRED, "The consent was for one read, which is done")
        raise Refused(
            Reason.READS_EXCEEDED,
            f"Without the customer this may be read {limit} times in 24 hours",
            retry_after_seconds=let_in.retry_after_seconds,
        )

    async def _grant(self, request: Request) -> tuple[Grant, bool]:
        """The grant behind the bearer token, and whether the token is too old."""
        header = request.headers.get("authorization", "")
        token = header[len(_BEARER) :].strip() if header[: len(_BEARER)].lower() == _BEARER else ""
        if not token:
            raise Refused(Reason.TOKEN_MISSING, "Send an access token as `Authorization: Bearer …`")
        grants = self._oauth.shelves.grants
        grant = await grants.by_token(self._bank.issuer, token)
        known = grant.token(grants.hashed(token)) if grant else None
        if grant is None or known is None or known.kind != "access":
            raise Refused(Reason.TOKEN_UNKNOWN, "The access token is not known here")
        return grant, known.expires_at <= clock.now()

    def _is_attended(self, request: Request) -> bool:
        address = request.headers.get(self._attended_by)
        if address is None:
            return False
        try:
            ip_address(address.strip())
        except ValueError:
            raise Refused(Reason.HEADER_INVALID, "That is no IP address", place=self._attended_by) from None
        return True


def _check_state(consent: Consent, now: datetime) -> None:
    state = consent.state_at(now)
    if state is State.VALID:
        return
    if state is not State.EXPIRED:
        raise Refused(Reason.CONSENT_INVALID, "The consent is not in force: it was refused, taken back or never given")
    if consent.valid_until and consent.valid_until <= now:
        raise Refused(Reason.CONSENT_EXPIRED, "The consent has run out; ask for a new one")
    raise Refused(
        Reason.AUTHENTICATION_EXPIRED, "The customer's strong authentication has run out; ask for a new consent"
    )


def _check_reach(consent: Consent, terms: Terms, permission: str, account: str | None, now: datetime) -> None:
    verdict = consent.covers(account=account, permission=permission, now=now)
    if verdict is Verdict.PERMISSION_MISSING:
        raise Refused(Reason.PERMISSION_MISSING, f"The consent does not cover {permission}")
    if verdict is not Verdict.ALLOWED:
        raise Refused(Reason.ACCOUNT_UNKNOWN, "The customer shared no such account")
    if account is None or terms.reaches(permission, account):
        return
    if terms.reaches("accounts", account):
        raise Refused(Reason.PERMISSION_MISSING, f"The consent does not cover {permission} of this account")
    raise Refused(Reason.ACCOUNT_UNKNOWN, "The customer shared no such account")
