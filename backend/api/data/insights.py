"""Insights: the catalogue of questions, and each of them answered about the viewer's own documents."""

from functools import reduce
from operator import or_
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response

from backend.api.data.shapes import list_of
from backend.api.deps import ReaderDep, ServicesDep
from backend.api.rendering import JsonBytes, render
from backend.api.strict import StrictRoute
from backend.insights.catalogue import CATALOGUE
from backend.insights.run import CatalogueEntry

router = APIRouter(prefix="/api/v1", route_class=StrictRoute, tags=["insights"])


def _parameters() -> list[dict[str, Any]]:
    """Every parameter of any question for OpenAPI; what a question takes is in the catalogue."""
    descriptions = {
        name: field.description for insight in CATALOGUE for name, field in insight.asked.model_fields.items()
    }
    return [
        {"name": name, "in": "query", "required": False, "description": text, "schema": {"type": "string"}}
        for name, text in descriptions.items()
    ]


_ANSWER: Final[Any] = reduce(or_, (insight.answer for insight in CATALOGUE))
_NAMES: Final = [insight.name for insight in CATALOGUE]


@router.get(
    "/insights",
    responses={200: {"model": list_of(CatalogueEntry, "InsightList")}},
)
async def catalogue(services: ServicesDep, _viewer: ReaderDep) -> Response:
    """What can be asked, and with which parameters."""
    entries = [entry.model_dump() for entry in services.insights.catalogue()]
    return JsonBytes(render({"data": entries, "next_cursor": None}))


@router.get(
    "/insights/{name}",
    responses={200: {"model": _ANSWER}},
    openapi_extra={"parameters": _parameters()},
)
async def insight(
    request: Request,
    services: ServicesDep,
    viewer: ReaderDep,
    name: Annotated[str, Path(json_schema_extra={"enum": _NAMES})],
) -> Response:
    """The answer to one question: figures per currency, and what they are and are not made of."""
    answer = await services.insights.answer(name, user_id=viewer.user_id, parameters=dict(request.query_params))
    return JsonBytes(answer.model_dump_json().encode())
