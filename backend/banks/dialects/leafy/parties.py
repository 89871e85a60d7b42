"""Whose a leafy record is."""

from typing import Final

from backend.banks.fields import Fields
from backend.documents.parts import Owner

NUMBER: Final = "AccountNumber"


def owner_in(user: Fields | None) -> Owner | None:
    """The `{UserName, UserId}` in a record; None when there is no id."""
    if user is None:
        return None
    user_id = user.object_id("UserId")
    return None if user_id is None else Owner(user_name=user.required_text("UserName"), user_id=user_id)
