"""Settings of one customer's orchestrator. What the customer wants stands in the customer file; this is the place."""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from crossdock.client.sidecar import app_of
from crossdock.settings import HIGHEST_PORT, PORTS, ServiceSettings
from crossdock.tasks.resumption import Resumption


class Settings(ServiceSettings):
    port: int = Field(8001, ge=1, le=64535, description=PORTS)
    resumable: dict[str, Resumption] = Field(
        {"*": Resumption.CHECKPOINT},
        description="By skill (* for the others), what becomes of a task whose replica is lost: never, restart or "
        "checkpoint; JSON.",
    )
    customer_file: Path = Field(description="YAML file whose `customer:` block configures this orchestrator.")
    agents: dict[str, str] = Field(description="Where the agents live: JSON object of agent id to URL.")
    dapr_http_port: int | None = Field(
        None,
        ge=1,
        le=HIGHEST_PORT,
        description="Port of the Dapr sidecar on 127.0.0.1, through which agents are then called: an agent at "
        "http://x.y:8080 is the app x of the namespace y. By default they are called directly.",
    )
    client_id: str = Field("", description="OAuth client of this orchestrator; <customer>-orchestrator by default.")
    client_secret_file: Path = Field(description="File that holds the OAuth client's secret.")
    require_signed_cards: bool = Field(
        False, description="Whether an agent is used only if its Agent Card is signed by a key that is trusted."
    )
    card_keys_file: Path | None = Field(
        None,
        description="JWK set of the public keys that are trusted to sign cards; by default those that each agent "
        "publishes at its URL, which keeps out who can change its card and not its keys.",
    )
    llm_prices: dict[str, tuple[float, float]] = Field(
        {}, description="US dollars per million prompt and completion tokens, by model; JSON."
    )

    @field_validator("dapr_http_port")
    @classmethod
    def _apps(cls, value: int | None, given: ValidationInfo) -> int | None:
        for url in given.data.get("agents", {}).values() if value else ():
            app_of(url)
        return value

    @field_validator("agents")
    @classmethod
    def _base_urls(cls, value: dict[str, str]) -> dict[str, str]:
        for agent, url in value.items():
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"the URL of {agent!r} must begin with http:// or https://")
        return {agent: url.rstrip("/") for agent, url in value.items()}
