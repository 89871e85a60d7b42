"""Proof key for code exchange (RFC 7636), for every client and by S256 alone."""

import hmac
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge, create_s256_code_challenge

_CHALLENGE_LENGTH: Final = 43
_URL_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


class S256Only(CodeChallenge):
    """PKCE for every client, by S256 and nothing else."""

    def __init__(self) -> None:
        super().__init__(required=True)
        self.SUPPORTED_CODE_CHALLENGE_METHOD = ["S256"]
        self.CODE_CHALLENGE_METHODS = {"S256": _is_digest}

    def validate_code_challenge(self, grant: Any, redirect_uri: Any) -> None:
        """Refuse a request without a challenge, or with another method than S256 (``plain`` is the default)."""
        parameters = grant.request.payload.data
        challenge = parameters.get("code_challenge", "")
        if parameters.get("code_challenge_method") != "S256":
            raise InvalidRequestError("PKCE with code_challenge_method S256 is required")
        if len(challenge) != _CHALLENGE_LENGTH or not set(challenge) <= _URL_SAFE:
            raise InvalidRequestError("The code_challenge must be a SHA-256 digest in base64url")
        super().validate_code_challenge(grant, redirect_uri)

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        """Refuse a redemption without the right verifier, whatever kind of client asks."""
        verifier = grant.request.form.get("code_verifier")
        if not verifier or not verifier.isascii() or not verifier.isprintable():
            raise InvalidRequestError("The code_verifier is missing or malformed")
        super().validate_code_verifier(grant, result)

    def get_authorization_code_challenge(self, authorization_code: Any) -> str:
        """The challenge the code is bound to."""
        return str(authorization_code.code.challenge)

    def get_authorization_code_challenge_method(self, authorization_code: Any) -> str:  # noqa: ARG002 - there is one
        """Always S256."""
        return "S256"


def _is_digest(verifier: str, challenge: str) -> bool:
    digest: str = create_s256_code_challenge(verifier)  # type: ignore[no-untyped-call]  # partial stubs
    return hmac.compare_digest(digest, challenge)
