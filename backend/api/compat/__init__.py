"""The routes that older front ends call: same paths, replies and number formats, but for owners alone."""

from typing import Final

from fastapi import APIRouter

from backend.api.compat import leafybank, public, secure

ROUTERS: Final[tuple[APIRouter, ...]] = (public.root, public.router, secure.router, leafybank.router)
