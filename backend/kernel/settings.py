"""The only reader of the environment; everything else is handed values.

Each field is an environment variable of the same name in capitals, also read from ``.env``.
``.env.example`` lists them all with their defaults, and a test keeps it so.
"""

from pathlib import Path
from typing import Final, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict

# MongoDB's own databases, and that of the key vault.
_RESERVED: Final = frozenset({"admin", "config", "encryption", "local"})


class Settings(BaseSettings):
    """How this installation runs. Every default suits a laptop; production sets MONGODB_URI and the keys."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")

    openfinance_home: Path = Field(
        default=Path(".openfinance"),
        description="Where the embedded MongoDB, generated keys and credentials live; readable by you alone.",
    )
    mongodb_uri: SecretStr | None = Field(
        default=None,
        description="Your own MongoDB 6.0 or newer (replica set or Atlas). Empty: start the embedded one.",
    )
    openfinance_db_name: str = Field(
        default="open_finance", pattern=r"^[A-Za-z0-9_-]{1,38}$", description="The database."
    )
    embedded_mongodb_port: int = Field(
        default=27416, ge=1024, le=65535, description="Port of the embedded MongoDB on 127.0.0.1."
    )
    master_key: SecretStr | None = Field(
        default=None,
        description="96 bytes in base64 that wrap the users' data keys. Empty: generated once.",
    )
    hash_key: SecretStr | None = Field(
        default=None,
        description="32 bytes in base64 for keyed hashes of tokens and identifiers. Empty: generated once.",
    )
    host: str = Field(default="127.0.0.1", description="Address the API listens on.")
    port: int = Field(default=8003, ge=1, le=65535, description="Port the API listens on.")
    public_url: str = Field(
        default="http://127.0.0.1:8003",
        pattern=r"^https?://[^\s/?#@]+$",
        description="Address by which others know the API, without a path; machine clients sign for it.",
    )
    world_port: int = Field(default=8004, ge=1, le=65535, description="Port the emulated banks listen on.")
    origins: str = Field(default="", description="Comma-separated web origins whose pages may call the API (CORS).")
    rate_limit_per_minute: int = Field(
        default=60, ge=0, description="Requests a minute for one caller; 0 switches the limit off."
    )
    body_limit_bytes: int = Field(default=1_048_576, ge=1024, description="Largest request body that is read.")
    session_hours: int = Field(default=12, ge=1, description="How long a log-in lasts.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        default="INFO", description="Least severe log line written."
    )

    @field_validator("openfinance_db_name")
    @classmethod
    def _is_ours(cls, name: str) -> str:
        # Names that differ in capitals alone are one database for MongoDB.
        if name.lower() in _RESERVED:
            names = ", ".join(sorted(_RESERVED))
            raise PydanticCustomError("reserved", "String should be none of {names}", {"names": names})
        return name

    @property
    def allowed_origins(self) -> list[str]:
        """``origins`` as a list, blanks left out."""
        return [origin.strip() for origin in self.origins.split(",") if origin.strip()]
