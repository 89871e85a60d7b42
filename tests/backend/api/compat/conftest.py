"""The same stored documents as for the data routes."""

from tests.backend.api.data.conftest import put, sample

__all__ = ["put", "sample"]
