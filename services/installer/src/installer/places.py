"""Where Crossdock can be installed. What should be is described once, in plain data; a place writes and applies it."""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from crossdock.errors import ConfigError
from installer.compose import ComposePlace
from installer.customer import Customer
from installer.public import Origin


class Place(Protocol):
    """`customers` are those that are installed. The others raise `ConfigError`, and can be run again."""

    def customers(self) -> list[Customer]: ...

    def prepare(self) -> None:
        """Makes what the system needs to start; keeps what is there."""

    def add(self, name: str) -> None:
        """Installs a customer that has a file; comes back when its orchestrator answers."""

    def remove(self, name: str) -> bool:
        """Undoes `add`; whether there was anything to undo."""

    async def token(self, name: str, client: str) -> str:
        """An access token of the customer's client, `caller` or `orchestrator`."""


PLACES: dict[str, Callable[[Path, Path, Origin], Place]] = {"compose": ComposePlace}


def chosen(name: str, root: Path, folder: Path, origin: Origin) -> Place:
    """Raises `ConfigError` for a place that there is not."""
    if name not in PLACES:
        raise ConfigError(f"There is no place {name!a:.40} yet. Choose one of: {', '.join(PLACES)}.")
    return PLACES[name](root, folder, origin)
