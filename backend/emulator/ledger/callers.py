"""Who calls the ledger's API when it is served by itself: whoever bears a name signed with the installation's key."""

import hmac

from starlette.requests import Request

from backend.kernel.errors import NotAuthenticated
from backend.kernel.ids import KeyedHash

_PURPOSE = "ledger-owner"


def owner_token(hashes: KeyedHash, owner: str) -> str:
    """The bearer token of ``owner``; it is good as long as the installation's hash key is."""
    return f"{owner}.{hashes.digest(_PURPOSE, owner).hex()}"


class SignedOwner:
    """A ``caller`` for the API: the owner whose token the request bears, or NotAuthenticated."""

    def __init__(self, hashes: KeyedHash) -> None:
        self._hashes = hashes

    async def __call__(self, request: Request) -> str:
        """The owner."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        owner = token.rpartition(".")[0]
        is_theirs = hmac.compare_digest(token.encode(), owner_token(self._hashes, owner).encode())
        if scheme.lower() != "bearer" or not owner or not is_theirs:
            raise NotAuthenticated("Send `Authorization: Bearer` with a token of `openfinance ledger token`")
        return owner
