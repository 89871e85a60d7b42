"""Small words of the kernel: clock, ids, keys, logs."""

import base64
import json
import stat
from datetime import UTC, datetime

import pytest
import structlog
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from backend.kernel import clock, log
from backend.kernel.errors import Misconfigured
from backend.kernel.ids import KeyedHash, new_token, object_id, object_id_of, public_id
from backend.kernel.keys import load_keys
from backend.kernel.settings import Settings

pytestmark = pytest.mark.unit

KEYED = KeyedHash(b"k" * 32)


def settings(**changes):
    return Settings(_env_file=None, **changes)


def test_the_clock_stops_where_it_is_set_and_goes_on_after():
    new_year = datetime(2026, 1, 1, tzinfo=UTC)
    with clock.stopped_at(new_year):
        assert clock.now() == clock.now() == new_year
    assert clock.now() > new_year


def test_the_clock_shows_no_more_than_bson_keeps():
    assert clock.now().microsecond % 1000 == 0


def test_an_instant_without_a_zone_cannot_set_the_clock():
    with pytest.raises(ValueError, match="time zone"), clock.stopped_at(datetime(2026, 1, 1)):  # noqa: DTZ001
        pass


@given(st.lists(st.text(), min_size=1), st.lists(st.text(), min_size=1))
def test_different_parts_never_run_together_into_one_digest(left, right):
    assert (KEYED.digest("account", *left) == KEYED.digest("account", *right)) == (left == right)


def test_a_digest_depends_on_purpose_and_key():
    digests = {
        KEYED.digest("account", "1"),
        KEYED.digest("product", "1"),
        KeyedHash(b"l" * 32).digest("account", "1"),
    }
    assert len(digests) == 3


def test_a_mac_depends_on_message_purpose_and_key():
    other = KeyedHash(b"l" * 32)
    macs = {KEYED.mac("audit", b"1"), KEYED.mac("audit", b"2"), KEYED.mac("checkpoint", b"1"), other.mac("audit", b"1")}
    assert len(macs) == 4
    assert {len(mac) for mac in macs} == {32}


@given(st.binary(min_size=16, max_size=16))
def test_a_public_id_leads_to_the_document_without_an_index(digest):
    shown = public_id("acc", digest)
    assert object_id_of(shown, "acc") == object_id(digest)
    assert object_id_of(shown, "prd") is None


@given(st.text())
def test_no_text_makes_the_id_reader_fail(text):
    assert object_id_of(text, "acc") is None
    assert isinstance(object_id_of("acc_" + text, "acc"), ObjectId | None)


def test_tokens_are_64_hex_digits_and_never_the_same():
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert all(len(bytes.fromhex(token)) == 32 for token in tokens)


def test_keys_are_made_once_and_readable_by_the_owner_alone(tmp_path):
    home = tmp_path / "home"
    first, second = (load_keys(settings(openfinance_home=home)) for _ in range(2))
    assert first == second
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o600}
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_keys_are_not_shown_when_printed(tmp_path):
    keys = load_keys(settings(openfinance_home=tmp_path))
    assert repr(keys) == "Keys()"


@pytest.mark.parametrize("bad", ["not base64!", base64.b64encode(b"short").decode()])
def test_a_key_that_is_none_is_refused_with_the_remedy(tmp_path, bad):
    with pytest.raises(Misconfigured, match="MASTER_KEY.*make one of 96 random bytes"):
        load_keys(settings(openfinance_home=tmp_path, master_key=bad))


def test_a_log_shows_only_what_is_on_the_list(capsys):
    log.configure("INFO")
    try:
        log.get_logger().info("import.done", read=3, token="secret", amount="7825.10", user_name="fridaklo")
    finally:
        structlog.reset_defaults()
    line = json.loads(capsys.readouterr().err)
    assert line["event"] == "import.done"
    assert line["read"] == 3
    assert {line["token"], line["amount"], line["user_name"]} == {"…"}
