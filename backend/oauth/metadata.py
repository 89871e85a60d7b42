"""What an issuer says of itself (RFC 8414)."""

from typing import Any, Final

from backend.oauth.policy import Policy

WELL_KNOWN: Final = "/.well-known/oauth-authorization-server"
PATHS: Final = {
    "authorization_endpoint": "/oauth/authorize",
    "token_endpoint": "/oauth/token",
    "pushed_authorization_request_endpoint": "/oauth/par",
    "revocation_endpoint": "/oauth/revoke",
    "introspection_endpoint": "/oauth/introspect",
}


def metadata(policy: Policy) -> dict[str, Any]:
    """The metadata document; only what is true of this issuer stands in it."""
    signs = "private_key_jwt" in policy.auth_methods
    has_codes = "authorization_code" in policy.grant_types
    algorithms = list(policy.signing_algorithms)
    document: dict[str, Any] = {
        "issuer": policy.issuer,
        **{name: policy.issuer + path for name, path in PATHS.items() if _is_offered(name, policy)},
        "scopes_supported": sorted(policy.scopes),
        "grant_types_supported": sorted(policy.grant_types),
        "response_types_supported": ["code"] if has_codes else [],
    }
    for endpoint in ("token", "revocation", *(["introspection"] if policy.introspects else [])):
        document[f"{endpoint}_endpoint_auth_methods_supported"] = list(policy.auth_methods)
        if signs:
            document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = algorithms
    if has_codes:
        document |= {
            "response_modes_supported": ["query"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            "require_pushed_authorization_requests": policy.pushing_required,
            "request_parameter_supported": True,
            "request_uri_parameter_supported": False,
            "request_object_signing_alg_values_supported": algorithms,
        }
    return document


def _is_offered(endpoint: str, policy: Policy) -> bool:
    if endpoint == "introspection_endpoint":
        return policy.introspects
    is_for_codes = endpoint in ("authorization_endpoint", "pushed_authorization_request_endpoint")
    return "authorization_code" in policy.grant_types or not is_for_codes
