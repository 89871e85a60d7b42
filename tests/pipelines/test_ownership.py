import pytest

from pipelines.ownership import owned

pytestmark = pytest.mark.unit
ACCOUNTS_OF_ME = {"$match": {"AccountUser.UserId": "me"}}
PRODUCTS_OF_ME = {"$match": {"ProductCustomer.UserId": "me"}}


def test_the_owners_match_stands_first():
    stages = [{"$match": {"AccountBank": "Green Bank"}}, {"$count": "n"}]
    assert owned("external_accounts", stages, "me") == [ACCOUNTS_OF_ME, *stages]


def test_every_branch_is_bounded_however_deep():
    lookup = {"$lookup": {"from": "external_accounts", "pipeline": [{"$count": "n"}], "as": "accounts"}}
    union = {"$unionWith": {"coll": "external_products", "pipeline": [lookup]}}
    _, facet = owned("external_accounts", [{"$facet": {"all": [union]}}], "me")
    (bounded,) = facet["$facet"]["all"]
    first, inner = bounded["$unionWith"]["pipeline"]
    assert first == PRODUCTS_OF_ME
    assert inner["$lookup"]["pipeline"] == [ACCOUNTS_OF_ME, {"$count": "n"}]
    assert inner["$lookup"]["as"] == "accounts"


@pytest.mark.parametrize(
    "join",
    [
        {"$unionWith": "external_products"},
        {"$unionWith": {"coll": "external_products"}},
        {"$lookup": {"from": "external_products", "localField": "a", "foreignField": "b", "as": "c"}},
    ],
)
def test_a_join_written_without_a_pipeline_gets_one(join):
    _, stage = owned("external_accounts", [join], "me")
    ((_, body),) = stage.items()
    assert body["pipeline"] == [PRODUCTS_OF_ME]


@pytest.mark.parametrize(
    "stage",
    [
        {"$unionWith": "users"},
        {"$lookup": {"from": "tokens", "pipeline": [], "as": "t"}},
        {"$graphLookup": {"from": "external_accounts"}},
        {"$out": "elsewhere"},
        {"$merge": {"into": "external_accounts"}},
        {"$match": {}, "$unionWith": "external_products"},
    ],
)
def test_what_cannot_be_bounded_is_refused(stage):
    with pytest.raises(ValueError, match=r"owner|Whose"):
        owned("external_accounts", [stage], "me")


def test_a_collection_of_unknown_owners_is_refused():
    with pytest.raises(ValueError, match="Whose documents"):
        owned("raw_payloads", [], "me")


def test_the_pipeline_given_is_left_as_it_was():
    stages = [{"$unionWith": {"coll": "external_products", "pipeline": []}}]
    owned("external_accounts", stages, "me")
    assert stages == [{"$unionWith": {"coll": "external_products", "pipeline": []}}]
