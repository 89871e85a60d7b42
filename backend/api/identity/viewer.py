"""The viewer: on whose behalf a request is made, and what its token allows."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from bson import ObjectId

from backend.kernel.errors import NotAuthenticated

VIEWER: Final = "openfinance.viewer"


@dataclass(frozen=True, slots=True)
class Viewer:
    """A person, recognised by one of their tokens."""

    user_id: ObjectId
    user_name: str
    token_id: ObjectId
    scopes: frozenset[str]
    roles: frozenset[str] = frozenset()


def viewer_of(scope: MutableMapping[str, Any]) -> Viewer:
    """The viewer that was recognised for this request; NotAuthenticated when there is none."""
    viewer: Viewer | None = scope.get(VIEWER)
    if viewer is None:
        raise NotAuthenticated("Send a valid token in the header `Authorization: Bearer …`")
    return viewer
