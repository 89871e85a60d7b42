"""The third parties that every bank of the world knows from the start, as rows of a file."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from backend.emulator.oauth.banks import Bank
from backend.emulator.oauth.services import OAuthServices
from backend.kernel.errors import Misconfigured
from backend.kernel.mongo.client import translated
from backend.oauth.clients import Client

ROWS: Final = Path(__file__).parent / "third_parties.toml"


class ThirdParty(BaseModel):
    """A third party; its secret and API key are published test data."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    secret: str = Field(min_length=16)
    api_key: str = Field(min_length=8)
    redirect_uris: tuple[str, ...] = Field(min_length=1)


class _Rows(BaseModel):
    model_config = ConfigDict(extra="forbid")

    third_parties: tuple[ThirdParty, ...]


def read_third_parties(path: Path = ROWS) -> tuple[ThirdParty, ...]:
    """The rows of ``path``; Misconfigured says where one cannot be used."""
    try:
        return _Rows.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).third_parties
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise Misconfigured(f"{path} cannot be read") from error
    except ValidationError as error:
        place = ".".join(map(str, error.errors()[0]["loc"]))
        raise Misconfigured(f"{path} cannot be used; look at {place}") from error


async def register(oauth: OAuthServices, parties: Sequence[ThirdParty]) -> None:
    """Let every bank know them, in place of what it knew under the same ids."""
    with translated():
        for bank in oauth.directory:
            for party in parties:
                await oauth.shelves.clients.register(bank.issuer, _client(bank, party), secret=party.secret)


def _client(bank: Bank, party: ThirdParty) -> Client:
    return Client(
        client_id=party.client_id,
        name=party.name,
        auth_method="client_secret_basic",
        grant_types=bank.policy.grant_types,
        scopes=bank.policy.scopes,
        redirect_uris=frozenset(party.redirect_uris),
        may_introspect=True,
    )
