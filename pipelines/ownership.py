"""Whose data a pipeline sees: the owner's match, put in front of every branch in this one place."""

from collections.abc import Sequence
from typing import Any, Final

from pipelines import fields
from pipelines.stages import Stage

OWNER_FIELDS: Final = {fields.ACCOUNTS: fields.ACCOUNT_OWNER, fields.PRODUCTS: fields.PRODUCT_OWNER}
_JOINS: Final = {"$unionWith": "coll", "$lookup": "from"}
# They read or write a collection in a way that no match in front of them can bound to one owner.
_REFUSED: Final = frozenset({"$graphLookup", "$out", "$merge"})


def owned(collection: str, stages: Sequence[Stage], user_id: Any) -> list[Stage]:
    """``stages`` over ``collection`` such that each branch, however deep, begins with ``user_id``'s match.

    Raises ValueError for a stage that could see another owner's documents, or change any.
    """
    if collection not in OWNER_FIELDS:
        raise ValueError(f"Whose documents {collection} holds is not known")
    match = {"$match": {OWNER_FIELDS[collection]: user_id}}
    return [match, *(_bounded(stage, user_id) for stage in stages)]


def _bounded(stage: Stage, user_id: Any) -> Stage:
    (name, body), *others = stage.items()
    if others or name in _REFUSED:
        raise ValueError(f"{name} cannot be bounded to one owner")
    if name == "$facet":
        return {name: {facet: [_bounded(inner, user_id) for inner in body[facet]] for facet in body}}
    if name not in _JOINS:
        return stage
    joined: dict[str, Any] = {_JOINS[name]: body} if isinstance(body, str) else body
    stages: Sequence[Stage] = joined.get("pipeline", ())
    return {name: {**joined, "pipeline": owned(joined[_JOINS[name]], stages, user_id)}}
