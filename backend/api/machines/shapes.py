"""What the routes of machine clients take and give."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from backend.api.identity.shapes import NO_CONTROLS, Body
from backend.documents.machine_client import PRIVATE_KEY_MEMBERS, ClientProof
from backend.documents.token import Scope

_KEYS_MAX: Final = 10
_BASE64URL: Final = "^[A-Za-z0-9_-]+$"
_Word = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=NO_CONTROLS)]
_Coordinate = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_-]{43}$")]


def _public(key: Any) -> Any:
    if isinstance(key, dict) and any(member in key for member in PRIVATE_KEY_MEMBERS):
        raise ValueError("This is a private key, which you should replace now; send the public key alone")
    return key


class _Jwk(BaseModel):
    """What all public keys may say; members that are not known here are left out (RFC 7517, section 4)."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    kid: _Word | None = None
    alg: Literal["PS256", "ES256", "EdDSA", "Ed25519"] | None = None
    use: Literal["sig"] | None = None


class RsaKey(_Jwk):
    """An RSA key of 2048 bits or more."""

    kty: Literal["RSA"]
    n: Annotated[str, StringConstraints(min_length=342, max_length=1366, pattern=_BASE64URL)]
    e: Annotated[str, StringConstraints(min_length=1, max_length=6, pattern=_BASE64URL)]


class EcKey(_Jwk):
    """A key on the curve P-256."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: _Coordinate
    y: _Coordinate


class OkpKey(_Jwk):
    """An Ed25519 key."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    x: _Coordinate


PublicKey = Annotated[RsaKey | EcKey | OkpKey, Field(discriminator="kty"), BeforeValidator(_public)]


class PublicKeys(BaseModel):
    """A JSON Web Key Set (RFC 7517) of public keys."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    keys: list[PublicKey] = Field(min_length=1, max_length=_KEYS_MAX)


class NewClient(Body):
    """A machine client to be registered: with `jwks` it signs for itself, without it gets a secret."""

    label: Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=NO_CONTROLS)]
    scopes: list[Scope] = Field(min_length=1, max_length=4, description="A part of the caller's own")
    auth_method: ClientProof | None = Field(
        default=None, description="How it proves itself; by default private_key_jwt with jwks, else client_secret_basic"
    )
    jwks: PublicKeys | None = None

    @property
    def proof(self) -> ClientProof:
        """How it proves itself."""
        return self.auth_method or ("private_key_jwt" if self.jwks else "client_secret_basic")

    @model_validator(mode="after")
    def _has_what_it_proves_itself_by(self) -> Self:
        if (self.proof == "private_key_jwt") != (self.jwks is not None):
            raise ValueError("private_key_jwt needs jwks, and no other method does")
        return self


class ShownClient(BaseModel):
    """A machine client, without its secret."""

    client_id: str
    label: str
    scopes: list[Scope]
    auth_method: ClientProof
    jwks: dict[str, Any] | None
    created_at: AwareDatetime


class RegisteredClient(ShownClient):
    """A new machine client; its secret is shown this once."""

    client_secret: str | None


class ClientPage(BaseModel):
    """Machine clients, oldest first."""

    data: list[ShownClient]
    next_cursor: str | None


class TokenAnswer(BaseModel):
    """A token (RFC 6749, section 5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds")
    scope: str = Field(description="Words with a blank between them")


class OAuthProblem(BaseModel):
    """Why there is no token (RFC 6749, section 5.2)."""

    error: str = Field(description="Stable; invalid_client, invalid_scope, invalid_request …")
    error_description: str | None = None


class Metadata(BaseModel):
    """What the authorization server says of itself (RFC 8414)."""

    issuer: str
    token_endpoint: str
    revocation_endpoint: str
    scopes_supported: list[str]
    grant_types_supported: list[str]
    response_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]
    token_endpoint_auth_signing_alg_values_supported: list[str]
    revocation_endpoint_auth_methods_supported: list[str]
    revocation_endpoint_auth_signing_alg_values_supported: list[str]


def _form(required: str, fields: Mapping[str, str]) -> dict[str, Any]:
    """A form in OpenAPI, whose fields are text; those of the client's proof come along."""
    properties = {name: {"type": "string", "description": said} for name, said in {**fields, **_PROOF}.items()}
    shape = {"type": "object", "required": [required], "properties": properties}
    return {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": shape}}}


_PROOF: Final = {
    "client_id": "With client_secret_post",
    "client_secret": "With client_secret_post; with client_secret_basic both go into the Authorization header",
    "client_assertion_type": "With private_key_jwt: urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    "client_assertion": "With private_key_jwt: a signed JWT, iss and sub the client_id, aud the issuer, exp, jti",
}
TOKEN_FORM: Final = _form(
    "grant_type",
    {"grant_type": "client_credentials", "scope": "A part of the client's scopes; all when it is left out"},
)
REVOCATION_FORM: Final = _form(
    "token", {"token": "A token of the client's own", "token_type_hint": "Makes no difference"}
)
