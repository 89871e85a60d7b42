"""Pipelines are data anybody may print, store or send, and know neither owners nor our code."""

import inspect
import json
from typing import Any

import pytest

from backend.documents.account import ExternalAccount
from backend.documents.product import ExternalProduct
from backend.insights.catalogue import CATALOGUE
from backend.insights.parts import Reason
from pipelines import fields, green, items, products

pytestmark = pytest.mark.unit
ASKED = {"currency": "USD", "institution": "Green Bank", "include_closed": True}


@pytest.mark.parametrize("insight", CATALOGUE, ids=lambda insight: insight.name)
def test_a_pipeline_is_json(insight):
    stages = insight.stages(insight.asked(**ASKED))
    assert json.loads(json.dumps(stages)) == stages
    assert all(len(stage) == 1 for stage in stages)


@pytest.mark.parametrize("insight", CATALOGUE, ids=lambda insight: insight.name)
def test_a_pipeline_names_no_owner(insight):
    assert "User" not in json.dumps(insight.stages(insight.asked()))
    assert "Customer" not in json.dumps(insight.stages(insight.asked()))


@pytest.mark.parametrize("insight", CATALOGUE, ids=lambda insight: insight.name)
def test_a_pipeline_takes_what_may_be_asked(insight):
    taken = inspect.signature(insight.pipeline).parameters
    assert set(taken) == set(insight.asked.model_fields)
    assert all(taken[name].default == field.default for name, field in insight.asked.model_fields.items())


@pytest.mark.parametrize("insight", CATALOGUE, ids=lambda insight: insight.name)
def test_a_pipeline_gives_what_its_answer_holds(insight):
    (facets,) = (stage["$facet"] for stage in insight.stages(insight.asked()) if "$facet" in stage)
    asked_once = {"insight", "computed_at", "parameters"}
    assert set(facets) == set(insight.answer.model_fields) - asked_once


def test_every_stored_name_is_one_of_the_documents():
    known = _paths(ExternalAccount) | _paths(ExternalProduct)
    named = {value for name, value in vars(fields).items() if name.isupper() and isinstance(value, str)}
    named |= {*fields.ACCOUNT_NARRATIVES, *fields.PRODUCT_NARRATIVES}
    assert named - {fields.ACCOUNTS, fields.PRODUCTS} <= known
    assert ExternalAccount.Settings.name == fields.ACCOUNTS
    assert ExternalProduct.Settings.name == fields.PRODUCTS


def test_the_reasons_of_pipelines_are_those_that_may_be_answered():
    named = {
        value
        for module in (items, products, green)
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, str)
    }
    assert named == set(Reason.__args__)


def _paths(model: Any) -> set[str]:
    found = set()
    for field in model.model_fields.values():
        found.add(field.alias)
        for part in [field.annotation, *getattr(field.annotation, "__args__", ())]:
            if hasattr(part, "model_fields"):
                found |= {f"{field.alias}.{path}" for path in _paths(part)}
    return found
