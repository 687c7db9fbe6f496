"""What the half of the installer that runs inside the network is told by CROSSDOCK_* variables."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="CROSSDOCK_", frozen=True, extra="forbid")

    issuer: str = Field(description="URL of the realm, as tokens carry it.")
    keycloak_url: str = Field("http://keycloak:8080", description="Where Keycloak answers inside the network.")
    redis_nodes: str = Field("redis:6379", description="Redis as host:port, where its users are to be.")
    redis_acl_save: bool = Field(False, description="Whether Redis keeps its users in a file that it may write.")
    postgres: str = Field("postgres:5432", description="PostgreSQL as host:port, where agents keep data of customers.")
    secrets_folder: Path = Field(
        Path("/run/installer/secrets"), description="The mounted folder of the place's secrets."
    )
    patience: float = Field(120.0, gt=0, description="Seconds to wait for Keycloak and Redis while they start.")
