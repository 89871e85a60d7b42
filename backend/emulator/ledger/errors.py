"""What the ledger refuses, each refusal by its own name; nothing was changed."""

from typing import Final

from backend.kernel.errors import Conflict, InvalidInput, NotFound


class UnknownAccount(NotFound):
    """No account has this id."""

    kind = "unknown-account"


class UnknownHold(NotFound):
    """No hold has this id."""

    kind = "unknown-hold"


class AccountUnusable(InvalidInput):
    """The account cannot be used by this caller; which of the reasons it is, is not said."""

    status = 400
    kind = "account-unusable"

    def __init__(self) -> None:
        super().__init__("Account not found, not owned by user, or not active")


class InsufficientFunds(Conflict):
    """The available balance is less than the amount."""

    kind = "insufficient-balance"

    def __init__(self) -> None:
        super().__init__("Insufficient funds")


class AccountClosed(Conflict):
    """The account takes part in nothing any more."""

    kind = "account-closed"

    def __init__(self) -> None:
        super().__init__("The account is closed")


class AccountNotEmpty(Conflict):
    """There is money on the account, owed by it, or held on it."""

    kind = "account-not-empty"

    def __init__(self) -> None:
        super().__init__("Only an account with balance zero and without holds can be closed; empty it first")


class HoldAlreadyPosted(Conflict):
    """The hold was turned into a booking."""

    kind = "hold-already-posted"

    def __init__(self) -> None:
        super().__init__("The hold is already posted")


class HoldAlreadyReleased(Conflict):
    """The hold was given up."""

    kind = "hold-already-released"

    def __init__(self) -> None:
        super().__init__("The hold is already released")


class HoldAlreadyExpired(Conflict):
    """The time of the hold was up."""

    kind = "hold-already-expired"

    def __init__(self) -> None:
        super().__init__("The hold is already expired")


ALREADY_ENDED: Final = {
    "posted": HoldAlreadyPosted,
    "released": HoldAlreadyReleased,
    "expired": HoldAlreadyExpired,
}


class Backdated(InvalidInput):
    """The date lies before the account's latest entry, so that balances already told would change."""

    kind = "backdated"

    def __init__(self) -> None:
        super().__init__("An entry cannot be dated before the latest entry of its account, or before its opening")


class KeyReused(InvalidInput):
    """The idempotency key came before with another request."""

    kind = "idempotency-key-reused"

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used for another request; take a new one")
