"""Where a server can listen, found out before it is started."""

import socket

import pytest

from backend.cli.listening import require_free, url
from backend.kernel.errors import Misconfigured
from tests.mongo import free_port

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_free_port_is_free_and_a_taken_one_is_told_with_its_setting(host):
    port = free_port()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        other = socket.create_server((host, port), family=family)
    except OSError:
        pytest.skip(f"this machine has no {host}")
    with other, pytest.raises(Misconfigured, match=f"Port {port} is taken .* WORLD_PORT="):
        require_free(host, port, setting="WORLD_PORT")
    require_free(host, port, setting="PORT")


@pytest.mark.parametrize("host", ["203.0.113.7", "nowhere.invalid", "a" * 70 + ".example", "::zebra"])
def test_a_host_that_is_not_this_machine_is_told(host):
    with pytest.raises(Misconfigured, match="HOST is no address of this machine"):
        require_free(host, free_port(), setting="PORT")


def test_serve_does_not_say_it_listens_where_it_cannot(typed):
    code, out, err = typed("serve", "--host", "203.0.113.7", LOG_LEVEL="ERROR")
    assert (code, out) == (2, "")
    assert "HOST is no address of this machine" in err


def test_an_ipv6_host_stands_in_brackets():
    assert url("::1", 8003) == "http://[::1]:8003"
    assert url("127.0.0.1", 8003) == "http://127.0.0.1:8003"
