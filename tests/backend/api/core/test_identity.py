"""People and tokens over HTTP: signing up, logging in and out, lock-out, personal tokens, the record."""

import asyncio
from datetime import UTC, datetime, timedelta
from time import perf_counter

import pytest
from argon2 import PasswordHasher
from bson import ObjectId
from bson.binary import Binary

from backend.api.identity.people import LOCK_SECONDS, REFUSAL_SECONDS
from backend.kernel import clock
from tests.backend.api.conftest import PASSWORD

NOW = datetime(2030, 1, 2, 12, tzinfo=UTC)


async def log_in(api, name="alice", password=PASSWORD):
    return await api.post("/api/v1/log-in", json={"user_name": name, "password": password})


async def new_token(api, headers, **more):
    body = {"label": "laptop", "scopes": ["read"]} | more
    return await api.post("/api/v1/tokens", json=body, headers=headers)


async def test_a_person_signs_up_logs_in_and_is_known(api, signed_up):
    person, headers = await signed_up("alice", email="Alice@Example.org")
    me = (await api.get("/api/v1/me", headers=headers)).json()
    assert me["user_id"] == str(person["UserId"])
    assert me["email"] == "Alice@Example.org"
    assert me["scopes"] == ["manage", "read", "write"]
    assert me["created_at"].endswith("Z")


async def test_a_person_also_logs_in_by_e_mail_in_any_capitals(api, signed_up):
    await signed_up("alice", email="Alice@Example.org")
    assert (await log_in(api, "alice@EXAMPLE.ORG")).status_code == 200


async def test_passwords_tokens_and_e_mails_are_not_stored_in_clear(api, signed_up, database):
    _, headers = await signed_up("alice", email="alice@example.org")
    token = headers["Authorization"].removeprefix("Bearer ")
    user, stored = await database.users.find_one(), await database.tokens.find_one()
    assert user["PasswordHash"].startswith("$argon2id$")
    assert user["UserEmail"].subtype == 6
    everything = repr((user, stored))
    assert not any(secret in everything for secret in (PASSWORD, token, "alice@example.org"))


async def test_a_name_or_e_mail_is_one_persons(api, signed_up, database):
    await signed_up("alice", email="alice@example.org")
    body = {"user_name": "alice", "password": PASSWORD}
    assert (await api.post("/api/v1/sign-up", json=body)).status_code == 409
    body = {"user_name": "bob", "password": PASSWORD, "email": "ALICE@example.org"}
    assert (await api.post("/api/v1/sign-up", json=body)).status_code == 409
    assert await database.users.count_documents({}) == 1


async def test_of_many_who_want_one_name_at_once_one_gets_it(api, database):
    body = {"user_name": "alice", "password": PASSWORD, "email": "a@example.org"}
    answers = await asyncio.gather(*(api.post("/api/v1/sign-up", json=body) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert await database.users.count_documents({}) == 1


@pytest.mark.parametrize(
    "body",
    [
        {"user_name": "al", "password": PASSWORD},
        {"user_name": "alice\n", "password": PASSWORD},
        {"user_name": "-alice", "password": PASSWORD},
        {"user_name": "65a546ae4a8f64e8f88fb89e", "password": PASSWORD},
        {"user_name": "alice", "password": "seven77"},
        {"user_name": "alice", "password": "x" * 129},
        {"user_name": "alice", "password": PASSWORD, "email": "no at sign"},
        {"user_name": "alice", "password": PASSWORD, "email": "a\0@b"},
        {"user_name": "alice", "password": PASSWORD, "roles": ["operator"]},
        {"user_name": "alice"},
        {"user_name": 12345, "password": PASSWORD},
        [],
        "alice",
        None,
    ],
)
async def test_a_sign_up_that_does_not_fit_is_refused(api, database, body):
    assert (await api.post("/api/v1/sign-up", json=body)).status_code == 422
    assert await database.users.count_documents({}) == 0


async def test_a_wrong_password_an_unknown_name_and_a_person_without_one_sound_alike(api, signed_up, services):
    await signed_up("alice")
    await services.people.sign_up("imported", None)
    answers = []
    for name in ("alice", "nobody-here", "imported", "nobody@example.org"):
        begun = perf_counter()
        answer = await log_in(api, name, "wrong password")
        assert perf_counter() - begun >= REFUSAL_SECONDS
        answers.append((answer.status_code, answer.json() | {"request_id": ""}))
        assert answer.headers["www-authenticate"] == "Bearer"
    assert answers[0][0] == 401
    assert all(answer == answers[0] for answer in answers)


async def test_after_five_failures_even_the_right_password_waits_and_each_time_longer(api, signed_up, database):
    with clock.stopped_at(NOW):
        await signed_up("alice")
        # All at once: nobody gets an extra try by hurrying.
        await asyncio.gather(*(log_in(api, password="wrong password") for _ in range(12)))
        assert (await database.users.find_one())["LogIn"]["Failures"] == 5
        assert (await log_in(api)).status_code == 401
    later = NOW + timedelta(seconds=LOCK_SECONDS)
    with clock.stopped_at(later):
        assert (await log_in(api, password="wrong password")).status_code == 401
        locked_until = (await database.users.find_one())["LogIn"]["LockedUntil"]
        assert locked_until == later + timedelta(seconds=2 * LOCK_SECONDS)
        assert (await log_in(api)).status_code == 401
    with clock.stopped_at(locked_until):
        assert (await log_in(api)).status_code == 200
    assert (await database.users.find_one())["LogIn"] == {"Failures": 0}


async def test_a_password_hash_of_old_parameters_is_made_anew_at_log_in(api, signed_up, database):
    await signed_up("alice")
    dated = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1).hash(PASSWORD)
    await database.users.update_one({}, {"$set": {"PasswordHash": dated}})
    assert (await log_in(api)).status_code == 200
    assert "m=8,t=1" in (await database.users.find_one())["PasswordHash"]
    assert (await log_in(api)).status_code == 200


async def test_after_log_out_the_token_is_nobodys(api, signed_up):
    _, headers = await signed_up("alice")
    assert (await api.post("/api/v1/log-out", headers=headers)).status_code == 204
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_session_ends_by_itself(api, signed_up):
    with clock.stopped_at(NOW):
        _, headers = await signed_up("alice")
        assert (await api.get("/api/v1/me", headers=headers)).status_code == 200
    with clock.stopped_at(NOW + timedelta(hours=12)):
        assert (await api.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_personal_token_has_its_scopes_and_no_more(api, signed_up):
    _, headers = await signed_up("alice")
    made = (await new_token(api, headers)).json()
    assert made["label"] == "laptop"
    personal = {"Authorization": f"Bearer {made['token']}"}
    assert (await api.get("/api/v1/me", headers=personal)).json()["scopes"] == ["read"]
    refused = await new_token(api, personal)
    assert refused.status_code == 403
    assert refused.json()["type"] == "urn:openfinance:problem:not-allowed"


async def test_a_token_cannot_give_more_than_it_has(api, signed_up):
    _, headers = await signed_up("alice")
    assert (await new_token(api, headers, scopes=["read", "operate"])).status_code == 403
    manager = (await new_token(api, headers, scopes=["manage"])).json()["token"]
    assert (await new_token(api, {"Authorization": f"Bearer {manager}"}, scopes=["read"])).status_code == 403


@pytest.mark.parametrize(
    "body", [{"expires_in_days": 366}, {"expires_in_days": 0}, {"scopes": []}, {"scopes": ["all"]}, {"label": "\0"}]
)
async def test_a_token_wish_that_does_not_fit_is_refused(api, signed_up, body):
    _, headers = await signed_up("alice")
    assert (await new_token(api, headers, **body)).status_code == 422


async def test_tokens_are_listed_by_page_without_the_tokens(api, signed_up):
    _, headers = await signed_up("alice")
    made = [(await new_token(api, headers, label=f"n{number}")).json() for number in range(4)]
    seen, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/api/v1/tokens", params=query, headers=headers)).json()
        seen += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [token["token_id"] for token in seen[1:]] == [token["token_id"] for token in made]
    assert [token["current"] for token in seen] == [True] + [False] * 4
    assert not any("token" in token or "BearerToken" in token for token in seen)


async def test_a_revoked_token_stops_at_once_and_only_its_owner_can_revoke(api, signed_up):
    _, headers = await signed_up("alice")
    _, stranger = await signed_up("bob")
    made = (await new_token(api, headers)).json()
    personal = {"Authorization": f"Bearer {made['token']}"}
    place = f"/api/v1/tokens/{made['token_id']}"
    assert (await api.delete(place, headers=stranger)).status_code == 404
    assert (await api.get("/api/v1/me", headers=personal)).status_code == 200
    assert (await api.delete(place, headers=headers)).status_code == 204
    assert (await api.get("/api/v1/me", headers=personal)).status_code == 401
    assert (await api.delete(place, headers=headers)).status_code == 404
    assert (await api.delete("/api/v1/tokens/no-id", headers=headers)).status_code == 404


async def test_one_person_has_fifty_personal_tokens_at_most(api, signed_up, services):
    person, headers = await signed_up("alice")
    for _ in range(50):
        await services.credentials.issue(
            user_id=person["UserId"], user_name="alice", kind="personal", scopes=["read"], expires_at=None
        )
    assert (await new_token(api, headers)).status_code == 409


async def test_only_an_operator_operates_and_only_as_long(api, signed_up, database, services):
    _, headers = await signed_up("alice")
    assert (await api.get("/metrics", headers=headers)).status_code == 403
    await database.users.update_one({}, {"$set": {"Roles": ["operator"]}})
    token = (await log_in(api)).json()["token"]
    operator = {"Authorization": f"Bearer {token}"}
    assert "openfinance_requests_total" in (await api.get("/metrics", headers=operator)).text
    await database.users.update_one({}, {"$set": {"Roles": []}})
    services.credentials._known.clear()  # five seconds later
    assert (await api.get("/metrics", headers=operator)).status_code == 403


async def test_the_record_tells_what_was_done_newest_first_and_of_nobody_else(api, signed_up, services):
    _, headers = await signed_up("alice")
    _, other = await signed_up("bob")
    made = (await new_token(api, headers)).json()
    await api.get("/api/v1/me", headers=headers)
    await api.get("/api/v1/me", headers=headers)
    await services.credentials.flush()
    first = (await api.get("/api/v1/me/audit", params={"limit": 2}, headers=headers)).json()
    rest = await api.get("/api/v1/me/audit", params={"cursor": first["next_cursor"]}, headers=headers)
    events = first["data"] + rest.json()["data"]
    assert [event["seq"] for event in events] == list(range(len(events), 0, -1))
    assert [event["action"] for event in events][-3:] == ["token.issued", "token.issued", "person.signed-up"]
    assert events[-3]["object"] == f"token:{made['token_id']}"
    calls = {event["object"]: event["times"] for event in events if event["action"] == "route.called"}
    assert calls == {"GET /api/v1/me": 2, "POST /api/v1/tokens": 1}
    stolen = await api.get("/api/v1/me/audit", params={"cursor": first["next_cursor"]}, headers=other)
    assert stolen.status_code == 422


async def test_an_erased_person_is_nobody(api, signed_up, database, services):
    _, headers = await signed_up("alice")
    await database.users.delete_many({})
    services.credentials._known.clear()
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_seal_of_another_person_is_not_opened(api, signed_up, database, services):
    person, headers = await signed_up("alice", email="alice@example.org")
    moved = await services.store.sealer.seal(ObjectId(), "eve@example.org")
    await database.users.update_one({"_id": person["UserId"]}, {"$set": {"UserEmail": Binary(moved, 6)}})
    assert (await api.get("/api/v1/me", headers=headers)).json()["email"] is None
