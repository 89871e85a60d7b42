"""A person's documents put in, and questions asked about them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from backend.insights.run import Insights
from tests.builders import Stored, person


@pytest.fixture
def insights(database) -> Insights:
    return Insights(database)


@pytest.fixture
def stored(database) -> Callable[..., Awaitable[None]]:
    """Puts accounts and products where they belong."""

    async def put(*documents: Stored) -> None:
        accounts = [document for document in documents if "AccountId" in document]
        products = [document for document in documents if "ProductId" in document]
        if accounts:
            await database.external_accounts.insert_many(accounts)
        if products:
            await database.external_products.insert_many(products)

    return put


@pytest.fixture
def ask(insights) -> Callable[..., Awaitable[Any]]:
    """Asks a question for a person, ``person()`` unless told."""

    async def answer(name: str, owner: Stored | None = None, **parameters: str) -> Any:
        return await insights.answer(name, user_id=(owner or person())["UserId"], parameters=parameters)

    return answer
