"""Strict routes: authentication before anything is read, exact JSON, no unknown query parameters."""

import json
import re
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from functools import wraps
from typing import Any, ClassVar, Final, NoReturn
from urllib.parse import parse_qsl

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from backend.api.deps import Direct, Requires
from backend.api.identity.viewer import viewer_of
from backend.api.problems import PROBLEM_RESPONSES
from backend.kernel import strict_json
from backend.kernel.errors import InvalidInput, Malformed

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
BEARER: Final[dict[str, list[str]]] = {"bearer": []}
_MAYBE_ODD_NUMBER: Final = re.compile(rb"[0-9][eE]|[0-9]{19}")


class StrictRoute(APIRoute):
    """A route that is closed to nobody if its dependencies ask for a viewer, and exact about its input.

    A route whose function takes the ``Request`` itself checks the names in the query on its own.
    """

    refusals: ClassVar[dict[int | str, dict[str, Any]]] = PROBLEM_RESPONSES

    def __init__(self, *args: Any, **options: Any) -> None:
        # Before FastAPI sees them: it makes shapes of the models that they name.
        options["responses"] = self.refusals | (options.get("responses") or {})
        super().__init__(*args, **options)
        self.operation_id = self.operation_id or self.name
        security = [BEARER] if self._is_closed else []
        self.openapi_extra = {"security": security} | (self.openapi_extra or {})

    def get_route_handler(self) -> Handler:
        """The handler, behind our checks."""
        is_closed = self._is_closed = any(isinstance(each.call, Requires) for each in _all(self.dependant))
        known = None if self.dependant.request_param_name else frozenset(_query_names(self.dependant))
        reads_body = self.body_field is not None
        _ask_directly(self.dependant)
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            if is_closed:
                viewer_of(request.scope)
            if request.scope["query_string"]:
                check_query(request.scope["query_string"], known)
            return await handle(await StrictRequest.read(request) if reads_body else request)

        return strict


class StrictRequest(Request):
    """A request whose JSON was read strictly before anything else sees it."""

    @classmethod
    async def read(cls, request: Request) -> "StrictRequest":
        """``request`` with its body read; Malformed if that says it is JSON and is not."""
        strict = cls(request.scope, request.receive)
        body = await strict.body()
        if body and _says_json(request.headers.get("content-type", "")):
            strict._json = read_json(body)
        return strict


def read_json(body: bytes) -> Any:
    """What ``body`` says; Malformed also for numbers that only fit as text, as no route takes any."""
    value = strict_json.loads(body)
    if _MAYBE_ODD_NUMBER.search(body):
        json.loads(body, parse_float=_refuse_odd, parse_int=_refuse_odd)
    return value


def check_query(query: bytes, known: frozenset[str] | None) -> None:
    """InvalidInput for text that is none, a name that is not ``known`` (None: any is), or one given twice."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError as error:
        raise InvalidInput("The query is not UTF-8 in percent-encoding") from error
    if any("\0" in text for pair in pairs for text in pair):
        raise InvalidInput("The query holds a NUL character")
    names = Counter(name for name, _ in pairs)
    if known is not None and not known.issuperset(names):
        raise InvalidInput(f"Unknown query parameter; known here: {', '.join(sorted(known)) or 'none'}")
    if any(count > 1 for count in names.values()):
        raise InvalidInput("A query parameter is given twice")


def _says_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


def _refuse_odd(number: str) -> Any:
    too_long = 19
    if "e" in number or "E" in number or len(number) >= too_long:
        _refuse()
    return number


def _refuse() -> NoReturn:
    raise Malformed("A number is written without exponent and with at most 18 characters")


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)


def _ask_directly(dependant: Dependant) -> None:
    """Take the dependencies that need only the request away from FastAPI, and give their answers ourselves."""
    asked = {
        each.name: each.call.read for each in dependant.dependencies if each.name and isinstance(each.call, Direct)
    }
    endpoint = dependant.call
    if not asked or endpoint is None:
        return
    shown_as, keeps = dependant.request_param_name or "_request", dependant.request_param_name is not None

    @wraps(endpoint)
    async def call(**values: Any) -> Any:
        request = values[shown_as] if keeps else values.pop(shown_as)
        for name, read in asked.items():
            values[name] = read(request)
        return await endpoint(**values)

    dependant.request_param_name = shown_as
    dependant.call = call
    dependant.dependencies = [each for each in dependant.dependencies if each.name not in asked]


def _query_names(dependant: Dependant) -> Iterator[str]:
    return (field.alias for each in _all(dependant) for field in each.query_params)
