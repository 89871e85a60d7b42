"""What may be asked with a question, and text from outside read into it."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    ValidationError,
)

from backend.kernel.errors import InvalidInput, InvalidMoney
from backend.kernel.ids import object_id_of
from backend.kernel.money import parse_currency

MOST_IDS = 200


def _flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, value)


def _currency(code: str) -> str:
    try:
        return parse_currency(code)
    except InvalidMoney as error:
        raise ValueError(str(error)) from error


def _listed(value: Any) -> Any:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _account_id(text: str) -> str:
    return _known(text, "acc")


def _product_id(text: str) -> str:
    return _known(text, "prd")


def _known(text: str, prefix: str) -> str:
    if object_id_of(text, prefix) is None:
        raise ValueError("not an id")
    return text


Currency = Annotated[str, AfterValidator(_currency)]
_AccountId = Annotated[str, AfterValidator(_account_id)]
_ProductId = Annotated[str, AfterValidator(_product_id)]
_Several = Field(min_length=1, max_length=MOST_IDS)
AccountIds = Annotated[tuple[_AccountId, ...], BeforeValidator(_listed), _Several]
ProductIds = Annotated[tuple[_ProductId, ...], BeforeValidator(_listed), _Several]


class Asked(BaseModel):
    """What every question takes. The names are those of the pipelines' arguments."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include_closed: Annotated[StrictBool, BeforeValidator(_flag)] = Field(
        default=False, description="true to count what is closed as well, else false"
    )
    currency: Currency | None = Field(default=None, description="only this currency: an ISO 4217 code such as EUR")
    institution: str | None = Field(
        default=None, min_length=1, max_length=128, description="only this bank: its name as accounts show it"
    )


class AskedOfAccounts(Asked):
    """For questions on accounts."""

    accounts: AccountIds | None = Field(
        default=None, description="only these accounts: their ids (acc_…), separated by commas, 200 at most"
    )


class AskedOfProducts(Asked):
    """For questions on products."""

    products: ProductIds | None = Field(
        default=None, description="only these products: their ids (prd_…), separated by commas, 200 at most"
    )


class AskedOfBoth(AskedOfProducts, AskedOfAccounts):
    """For questions that look at accounts and products."""


_A = TypeVar("_A", bound=Asked)


def read_asked(model: type[_A], parameters: Mapping[str, str]) -> _A:
    """``parameters`` as ``model``; InvalidInput says what a parameter should be, never what it was."""
    if not parameters.keys() <= model.model_fields.keys():
        names = ", ".join(model.model_fields)
        raise InvalidInput(f"This insight takes only the parameters {names}")
    try:
        return model.model_validate(dict(parameters))
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0])
        raise InvalidInput(
            f"The parameter {name} cannot be used as it is; it means: {model.model_fields[name].description}"
        ) from None
