"""Leafy payloads: a list of records, or an object that holds the list, or the one record, under its name."""

from collections.abc import Iterator
from typing import Any

from backend.banks.contract import Asked, Placed, Resource
from backend.banks.splitting import under_names


def split(resource: Resource, payload: Any, asked: Asked) -> Iterator[Placed]:
    """The records of ``payload``."""
    return under_names(resource, payload, asked, (resource, resource.removesuffix("s")))
