"""Where a server of ours will listen: looked at before anything is started, told when it cannot be."""

import errno
import socket

from backend.kernel.errors import Misconfigured


def require_free(host: str, port: int, *, setting: str) -> None:
    """Misconfigured, naming the ``setting`` to change, unless a server can listen on ``port`` of ``host``."""
    try:
        places = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise _no_address() from None
    for family, kind, protocol, _, address in places:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise _refusal(error, port, setting) from None


def url(host: str, port: int) -> str:
    """The address to call; an IPv6 host stands in brackets (RFC 3986)."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _refusal(error: OSError, port: int, setting: str) -> Misconfigured:
    if error.errno == errno.EADDRINUSE:
        return Misconfigured(f"Port {port} is taken by another program; choose another with {setting}=…")
    if error.errno == errno.EACCES:
        return Misconfigured(f"Port {port} is not for everybody; choose one above 1023 with {setting}=…")
    return _no_address()


def _no_address() -> Misconfigured:
    return Misconfigured("HOST is no address of this machine; set it to one, such as 127.0.0.1 or ::1")
