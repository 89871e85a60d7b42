"""What is shown of a stored document, derived from its model, so that reply, projection and OpenAPI agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, Union, get_args, get_origin

from bson import ObjectId
from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

# In every document: what the store keeps for itself.
_INTERNAL: Final = frozenset(
    {"_id", "revision_id", "AccountGroupKey", "Source.RawId", "Source.RawPath", "Source.Content", "Source.ConsentId"}
)
_PROVIDER: Final = frozenset({"Source.ProviderId"})

Hex: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{24}$")]


def row_of(document: Any, name: str) -> type[BaseModel]:
    """How a document looks in a list: without what is internal or sealed."""
    return _Shown(name, _INTERNAL | _PROVIDER | _sealed(document)).model(document)


def whole_of(document: Any, name: str) -> type[BaseModel]:
    """How a document looks alone: without what is internal, and with sealed values opened."""
    return _Shown(name, _INTERNAL, _sealed(document)).model(document)


def list_of(row: type[BaseModel], name: str) -> type[BaseModel]:
    """The envelope of a page of ``row``."""
    return create_model(name, data=(list[row], ...), next_cursor=(str | None, ...))  # type: ignore[valid-type]


def projection_of(shown: type[BaseModel]) -> dict[str, int]:
    """The projection that reads exactly the fields of ``shown``: what is not named is not sent."""
    return dict.fromkeys(_paths(shown), 1)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Paths count from the model in hand; ``opened`` holds those of sealed values shown in clear."""

    name: str
    hidden: frozenset[str]
    opened: frozenset[str] = frozenset()

    def model(self, stored: type[BaseModel]) -> type[BaseModel]:
        paths = {info.alias or name: info for name, info in stored.model_fields.items()}
        fields: dict[str, Any] = {
            path.lower(): self._field(info, path) for path, info in paths.items() if path not in self.hidden
        }
        return create_model(self.name, __doc__=stored.__doc__, **fields)

    def _field(self, info: FieldInfo, path: str) -> tuple[Any, Any]:
        if path in self.opened:
            clear: Any = dict[str, Any] if path == "Extra" else str
            return clear | None, Field(default=None, alias=info.alias, description=info.description)
        default = ... if info.is_required() else info.get_default(call_default_factory=True)
        kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
        shown = Field(default=default, alias=info.alias, description=info.description)
        return self._kind(kind, path), shown

    def _kind(self, kind: Any, path: str) -> Any:
        origin, inner = get_origin(kind), get_args(kind)
        if origin is Annotated:
            return Hex if inner[0] is ObjectId else kind
        if origin in (Union, UnionType):
            return Union[tuple(self._kind(each, path) for each in inner)]  # noqa: UP007 - of a computed tuple
        if origin is list:
            return list[self._kind(inner[0], path)]  # type: ignore[misc]  # a type computed at run time
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self._nested(kind, path)
        return kind

    def _nested(self, stored: type[BaseModel], path: str) -> type[BaseModel]:
        hidden, opened = _below(path, self.hidden), _below(path, self.opened)
        if hidden or opened:
            return _Shown(f"{self.name}{path}", hidden, opened).model(stored)
        return _as_stored(stored)


@cache
def _as_stored(stored: type[BaseModel]) -> type[BaseModel]:
    """A part with nothing to hide looks the same wherever it stands."""
    return _Shown(stored.__name__, frozenset()).model(stored)


def _below(path: str, paths: frozenset[str]) -> frozenset[str]:
    return frozenset(each.removeprefix(f"{path}.") for each in paths if each.startswith(f"{path}."))


def _sealed(document: Any) -> frozenset[str]:
    return frozenset(path.replace("[]", "") for path in getattr(document, "SEALED", ()))


def _paths(shown: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, info in shown.model_fields.items():
        path = f"{prefix}{info.alias or name}"
        nested = _model_in(info.annotation)
        if nested:
            yield from _paths(nested, f"{path}.")
        else:
            yield path


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    return next((found for each in get_args(kind) if (found := _model_in(each))), None)
