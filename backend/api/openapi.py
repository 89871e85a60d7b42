"""The OpenAPI document: what FastAPI knows, and what all routes share."""

from typing import Any, Final

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from backend.api.problems import Problem

SECURITY_SCHEMES: Final = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token from /api/v1/log-in, /api/v1/tokens or, for machine clients, /oauth/token",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Name and password; only where older front ends ask for a token",
    },
}
_REF = "#/components/schemas/{model}"


def complete(app: FastAPI) -> FastAPI:
    """``app``, whose OpenAPI document also has problems and the bearer scheme."""
    generated = app.openapi

    def openapi() -> dict[str, Any]:
        document = generated()
        components = document.setdefault("components", {})
        components["securitySchemes"] = SECURITY_SCHEMES
        _, problems = models_json_schema([(Problem, "serialization")], ref_template=_REF)
        components.setdefault("schemas", {}).update(problems["$defs"])
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the document
    return app
