import signal

import pytest

from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.deaths import cause_of_death
from backend.kernel.mongo.embedded import EmbeddedMongo, find_mongod
from tests.mongo import free_port

pytestmark = pytest.mark.unit


@pytest.fixture
def mongod_that(tmp_path):
    """Starts a server whose binary is a shell script instead."""

    def start(script):
        binary = tmp_path / "mongod"
        binary.write_text(f"#!/bin/sh\n{script}\n")
        binary.chmod(0o700)
        EmbeddedMongo(tmp_path / "home", free_port(), binary=binary).start()

    return start


def test_a_missing_wheel_is_told_with_the_extra_that_brings_it():
    with pytest.raises(Misconfigured, match="install the extra `embedded`, or set MONGODB_URI"):
        find_mongod("no_such_package")


def test_a_wheel_without_a_binary_for_this_platform_is_the_same():
    with pytest.raises(Misconfigured, match="No mongod for this platform"):
        find_mongod("pymongo")


def test_a_missing_system_library_is_named_with_its_package(mongod_that):
    loader = "mongod: error while loading shared libraries: libcurl.so.4: cannot open shared object file: No such"
    with pytest.raises(Misconfigured, match=r"system library libcurl.so.4; .*apt-get install libcurl4\)"):
        mongod_that(f"echo '{loader}' >&2; exit 127")


def test_a_missing_library_of_macos_is_named(mongod_that):
    with pytest.raises(Misconfigured, match=r"system library /usr/lib/libcurl\.4\.dylib; install it, or set"):
        mongod_that("echo 'dyld[1]: Library not loaded: /usr/lib/libcurl.4.dylib' >&2; exit 134")


def test_a_binary_of_another_processor_cannot_be_executed(tmp_path):
    (tmp_path / "mongod").write_bytes(b"\x7fELF nonsense")
    (tmp_path / "mongod").chmod(0o700)
    with pytest.raises(Misconfigured, match="cannot be executed on this machine"):
        EmbeddedMongo(tmp_path / "home", free_port(), binary=tmp_path / "mongod").start()


def test_a_processor_without_avx_is_told(mongod_that):
    with pytest.raises(Misconfigured, match="AVX"):
        mongod_that(f"kill -{signal.SIGILL.value} $$")


def test_data_of_a_newer_server_are_told(mongod_that):
    with pytest.raises(Misconfigured, match="are of another version of MongoDB"):
        mongod_that("exit 62")


def test_any_other_death_tells_the_last_error_of_the_log(tmp_path):
    log = tmp_path / "mongod.log"
    log.write_text(
        '{"s":"E","msg":"No space","attr":{"error":"ENOSPC"}}\n{"s":"I","msg":"Shutting down"}\n{"s":"F","ms'
    )
    told = cause_of_death(100, "child died", port=1, data=tmp_path, log=log)
    assert told.startswith('mongod ended with code 100, saying: No space "ENOSPC"; read ')


def test_a_death_without_a_log_tells_the_last_line_that_was_printed(mongod_that):
    with pytest.raises(Misconfigured, match="code 3, saying: out of luck; read"):
        mongod_that("echo hello; echo out of luck; exit 3")


def test_a_home_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(Misconfigured, match="set OPENFINANCE_HOME to a directory of your own"):
        EmbeddedMongo(tmp_path / "file" / "home", free_port()).start()
