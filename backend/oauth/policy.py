"""What one issuer does and for how long: an authorization server's rules as data."""

from dataclasses import dataclass
from typing import Final, Literal

AuthMethod = Literal["private_key_jwt", "client_secret_basic", "client_secret_post"]
GrantType = Literal["authorization_code", "refresh_token", "client_credentials"]

DAY_SECONDS: Final = 86_400
# FAPI 2.0 Security Profile, section 5.4: these and no others; RFC 9864 gave the third one a better name.
FAPI_ALGORITHMS: Final = ("PS256", "ES256", "EdDSA", "Ed25519")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The rules of one issuer. The defaults are those of the FAPI 2.0 Security Profile."""

    issuer: str
    scopes: frozenset[str]
    grant_types: frozenset[GrantType] = frozenset({"authorization_code", "refresh_token", "client_credentials"})
    auth_methods: tuple[AuthMethod, ...] = ("private_key_jwt",)
    signing_algorithms: tuple[str, ...] = FAPI_ALGORITHMS
    pushing_required: bool = True
    introspects: bool = True
    # Some banks write what a word is about behind it: ``AIS:<consent>``.
    scopes_have_objects: bool = True
    code_seconds: int = 60
    access_seconds: int = 600
    refresh_seconds: int = 180 * DAY_SECONDS
    pushed_seconds: int = 300
    # FAPI 2.0 forbids rotation but in extraordinary circumstances; some banks do it all the same.
    refresh_rotates: bool = False
    # How long a replaced refresh token still works, so that a client that lost the answer can ask again.
    rotation_grace_seconds: int = 30
    assertion_seconds: int = 300
    request_object_seconds: int = 900
    future_seconds: int = 10
    reference_name: str = "reference"

    def knows_scope(self, scope: str) -> bool:
        """Whether each word of ``scope`` is known here; ``AIS:123`` is the word ``AIS`` with an object."""
        words = scope_words(scope) if self.scopes_have_objects else scope.split()
        return self.scopes.issuperset(words)


def scope_words(scope: str) -> frozenset[str]:
    """The words of a scope without the objects some banks append: ``"AIS:123 offline"`` has AIS and offline."""
    return frozenset(word.partition(":")[0] for word in scope.split())
