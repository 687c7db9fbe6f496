"""Where Crossdock can be installed. What should be is described once, in plain data; a place writes and applies it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from crossdock.errors import ConfigError
from crossdock.settings import checked
from installer.cluster import ClusterPlace
from installer.compose import compose_place
from installer.customer import Customer
from installer.kubectl import Kubectl
from installer.printing import Printer
from installer.state import FolderState, SecretState


class Place(Protocol):
    """`customers` are those that are installed. The others raise `ConfigError`, and can be run again."""

    def customers(self) -> list[Customer]: ...

    def prepare(self) -> None:
        """Makes what the system needs to start; keeps what is there."""

    def add(self, name: str) -> str:
        """Installs a customer that has a file, as far as the place does it; returns what there is to say."""

    def remove(self, name: str) -> bool:
        """Undoes `add`; whether there was anything to undo."""

    def renew(self, name: str) -> str:
        """Another secret in the place of this one; returns what is to be done for it to count."""

    async def token(self, name: str, client: str) -> str:
        """An access token of the customer's client, `caller` or `orchestrator`."""


@dataclass(frozen=True)
class Choices:
    """`state` is where secrets are kept instead of where they are at home; `printed`: nothing is applied."""

    state: Path | None = None
    printed: bool = False


class Target(BaseSettings):
    """Which cluster, and what it is to be."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    domain: str = Field("", description="Releases are served at <release>.<domain>; by default the one before.")
    overlay: str = Field("k8s/base", description="Folder for kustomize: what stands before any release.")
    kube_context: str = Field("", description="Context of kubectl, if not the current one.")
    installer_image: str = Field("crossdock/installer:dev", description="Image of the installer's Jobs.")


def _compose(root: Path, choices: Choices) -> Place:
    if choices != Choices():
        raise ConfigError("The place compose has its state in .crossdock/compose: leave out --state and --print.")
    return compose_place(root)


def _cluster(root: Path, choices: Choices) -> Place:
    target = checked(Target)
    kubectl = Kubectl(target.kube_context)
    state = FolderState(choices.state) if choices.state else SecretState(kubectl)
    cluster = Printer() if choices.printed else kubectl
    return ClusterPlace(
        root, cluster, state, overlay=target.overlay, image=target.installer_image, domain=target.domain
    )


PLACES: dict[str, Callable[[Path, Choices], Place]] = {"compose": _compose, "cluster": _cluster}


def chosen(name: str, root: Path, choices: Choices) -> Place:
    """Raises `ConfigError` for a place that there is not."""
    if name not in PLACES:
        raise ConfigError(f"There is no place {name!a:.40} yet. Choose one of: {', '.join(PLACES)}.")
    return PLACES[name](root, choices)
