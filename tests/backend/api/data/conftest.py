"""Stored documents behind the API, for the tests of its data routes."""

import pytest

from tests.backend.api.data.stories import Headers, load_sample


@pytest.fixture
async def sample(api, services) -> dict[str, Headers]:
    """The sample data is stored; headers with a token for each of its users."""
    return await load_sample(services)


@pytest.fixture
def put(services):
    """``await put("external_accounts", document, …)`` stores documents as they are."""

    async def insert(collection, *documents):
        await services.store.collection(collection).insert_many(documents)

    return insert
