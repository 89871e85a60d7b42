"""Insights answered: the one place where a person's questions meet that person's documents."""

from collections.abc import Mapping
from typing import Any, Final

from bson import ObjectId
from pymongo.asynchronous.database import AsyncDatabase

from backend.insights.catalogue import CATALOGUE, Insight
from backend.insights.parameters import Asked, read_asked
from backend.insights.parts import Piece
from backend.insights.shapes import Answer
from backend.kernel import clock
from backend.kernel.errors import NotFound
from backend.kernel.mongo.client import translated
from pipelines.ownership import owned

MAX_TIME_MS: Final = 5_000
_BY_NAME: Final = {insight.name: insight for insight in CATALOGUE}


class ParameterEntry(Piece):
    """A parameter that a question takes, in words."""

    name: str
    description: str


class CatalogueEntry(Piece):
    """A question as it is shown to whoever may ask it."""

    name: str
    question: str
    parameters: tuple[ParameterEntry, ...]


class Insights:
    """Answers every question of the catalogue, for one owner at a time."""

    def __init__(self, database: AsyncDatabase[dict[str, Any]]) -> None:
        self._database = database

    def catalogue(self) -> list[CatalogueEntry]:
        """What can be asked, in the order in which it should be shown."""
        return [_entry(insight) for insight in CATALOGUE]

    async def answer(self, name: str, *, user_id: ObjectId, parameters: Mapping[str, str]) -> Answer:
        """The answer about ``user_id``'s documents alone.

        Raises NotFound for an unknown insight and for ids that are not this owner's, InvalidInput for
        parameters that are unknown or cannot be used.
        """
        insight = _BY_NAME.get(name)
        if insight is None:
            raise NotFound("There is no insight of this name; the catalogue lists them")
        asked = read_asked(insight.asked, parameters)
        computed_at = clock.now()
        found = await self._run(insight, asked, user_id)
        answer = insight.answer.model_validate(
            {"insight": insight.name, "computed_at": computed_at, "parameters": asked, **found}
        )
        _require_all_asked_for(answer)
        return answer

    async def _run(self, insight: Insight, asked: Asked, user_id: ObjectId) -> dict[str, Any]:
        stages = owned(insight.collection, insight.stages(asked), user_id)
        with translated():
            cursor = await self._database[insight.collection].aggregate(stages, maxTimeMS=MAX_TIME_MS)
            async with cursor:
                return await cursor.next()


def _entry(insight: Insight) -> CatalogueEntry:
    parameters = tuple(
        ParameterEntry(name=name, description=field.description or "")
        for name, field in insight.asked.model_fields.items()
    )
    return CatalogueEntry(name=insight.name, question=insight.question, parameters=parameters)


def _require_all_asked_for(answer: Answer) -> None:
    asked = dict(answer.parameters)
    wanted = {*(asked.get("accounts") or ()), *(asked.get("products") or ())}
    if wanted - {item.id for item in answer.used} - {item.id for item in answer.left_out}:
        raise NotFound("One of the accounts or products asked for is not among yours with these parameters")
