"""What a consent may allow, in the words a customer reads."""

from typing import Final

# Permission -> what it lets the third party see. Renderers translate their dialect's codes into these.
PERMISSIONS: Final[dict[str, str]] = {
    "accounts": "Your accounts: their names, numbers and holders",
    "balances": "Your balances, booked and available",
    "transactions": "Your transactions, with amounts, dates and the other party",
    "cards": "Your cards and what was paid with them, numbers hidden",
    "products": "The terms of your accounts and loans",
    "loans": "Your loans: what is owed, rates and instalments",
    "standing-orders": "Your standing orders",
    "identity": "Your name and address",
}


def in_words(permission: str) -> str:
    """The permission as the customer reads it; one we have no words for stays as the third party wrote it."""
    return PERMISSIONS.get(permission, permission)
