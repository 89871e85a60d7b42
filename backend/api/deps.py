"""What routes ask for by type: the services, and who is calling."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, TypeVar

from fastapi import Depends, Request

from backend.api.identity.viewer import VIEWER, Viewer, viewer_of
from backend.api.services import Services
from backend.documents.token import Scope
from backend.kernel.errors import NotAllowed

__all__ = [
    "Direct",
    "FromRequest",
    "ManagerDep",
    "MaybeViewerDep",
    "OperatorDep",
    "ReaderDep",
    "Requires",
    "Services",
    "ServicesDep",
    "Viewer",
    "ViewerDep",
    "requires",
    "services",
    "viewer",
]
T_co = TypeVar("T_co", covariant=True)


class Direct(ABC, Generic[T_co]):
    """A dependency that needs nothing but the request.

    FastAPI resolves every dependency anew with all its machinery, which costs more than the answer;
    StrictRoute asks these itself.
    """

    @abstractmethod
    def read(self, request: Request) -> T_co:
        """What the route gets."""

    async def __call__(self, request: Request) -> T_co:
        """The same, where another dependency asks for it."""
        return self.read(request)


@dataclass(frozen=True)
class FromRequest(Direct[T_co]):
    """A dependency out of a plain function: ``Annotated[Reads, Depends(FromRequest(reads))]``."""

    reader: Callable[[Request], T_co]

    def read(self, request: Request) -> T_co:
        """What the function finds."""
        return self.reader(request)


@dataclass(frozen=True)
class Requires(Direct[Viewer]):
    """A dependency that gives the viewer. A route that has it is closed to nobody, and OpenAPI says so."""

    scope: Scope | None = None

    def read(self, request: Request) -> Viewer:
        """Who is calling; NotAuthenticated when nobody is known to, NotAllowed without the scope."""
        found = viewer_of(request.scope)
        if self.scope and self.scope not in found.scopes:
            raise NotAllowed(f"This token lacks the scope {self.scope}; use one that has it")
        return found


def services_of(request: Request) -> Services:
    """The services of the running application."""
    found: Services = request.app.state.services
    return found


def maybe_viewer_of(request: Request) -> Viewer | None:
    """Who is calling, or None when nobody is known to; the route stays open."""
    found: Viewer | None = request.scope.get(VIEWER)
    return found


def requires(scope: Scope) -> Requires:
    """The dependency for routes that need a token with ``scope``."""
    return Requires(scope)


services = FromRequest(services_of)
viewer = Requires()
maybe_viewer = FromRequest(maybe_viewer_of)

ServicesDep = Annotated[Services, Depends(services)]
ViewerDep = Annotated[Viewer, Depends(viewer)]
ReaderDep = Annotated[Viewer, Depends(requires("read"))]
ManagerDep = Annotated[Viewer, Depends(requires("manage"))]
OperatorDep = Annotated[Viewer, Depends(requires("operate"))]
MaybeViewerDep = Annotated[Viewer | None, Depends(maybe_viewer)]
