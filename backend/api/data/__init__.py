"""Raw data and insights: what the store holds of the viewer, and what it says."""

from typing import Final

from fastapi import APIRouter

from backend.api.data import holdings, insights, institutions, movements

ROUTERS: Final[tuple[APIRouter, ...]] = (
    institutions.router,
    holdings.router,
    movements.router,
    insights.router,
)
