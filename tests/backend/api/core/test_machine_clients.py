"""Machine clients over HTTP: registered, proved, given tokens, refused, and ended."""

import asyncio
import base64
import json
import secrets
from datetime import timedelta

import pytest
from bson import ObjectId
from bson.binary import Binary
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey
from pymongo.errors import ServerSelectionTimeoutError, WriteError

from backend.api.machines.clients import CLIENTS_MAX
from backend.documents.machine_client import MachineClient, UsedAssertion
from backend.kernel import clock
from backend.oauth.signatures import ASSERTION_TYPE
from tests.builders import account, machine_client

ISSUER = "http://127.0.0.1:8003"
METADATA = "/.well-known/oauth-authorization-server"


class Machine:
    """A program that knows its client's id and secret, or key."""

    def __init__(self, api, shown, key=None):
        self.api, self.client_id, self.key = api, shown["client_id"], key
        self.secret, self.method = shown["client_secret"], shown["auth_method"]

    def proof(self):
        """The arguments of a request that prove who calls."""
        if self.method == "client_secret_basic":
            return {}, (self.client_id, self.secret)
        if self.method == "client_secret_post":
            return {"client_id": self.client_id, "client_secret": self.secret}, None
        return self.assertion(), None

    def assertion(self, header=None, **changed):
        now = int(clock.now().timestamp())
        claims = {
            "iss": self.client_id, "sub": self.client_id, "aud": ISSUER,
            "iat": now, "exp": now + 60, "jti": secrets.token_hex(8),
        }  # fmt: skip
        header = header or {"alg": "ES256"}
        said = {name: value for name, value in (claims | changed).items() if value is not None}
        signed = jwt.encode(header, said, self.key, algorithms=[header["alg"]])
        return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed}

    async def post(self, path, form, proof=None):
        fields, auth = (proof, None) if proof is not None else self.proof()
        return await self.api.post(path, data=form | fields, **({"auth": auth} if auth else {}))

    async def ask(self, *, proof=None, **more):
        return await self.post("/oauth/token", {"grant_type": "client_credentials"} | more, proof)

    async def headers(self, **more):
        answer = await self.ask(**more)
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
async def alice(signed_up):
    return await signed_up("alice")


@pytest.fixture
def registered(api, alice):
    """Registers a machine client of Alice's."""

    async def make(*, key=None, headers=None, **more):
        body = {"label": "nightly job", "scopes": ["read"]} | more
        body |= {"jwks": {"keys": [key.as_dict(private=False)]}} if key else {}
        answer = await api.post("/api/v1/clients", json=body, headers=headers or alice[1])
        assert answer.status_code == 201, answer.text
        return Machine(api, answer.json(), key)

    return make


@pytest.fixture
async def machine(registered):
    return await registered()


@pytest.fixture
async def signer(registered):
    return await registered(key=ECKey.generate_key("P-256"))


async def told(answer, status, error):
    """The answer refuses as RFC 6749, section 5.2, says."""
    assert (answer.status_code, answer.json()["error"]) == (status, error), answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return True


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_with_a_secret_gets_an_hours_token_that_every_route_knows(
    api, alice, registered, database, method
):
    person, _ = alice
    held = account(person)
    await database.external_accounts.insert_one(held)
    machine = await registered(auth_method=method)
    answer = await machine.ask(scope="read")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    assert (said["token_type"], said["expires_in"], said["scope"]) == ("Bearer", 3600, "read")
    assert "refresh_token" not in said
    headers = {"Authorization": f"Bearer {said['access_token']}"}
    seen = (await api.get("/api/v1/accounts", headers=headers)).json()
    assert [each["AccountId"] for each in seen["data"]] == [held["AccountId"]]
    me = (await api.get("/api/v1/me", headers=headers)).json()
    assert (me["user_id"], me["scopes"]) == (str(person["UserId"]), ["read"])


@pytest.mark.parametrize(
    ("kind", "size", "algorithm"),
    [(ECKey, "P-256", "ES256"), (RSAKey, 2048, "PS256"), (OKPKey, "Ed25519", "Ed25519")],
    ids=["ES256", "PS256", "Ed25519"],
)
async def test_a_client_with_keys_signs_for_itself_and_has_no_secret(api, registered, kind, size, algorithm):
    machine = await registered(key=kind.generate_key(size))
    assert machine.secret is None
    headers = await machine.headers(proof=machine.assertion({"alg": algorithm}))
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 200


async def test_a_token_dies_after_its_hour(api, machine):
    headers = await machine.headers()
    with clock.stopped_at(clock.now() + timedelta(seconds=3595)):
        assert (await api.get("/api/v1/me", headers=headers)).status_code == 200
    with clock.stopped_at(clock.now() + timedelta(seconds=3601)):
        assert (await api.get("/api/v1/me", headers=headers)).status_code == 401


async def test_only_keyed_hashes_of_secrets_and_tokens_are_stored(machine, database):
    token = (await machine.headers())["Authorization"].removeprefix("Bearer ")
    client = await database.machine_clients.find_one()
    stored = await database.tokens.find_one({"Kind": "client"})
    assert isinstance(client["SecretHash"], bytes)
    assert stored["ClientId"] == client["_id"]
    for collection in await database.list_collection_names():
        everything = repr(await database[collection].find().to_list())
        assert machine.secret not in everything
        assert token not in everything


async def test_who_names_no_scope_gets_what_the_client_has(registered):
    machine = await registered(scopes=["write", "read"])
    assert (await machine.ask()).json()["scope"] == "read write"
    assert (await machine.ask(scope="write")).json()["scope"] == "write"


@pytest.mark.parametrize("scope", ["manage", "read manage", "read:123", "openid", "READ"])
async def test_a_scope_the_client_has_not_is_refused(machine, scope):
    assert await told(await machine.ask(scope=scope), 400, "invalid_scope")


async def test_a_token_does_what_its_scope_says_and_no_more(api, registered):
    machine = await registered(scopes=["read", "manage"])
    reading, managing = await machine.headers(scope="read"), await machine.headers(scope="manage")
    assert (await api.get("/api/v1/tokens", headers=reading)).status_code == 403
    assert (await api.get("/api/v1/tokens", headers=managing)).status_code == 200
    assert (await api.get("/api/v1/accounts", headers=managing)).status_code == 403


async def test_a_wrong_secret_an_unknown_client_and_nobody_are_refused(machine, api):
    form = {"grant_type": "client_credentials"}
    for auth in ((machine.client_id, "0" * 64), (str(ObjectId()), machine.secret), ("nobody", "x"), ("", "")):
        answer = await api.post("/oauth/token", data=form, auth=auth)
        assert await told(answer, 401, "invalid_client")
        assert answer.headers["www-authenticate"].startswith("Basic")
    assert await told(await api.post("/oauth/token", data=form), 401, "invalid_client")


async def test_a_client_proves_itself_the_one_way_it_is_registered_for(machine, signer):
    post = {"client_id": machine.client_id, "client_secret": machine.secret}
    assert await told(await machine.ask(proof=post), 401, "invalid_client")
    machine.key = signer.key
    assert await told(await machine.ask(proof=machine.assertion()), 400, "invalid_client")


async def test_two_proofs_or_one_parameter_twice_are_refused(api, machine):
    both = {"grant_type": "client_credentials", "client_id": machine.client_id, "client_secret": machine.secret}
    auth = (machine.client_id, machine.secret)
    assert await told(await api.post("/oauth/token", data=both, auth=auth), 400, "invalid_request")
    twice = "grant_type=client_credentials&scope=read&scope=read"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert await told(await api.post("/oauth/token", content=twice, headers=form, auth=auth), 400, "invalid_request")


@pytest.mark.parametrize("query", ["?scope=read", "?a=1&a=2", "?a=%00", "?a=%ff"])
async def test_parameters_in_the_address_are_refused(api, machine, query):
    answer = await api.post(
        "/oauth/token" + query, data={"grant_type": "client_credentials"}, auth=(machine.client_id, machine.secret)
    )
    assert await told(answer, 400, "invalid_request")


async def test_json_and_other_bodies_are_refused(api, machine):
    auth = (machine.client_id, machine.secret)
    for more in ({"json": {"grant_type": "client_credentials"}}, {"content": b"\xff\xfe"}, {}):
        assert await told(await api.post("/oauth/token", auth=auth, **more), 400, "invalid_request")


@pytest.mark.parametrize("grant", ["authorization_code", "refresh_token", "password", "urn:x"])
async def test_other_grants_are_not_served(machine, grant):
    form = {"grant_type": grant, "code": "x", "refresh_token": "x", "username": "alice", "password": "x"}
    assert await told(await machine.post("/oauth/token", form), 400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": [ISSUER]}, {"aud": ISSUER + "/oauth/token"}, {"aud": "https://else.example"}, {"aud": None},
        {"sub": "0" * 24}, {"iss": "0" * 24}, {"exp": None}, {"exp": 1}, {"exp": 32503680000}, {"jti": None},
    ],
    ids=repr,
)  # fmt: skip
async def test_an_assertion_is_for_this_issuer_by_this_client_and_short_lived(signer, wrong):
    assert (await signer.ask(proof=signer.assertion(**wrong))).json()["error"] == "invalid_client"


async def test_an_assertion_by_another_key_is_refused(signer):
    signer.key = ECKey.generate_key("P-256")
    assert await told(await signer.ask(), 400, "invalid_client")


async def test_of_twenty_who_show_one_assertion_one_gets_a_token(signer, database):
    proof = signer.assertion()
    answers = await asyncio.gather(*(signer.ask(proof=proof) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 19
    assert await database.tokens.count_documents({"Kind": "client"}) == 1
    assert await database.used_assertions.count_documents({}) == 1


async def test_a_client_gives_back_its_own_tokens_only(api, registered, alice):
    first, second = await registered(), await registered()
    headers, (_, session) = await first.headers(), alice
    token = headers["Authorization"].removeprefix("Bearer ")
    assert (await second.post("/oauth/revoke", {"token": token})).status_code in (200, 400)
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 200
    of_alice = session["Authorization"].removeprefix("Bearer ")
    assert (await first.post("/oauth/revoke", {"token": of_alice})).status_code == 200
    assert (await api.get("/api/v1/me", headers=session)).status_code == 200
    assert (await first.post("/oauth/revoke", {"token": token})).status_code == 200
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 401
    assert (await first.post("/oauth/revoke", {"token": token})).status_code == 200
    assert (await first.post("/oauth/revoke", {"token": "unknown"})).status_code == 200


async def test_who_does_not_prove_itself_revokes_nothing(api, machine):
    headers = await machine.headers()
    form = {"token": headers["Authorization"].removeprefix("Bearer ")}
    assert await told(await api.post("/oauth/revoke", data=form), 401, "invalid_client")
    assert await told(await machine.post("/oauth/revoke", {}), 400, "invalid_request")
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 200


async def test_a_deleted_client_gets_no_token_and_those_it_had_stop_at_once(api, alice, registered):
    gone, other = await registered(), await registered()
    headers, others = await gone.headers(), await other.headers()
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 200
    assert (await api.delete(f"/api/v1/clients/{gone.client_id}", headers=alice[1])).status_code == 204
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 401
    assert (await api.get("/api/v1/me", headers=others)).status_code == 200
    assert await told(await gone.ask(), 401, "invalid_client")
    assert (await api.delete(f"/api/v1/clients/{gone.client_id}", headers=alice[1])).status_code == 404


async def test_a_client_deleted_while_it_asks_gets_no_token(api, alice, machine, services, database, monkeypatch):
    """The deletion comes between the last look at the client and the writing of its token."""
    asked, go_on = asyncio.Event(), asyncio.Event()
    tokens = services.credentials._tokens

    class Slow:
        async def insert_one(self, document):
            asked.set()
            await go_on.wait()
            return await tokens.insert_one(document)

        def __getattr__(self, name):
            return getattr(tokens, name)

    monkeypatch.setattr(services.credentials, "_tokens", Slow())
    asking = asyncio.create_task(machine.ask())
    await asked.wait()
    assert (await api.delete(f"/api/v1/clients/{machine.client_id}", headers=alice[1])).status_code == 204
    go_on.set()
    assert await told(await asking, 400, "invalid_client")
    assert await database.tokens.count_documents({"Kind": "client", "RevokedAt": None}) == 0


async def test_when_the_person_is_gone_so_are_the_clients_and_their_tokens(api, alice, machine, database):
    headers = await machine.headers()
    await database.users.delete_one({"_id": alice[0]["UserId"]})
    assert await told(await machine.ask(), 401, "invalid_client")
    assert (await api.get("/api/v1/me", headers=headers)).status_code == 401


async def test_a_client_operates_only_as_long_as_its_owner_does(api, alice, registered, database):
    person, _ = alice
    await database.users.update_one({"_id": person["UserId"]}, {"$set": {"Roles": ["operator"]}})
    session = await api.post("/api/v1/log-in", json={"user_name": "alice", "password": "correct horse battery"})
    headers = {"Authorization": f"Bearer {session.json()['token']}"}
    machine = await registered(scopes=["operate", "read"], headers=headers)
    assert (await api.get("/metrics", headers=await machine.headers())).status_code == 200
    await database.users.update_one({"_id": person["UserId"]}, {"$set": {"Roles": []}})
    assert await told(await machine.ask(scope="operate"), 400, "invalid_scope")
    assert (await machine.ask()).json()["scope"] == "read"


async def test_clients_are_listed_by_page_without_their_secrets(api, alice, registered):
    made = [await registered(label=f"job {number}") for number in range(3)]
    first = (await api.get("/api/v1/clients", params={"limit": 2}, headers=alice[1])).json()
    second = (await api.get("/api/v1/clients", params={"cursor": first["next_cursor"]}, headers=alice[1])).json()
    assert [each["client_id"] for each in first["data"] + second["data"]] == [each.client_id for each in made]
    assert second["next_cursor"] is None
    assert "client_secret" not in first["data"][0]
    assert not any(each.secret in json.dumps([first, second]) for each in made)


async def test_nobody_but_the_owner_lists_or_deletes_a_client(api, machine, signed_up):
    _, stranger = await signed_up("stranger")
    assert (await api.get("/api/v1/clients", headers=stranger)).json()["data"] == []
    assert (await api.delete(f"/api/v1/clients/{machine.client_id}", headers=stranger)).status_code == 404
    assert (await api.delete("/api/v1/clients/no-id", headers=stranger)).status_code == 404
    assert (await machine.ask()).status_code == 200


async def test_registering_takes_the_scope_manage_and_gives_no_more_than_the_caller_has(api, alice, registered):
    machine = await registered(scopes=["read", "manage"])
    headers = await machine.headers()
    body = {"label": "x", "scopes": ["write"]}
    assert (await api.post("/api/v1/clients", json=body, headers=headers)).status_code == 403
    reading = await machine.headers(scope="read")
    assert (await api.post("/api/v1/clients", json=body | {"scopes": ["read"]}, headers=reading)).status_code == 403
    assert (await api.post("/api/v1/clients", json=body | {"scopes": ["operate"]}, headers=alice[1])).status_code == 403


async def test_a_person_has_fifty_clients_at_most(api, alice, database):
    person, headers = alice
    await database.machine_clients.insert_many([machine_client(person) for _ in range(CLIENTS_MAX)])
    body = {"label": "one more", "scopes": ["read"]}
    assert (await api.post("/api/v1/clients", json=body, headers=headers)).status_code == 409


def _base64url(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _padded_to_look_long():
    n = rsa.generate_private_key(65537, 1024).public_key().public_numbers().n  # noqa: S505 - a bad key on purpose
    return {"kty": "RSA", "n": _base64url(n.to_bytes(256, "big")), "e": "AQAB"}


GOOD = ECKey.generate_key("P-256")
BAD_KEYS = {
    "private": lambda: GOOD.as_dict(private=True),
    "shared": lambda: {"kty": "oct", "k": "c2VjcmV0"},
    "short": _padded_to_look_long,
    "beside the curve": lambda: {"kty": "EC", "crv": "P-256", "x": "A" * 43, "y": "A" * 43},
    "another curve": lambda: ECKey.generate_key("P-384").as_dict(private=False),
    "another use": lambda: GOOD.as_dict(private=False) | {"use": "enc"},
    "another algorithm": lambda: GOOD.as_dict(private=False) | {"alg": "ES512"},
    "no key": dict,
}


@pytest.mark.parametrize("make_key", BAD_KEYS.values(), ids=BAD_KEYS)
async def test_keys_that_cannot_be_trusted_are_not_registered(api, alice, database, make_key):
    body = {"label": "x", "scopes": ["read"], "jwks": {"keys": [make_key()]}}
    answer = await api.post("/api/v1/clients", json=body, headers=alice[1])
    assert answer.status_code == 422, answer.text
    assert await database.machine_clients.count_documents({}) == 0
    assert GOOD.as_dict(private=True)["d"] not in answer.text


@pytest.mark.parametrize(
    "more",
    [
        {"jwks": {"keys": []}}, {"auth_method": "private_key_jwt"}, {"auth_method": "none"}, {"scopes": []},
        {"jwks": {"keys": [GOOD.as_dict(private=False)]}, "auth_method": "client_secret_post"},
        {"jwks_uri": "https://x.example/keys"}, {"label": "a\x00b"}, {"scopes": ["everything"]},
    ],
    ids=[
        "no keys", "keys left out", "no proof", "no scope", "keys and a secret", "keys elsewhere", "odd label",
        "odd scope",
    ],
)  # fmt: skip
async def test_a_client_that_cannot_be_is_not_registered(api, alice, more):
    answer = await api.post("/api/v1/clients", json={"label": "x", "scopes": ["read"]} | more, headers=alice[1])
    assert answer.status_code == 422, answer.text


async def test_what_happened_stands_in_the_owners_record(api, alice, registered):
    machine = await registered()
    await machine.headers()
    await api.delete(f"/api/v1/clients/{machine.client_id}", headers=alice[1])
    events = (await api.get("/api/v1/me/audit", headers=alice[1])).json()["data"]
    told = {(each["action"], each["object"]) for each in events}
    assert {
        ("client.registered", f"client:{machine.client_id}"),
        ("client.deleted", f"client:{machine.client_id}"),
    } <= told
    assert f"client:{machine.client_id}" in {each["actor"] for each in events if each["action"] == "token.issued"}


async def test_the_metadata_says_what_is_served_and_no_more(api, api_with):
    answer = await api.get(METADATA)
    said = answer.json()
    assert said["issuer"] == ISSUER
    assert said["token_endpoint"] == f"{ISSUER}/oauth/token"
    assert said["grant_types_supported"] == ["client_credentials"]
    assert said["response_types_supported"] == []
    assert not {"authorization_endpoint", "introspection_endpoint", "registration_endpoint"} & said.keys()
    elsewhere = await api_with(public_url="https://api.example")
    assert (await elsewhere.get(METADATA)).json()["revocation_endpoint"] == "https://api.example/oauth/revoke"
    for path in ("/oauth/authorize", "/oauth/introspect", "/oauth/par"):
        assert await told(await api.post(path, data={}), 404, "invalid_request")


async def test_too_many_calls_and_too_large_ones_are_refused_in_the_same_words(api_with):
    api = await api_with(rate_limit_per_minute=100, body_limit_bytes=1024)
    assert await told(await api.post("/oauth/token", data={"scope": "x" * 2000}), 413, "invalid_request")
    answers = [await api.post("/oauth/token", data={}) for _ in range(31)]
    assert await told(answers[-1], 429, "temporarily_unavailable")
    assert int(answers[-1].headers["retry-after"]) > 0


async def test_a_database_that_is_away_is_told_as_such(api, machine, services, monkeypatch):
    class Away:
        async def find_one(self, *_):
            raise ServerSelectionTimeoutError("no server")

    monkeypatch.setattr(services.clients, "_clients", Away())
    answer = await machine.ask()
    assert await told(answer, 503, "temporarily_unavailable")
    assert int(answer.headers["retry-after"]) > 0


async def test_the_server_refuses_a_secret_in_clear_and_a_private_key(database):
    for more in (
        {"SecretHash": "a" * 64},
        {"Jwks": {"keys": [GOOD.as_dict(private=True)]}},
        {"Jwks": {"keys": []}},
        {"AuthMethod": "none"},
        {"Scopes": []},
    ):
        with pytest.raises(WriteError):
            await database.machine_clients.insert_one(machine_client(**more))
    with pytest.raises(WriteError):
        await database.used_assertions.insert_one({"_id": "jti in clear", "ExpiresAt": clock.now()})
    await database.machine_clients.insert_one(machine_client(Jwks={"keys": [GOOD.as_dict(private=False)]}))
    await database.used_assertions.insert_one({"_id": Binary(b"0" * 16), "ExpiresAt": clock.now()})


async def test_what_is_stored_is_read_back_as_its_document(services, signer, machine):
    await signer.headers()
    found = await MachineClient.find_all().to_list()
    assert {each.auth_method for each in found} == {"client_secret_basic", "private_key_jwt"}
    assert len(await UsedAssertion.find_all().to_list()) == 1
