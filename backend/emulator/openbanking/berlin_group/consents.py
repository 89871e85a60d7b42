"""Berlin Group consents: what may be asked, how it is kept, and how it is told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from backend.emulator.oauth.consents import Consent, State
from backend.emulator.openbanking import asking
from backend.emulator.openbanking.berlin_group import render
from backend.emulator.openbanking.facts import Account
from backend.emulator.openbanking.gate import ENDED_BY_THIRD_PARTY
from backend.emulator.openbanking.refusals import Reason, Refused
from backend.emulator.openbanking.terms import Terms

Json = dict[str, Any]
_GLOBAL: Final[Mapping[str, tuple[str, ...]]] = {
    "allPsd2": ("accounts", "balances", "transactions"),
    "availableAccounts": ("accounts",),
    "availableAccountsWithBalance": ("accounts", "balances"),
}
OWNER_NAME: Final = "allAccountsWithOwnerName"
_GLOBAL_VALUES: Final = ("allAccounts", OWNER_NAME)
_NAMED: Final = ("accounts", "balances", "transactions")
_SCHEMES: Final = frozenset({"iban", "bban", "maskedPan"})
_OPEN_END: Final = date(9999, 12, 31)
_ONE_OFF_LASTS: Final = timedelta(hours=24)
STATUS: Final = {
    State.RECEIVED: "received",
    State.VALID: "valid",
    State.REJECTED: "rejected",
    State.REVOKED: "revokedByPsu",
    State.EXPIRED: "expired",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A consent as it is asked for. ``accounts`` by permission are ids; None lets the customer choose."""

    permissions: tuple[str, ...]
    accounts: Mapping[str, tuple[str, ...]] | None
    valid_until: datetime | None
    is_recurring: bool
    reads_a_day: int
    body: Json

    @property
    def requested(self) -> list[str] | None:
        """All accounts that are named."""
        return None if self.accounts is None else sorted({each for named in self.accounts.values() for each in named})

    @property
    def has_owner_names(self) -> bool:
        """Whether the names of the accounts' owners were asked for too."""
        return any(value == OWNER_NAME for value in self.body["access"].values())

    def terms(self, consent_id: str) -> Terms:
        """What is kept beside the consent."""
        return Terms(
            consent_id=consent_id,
            asked=self.body,
            codes=frozenset({OWNER_NAME} if self.has_owner_names else ()),
            reads_a_day=self.reads_a_day,
            is_one_off=not self.is_recurring,
            accounts=self.accounts or {},
        )


def read(body: Mapping[str, Any], ids: Mapping[str, str], now: datetime, midnight_after: Any) -> Asked:
    """The consent that ``body`` asks for; ``ids`` are account ids by number, ``midnight_after`` ends a day."""
    access = body.get("access")
    if not isinstance(access, dict) or not access:
        raise Refused(Reason.FIELD_MISSING, "Say what may be accessed", place="access")
    is_recurring = body.get("recurringIndicator")
    if not isinstance(is_recurring, bool):
        raise Refused(Reason.FIELD_MISSING, "true or false", place="recurringIndicator")
    permissions, accounts = _access(access, ids)
    last = asking.day(body.get("validUntil"), "validUntil")
    valid_until = None if last >= _OPEN_END else midnight_after(last)
    if valid_until and valid_until <= now:
        raise Refused(Reason.PERIOD_INVALID, "This day is over", place="validUntil")
    if not is_recurring:
        valid_until = min(valid_until or now + _ONE_OFF_LASTS, now + _ONE_OFF_LASTS)
    return Asked(
        permissions=permissions,
        accounts=accounts,
        valid_until=valid_until,
        is_recurring=is_recurring,
        reads_a_day=_frequency(body.get("frequencyPerDay"), is_recurring=is_recurring),
        body={"access": access, "validUntil": last.isoformat(), "frequencyPerDay": body["frequencyPerDay"]},
    )


def status(consent: Consent, now: datetime) -> str:
    """The consent's state in the standard's words."""
    state = consent.state_at(now)
    if state is State.REVOKED and consent.history and consent.history[-1].reason == ENDED_BY_THIRD_PARTY:
        return "terminatedByTpp"
    return STATUS[state]


def told(consent: Consent, terms: Terms, chosen: Sequence[Account], now: datetime) -> Json:
    """The consent as it is read again; where the customer chose, with what was chosen."""
    access = dict(terms.asked["access"])
    if consent.state is not State.RECEIVED and chosen and not terms.accounts:
        references = [render.reference(account) for account in chosen]
        access |= {name: references for name in _NAMED if access.get(name) == []}
    return {
        "access": access,
        "recurringIndicator": consent.recurring,
        "validUntil": terms.asked["validUntil"],
        "frequencyPerDay": terms.asked["frequencyPerDay"],
        "lastActionDate": consent.history[-1].at.date().isoformat(),
        "consentStatus": status(consent, now),
        "_links": {"account": {"href": "/v1/accounts"}, "card-account": {"href": "/v1/card-accounts"}},
    }


def _access(
    access: Mapping[str, Any], ids: Mapping[str, str]
) -> tuple[tuple[str, ...], Mapping[str, tuple[str, ...]] | None]:
    unknown = sorted(set(access) - set(_GLOBAL) - set(_NAMED))
    if unknown:
        raise Refused(Reason.FIELD_INVALID, "This access is not offered", place=f"access.{unknown[0]}")
    for name in access.keys() & _GLOBAL.keys():
        if len(access) > 1 or access[name] not in _GLOBAL_VALUES:
            raise Refused(Reason.FIELD_INVALID, "allAccounts, and nothing beside it", place=f"access.{name}")
        return _GLOBAL[name], None
    named = {name: _ids(access[name], ids, f"access.{name}") for name in _NAMED if name in access}
    permissions = tuple(name for name in _NAMED if name in named or name == "accounts")
    if not any(named.values()):
        return permissions, None
    if not all(named.values()):
        raise Refused(Reason.FIELD_INVALID, "Name accounts everywhere, or nowhere", place="access")
    return permissions, named | {"accounts": tuple(sorted({each for those in named.values() for each in those}))}


def _ids(references: Any, ids: Mapping[str, str], place: str) -> tuple[str, ...]:
    if not isinstance(references, list) or not all(_is_reference(each) for each in references):
        raise Refused(Reason.FIELD_INVALID, "A list of references by iban, bban or maskedPan", place=place)
    numbers = [each[scheme] for each in references for scheme in _SCHEMES if scheme in each]
    # An account that is not kept here stays as it was named: nobody will be offered it, and nobody is told so.
    return tuple(ids.get(number, f"unknown {number}") for number in numbers)


def _is_reference(reference: Any) -> bool:
    if not isinstance(reference, dict) or not all(isinstance(part, str) for part in reference.values()):
        return False
    return len(reference.keys() & _SCHEMES) == 1 and reference.keys() <= _SCHEMES | {"currency"}


def _frequency(asked: Any, *, is_recurring: bool) -> int:
    if not isinstance(asked, int) or isinstance(asked, bool) or asked < 1:
        raise Refused(Reason.FIELD_INVALID, "A number of 1 or more", place="frequencyPerDay")
    if not is_recurring and asked != 1:
        raise Refused(Reason.FIELD_INVALID, "A consent for one read is read once", place="frequencyPerDay")
    return asked
