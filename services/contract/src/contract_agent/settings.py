"""Settings of the contract agent."""

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from crossdock.settings import PORTS, ServiceSettings
from crossdock.tasks.resumption import Resumption


class Settings(ServiceSettings):
    port: int = Field(8003, ge=1, le=64535, description=PORTS)
    resumable: dict[str, Resumption] = Field(
        {"*": Resumption.RESTART},
        description="By skill (* for the others), what becomes of a task whose replica is lost: never, restart or "
        "checkpoint; JSON.",
    )
    database_url: str = Field(
        "sqlite://",
        description="Where contracts are kept: sqlite:// (in memory), sqlite:///path, "
        "or postgresql+psycopg://user@host/database. Several replicas need PostgreSQL.",
    )
    database_password_file: Path | None = Field(None, description="File that holds the database user's password.")
    llm_model: str = Field("", description="Model that phrases answers from the quotes; none by default.")
    llm_base_url: str = Field("https://api.openai.com/v1", description="Server that speaks OpenAI's chat completions.")
    llm_key_file: Path | None = Field(None, description="File that holds the model server's API key.")
    llm_prices: dict[str, tuple[float, float]] = Field(
        {}, description="US dollars per million prompt and completion tokens, by model; JSON."
    )

    @field_validator("database_url")
    @classmethod
    def _without_password(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.password or "password=" in parts.query:
            raise ValueError(
                "it holds a password: put that into a file and name it in CROSSDOCK_DATABASE_PASSWORD_FILE"
            )
        return value
