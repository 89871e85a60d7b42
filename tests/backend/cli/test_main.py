"""The door of the command line: what is wrong becomes one sentence, and no value of ours is in it."""

import pytest

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("PORT", "abc", "valid integer"),
        ("LOG_LEVEL", "chatty", "'DEBUG', 'INFO', 'WARNING' or 'ERROR'"),
        ("RATE_LIMIT_PER_MINUTE", "-1", "greater than or equal to 0"),
        ("OPENFINANCE_DB_NAME", "a b", "should match pattern"),
        *(("OPENFINANCE_DB_NAME", name, "none of admin") for name in ("admin", "Local", "config", "encryption")),
    ],
)
def test_a_wrong_setting_is_one_sentence_with_its_name_and_without_its_value(typed, name, value, takes):
    code, out, err = typed("doctor", **{name: value})
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert f"{name} should" in err
    assert takes in err
    assert name == "OPENFINANCE_DB_NAME" or value not in err


def test_a_path_that_looks_like_markup_is_printed_and_not_obeyed(typed):
    code, _, err = typed("import", "/nonexistent/[/x].json", LOG_LEVEL="ERROR")
    assert (code, err) == (2, "✗ /nonexistent/[/x].json does not exist\n")
