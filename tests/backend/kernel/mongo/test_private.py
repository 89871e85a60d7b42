import pytest

from backend.kernel.mongo.private import open_private, write_private

pytestmark = pytest.mark.unit


def test_only_the_owner_may_read_what_is_written(tmp_path):
    write_private(tmp_path / "secret", "s3cret")
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "secret").read_text() == "s3cret"


def test_writing_again_replaces_content_and_mode_even_of_an_open_file(tmp_path):
    (tmp_path / "secret").write_text("old and longer")
    (tmp_path / "secret").chmod(0o666)
    write_private(tmp_path / "secret", "new", mode=0o400)
    assert (tmp_path / "secret").read_text() == "new"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o400


def test_a_failed_write_leaves_the_old_content_and_nothing_else(tmp_path):
    (tmp_path / "secret").write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_private(tmp_path / "secret", "\ud800")
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]
    assert (tmp_path / "secret").read_text() == "old"


def test_a_file_that_others_could_read_is_closed_to_them_when_it_is_opened(tmp_path):
    (tmp_path / "printed").write_text("old")
    (tmp_path / "printed").chmod(0o644)
    with open_private(tmp_path / "printed") as file:
        file.write("new")
    assert (tmp_path / "printed").read_text() == "new"
    assert (tmp_path / "printed").stat().st_mode & 0o777 == 0o600
