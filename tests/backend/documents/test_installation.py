import pytest

from backend.documents.database import store_on
from backend.kernel.errors import Misconfigured
from backend.kernel.keys import Keys
from tests.mongo import KEYS
from tests.sample import import_sample


async def test_a_database_opens_again_with_the_keys_it_was_begun_with(client, database_name, store):
    await import_sample(store)
    async with store_on(client, database_name, KEYS) as again:
        assert await again.collection("external_accounts").count_documents({}) == 20


@pytest.mark.parametrize(
    ("keys", "named"),
    [(Keys(KEYS.master, b"x" * 32), "HASH_KEY"), (Keys(b"x" * 96, KEYS.hash), "MASTER_KEY")],
    ids=["hash", "master"],
)
@pytest.mark.usefixtures("store")
async def test_another_key_is_noticed_before_anything_is_written(client, database_name, keys, named):
    with pytest.raises(Misconfigured, match=f"{named} is not the one"):
        async with store_on(client, database_name, keys):
            pass
