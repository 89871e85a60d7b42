"""The OpenAPI document that is kept is the one the application gives, and it keeps its own rules."""

import json

import pytest

from backend.cli.serve import OPENAPI, openapi_text

pytestmark = pytest.mark.unit

# Their refusals are those of RFC 6749, which are no problem documents.
OAUTH = {"POST /oauth/token", "POST /oauth/revoke"}


def operations():
    """(place, operation) for every operation of the document."""
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in json.loads(openapi_text())["paths"].items()
        for method, operation in methods.items()
    ]


def test_the_kept_document_is_up_to_date():
    assert OPENAPI.read_text(encoding="utf-8") == openapi_text(), "run `make golden` and read the difference"


def test_every_operation_declares_what_it_answers_and_how_it_fails():
    for place, operation in operations():
        answers = operation["responses"]
        assert any(status.startswith("2") for status in answers), place
        if place in OAUTH:
            assert all(list(answers[status]["content"]) == ["application/json"] for status in ("400", "default")), place
            continue
        for status in ("422", "default"):
            assert list(answers[status]["content"]) == ["application/problem+json"], place


def test_every_operation_says_who_may_call_it():
    known = set(json.loads(openapi_text())["components"]["securitySchemes"])
    for place, operation in operations():
        assert {name for scheme in operation["security"] for name in scheme} <= known, place


def test_no_amount_is_a_number_outside_the_routes_of_older_front_ends():
    schemas = json.loads(openapi_text())["components"]["schemas"]
    for name in ("Account", "Product", "Transaction", "Money"):
        for field, shape in schemas[name]["properties"].items():
            kinds = {each.get("type") for each in shape.get("anyOf", [shape])}
            assert "number" not in kinds, f"{name}.{field}"
