"""From a page to the next: links are followed at the same bank and the same API only, and never in a circle."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urljoin, urlsplit

from backend.banks.requests import Request, Routes

# Some banks write the name of an unset variable before the path; the path is right.
_NULL: Final = "null/"
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class Stopped:
    """Why the list ends here although the bank says that it goes on: what was read is not all."""

    code: str
    reason: str


def address(request: Request) -> str:
    """The page that a request is for, to know it again."""
    query = urlencode(sorted(request.query.items()))
    return f"{request.path}?{query}" if query else request.path


def next_page(
    routes: Routes, request: Request, payload: Any, *, host: str, seen: frozenset[str]
) -> Request | Stopped | None:
    """The request of the page after ``payload``, None after the last one, or why it will not be asked for.

    ``host`` is the bank's (``https://bank.example``); ``seen`` holds the address of every page of this list so far.
    """
    link = routes.link(payload)
    if link is None:
        return None
    following = _continued(request, link) if isinstance(link, Mapping) else _linked(routes, request, link, host)
    if isinstance(following, Request) and address(following) in seen | {address(request)}:
        return Stopped("NEXT_LOOPS", "The next page is one that was read already")
    return following


def href(payload: Any, *path: str) -> str | None:
    """The link at ``path`` in a payload: a text, or an object with one; None when there is none."""
    found = _member(payload, path)
    found = found.get("href") if isinstance(found, Mapping) else found
    return found.strip() or None if isinstance(found, str) else None


def token(payload: Any, name: str) -> str | None:
    """A cursor at the top of a payload; None when there is none."""
    found = _member(payload, (name,))
    return found if isinstance(found, str) and found else None


def _member(payload: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        payload = payload.get(name) if isinstance(payload, Mapping) else None
    return payload


def _continued(request: Request, added: Mapping[str, str]) -> Request:
    return replace(request, query={**request.query, **added})


def _linked(routes: Routes, request: Request, link: str, host: str) -> Request | Stopped:
    written = f"/{link.removeprefix(_NULL)}" if link.startswith(_NULL) else link
    try:
        target, home = urlsplit(urljoin(f"{host}{request.path}", written)), urlsplit(host)
        is_home = _origin(target) == _origin(home)
    except ValueError:
        return Stopped("NEXT_UNREADABLE", "The link to the next page is no address")
    if not is_home or "\\" in link:
        return Stopped("NEXT_ELSEWHERE", "The link to the next page leads to another host")
    if not target.path.startswith(routes.prefix):
        return Stopped("NEXT_ELSEWHERE", "The link to the next page leads out of the bank's API")
    return replace(request, path=target.path, query=dict(parse_qsl(target.query, keep_blank_values=True)))


def _origin(split: SplitResult) -> tuple[str, str | None, int | None, bool]:
    """Scheme, host, port; and whether somebody's name stands before the host, which no bank needs."""
    return split.scheme, split.hostname, split.port or _PORTS.get(split.scheme), "@" in split.netloc
