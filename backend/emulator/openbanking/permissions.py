"""The book of consents as the authorization server sees it: told in real time, kept in the time of permissions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from backend.emulator.oauth.consents import Consent, Consents
from backend.emulator.openbanking.world_time import WorldTime


class AgeingConsents:
    """A ``ConsentBook`` whose consents also age when the world is advanced.

    The authorization server knows real time only, so it is told ends that come sooner by what was advanced.
    """

    def __init__(self, consents: Consents, time: WorldTime) -> None:
        self._consents = consents
        self._time = time

    async def find(self, bank: str, consent_id: str) -> Consent | None:
        """The bank's consent of that id."""
        found = await self._consents.find(bank, consent_id)
        return _sooner(found, await self._time.advanced()) if found else None

    async def of_customer(self, bank: str, customer_id: str) -> Sequence[Consent]:
        """All consents the customer decided on, newest first."""
        advanced = await self._time.advanced()
        return [_sooner(consent, advanced) for consent in await self._consents.of_customer(bank, customer_id)]

    async def authorise(
        self, consent: Consent, *, customer_id: str, accounts: Sequence[str], now: datetime, ends_at: datetime
    ) -> Consent:
        """Allowed by the customer for ``accounts``."""
        advanced = await self._time.advanced()
        done = await self._consents.authorise(
            consent, customer_id=customer_id, accounts=accounts, now=now + advanced, ends_at=ends_at + advanced
        )
        return _sooner(done, advanced)

    async def reject(self, consent: Consent, *, reason: str, now: datetime, customer_id: str | None) -> Consent:
        """Refused by the customer."""
        advanced = await self._time.advanced()
        done = await self._consents.reject(consent, reason=reason, now=now + advanced, customer_id=customer_id)
        return _sooner(done, advanced)

    async def revoke(self, consent: Consent, *, reason: str, now: datetime) -> Consent:
        """Taken back."""
        advanced = await self._time.advanced()
        return _sooner(await self._consents.revoke(consent, reason=reason, now=now + advanced), advanced)


def _sooner(consent: Consent, advanced: timedelta) -> Consent:
    return replace(consent, ends_at=consent.ends_at - advanced) if consent.ends_at else consent
