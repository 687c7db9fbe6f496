"""`service check FILE...`: whether these customers' files would start an orchestrator in this place. Serves nothing."""

from collections.abc import Collection
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from crossdock.errors import ConfigError
from orchestrator.customer import load


class Place(BaseSettings):
    """What of an orchestrator's settings its customer's file depends on."""

    model_config = SettingsConfigDict(env_prefix="CROSSDOCK_", frozen=True)

    agents: dict[str, str] = Field(description="As in the orchestrator's settings: JSON object of agent id to URL.")


def check(paths: Collection[str], agents: Collection[str]) -> None:
    """Raises `ConfigError` with a line for each problem of each file: where it is and what to write there."""
    problems = [problem for path in map(Path, paths) for problem in _problems(path, agents)]
    if problems:
        raise ConfigError("\n".join(problems))


def _problems(path: Path, agents: Collection[str]) -> list[str]:
    try:
        customer = load(path)
    except ConfigError as error:
        return str(error).splitlines()
    known = ", ".join(sorted(agents))
    return [
        f"{path}: customer.agents: no agent {agent!r} lives here; choose of {known}"
        for agent in customer.homeless(agents)
    ]
