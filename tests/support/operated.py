"""A running system whose replicas can be looked at, killed and stopped, wherever it runs."""

from abc import abstractmethod
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import httpx

from tests.support.served import Served

SHORTEST = 20
"""Characters of a secret that no other text has by chance."""


class Replica(Protocol):
    @property
    def name(self) -> str: ...


R = TypeVar("R", bound=Replica)


class Operated(Served, Generic[R]):
    """What runs is known by the names of `path`, and as `edge`, `keycloak`, `postgres` and `redis`."""

    def doors(self, customer: str) -> tuple[str, ...]:
        """The names under which the customer's orchestrator is reached."""
        return (customer,)

    @abstractmethod
    def grpc_interface(self, name: str) -> str:
        """As its card tells it."""

    @abstractmethod
    def profile(self, folder: Path) -> AbstractAsyncContextManager[dict[str, str]]:
        """Makes the folder a home of the CLI. What that needs in its environment besides, to find the place."""

    @abstractmethod
    async def well(self) -> None:
        """Until all that should run does, and is ready."""

    @abstractmethod
    async def replicas(self, name: str = "") -> list[R]:
        """Those that run; by default of everything."""

    @abstractmethod
    async def logs(self, replica: R) -> str: ...

    @abstractmethod
    async def execute(self, replica: R, *command: str) -> str:
        """In its container. Raises an error if the command fails."""

    @abstractmethod
    async def crash(self, replica: R) -> None:
        """Killed: the place brings it back, or another."""

    @abstractmethod
    async def recovered(self, crashed: R) -> None:
        """Until it is back, or another in its place."""

    @abstractmethod
    async def restart(self, name: str) -> None:
        """All of its replicas at once, until they are ready."""

    @abstractmethod
    def stopped(self, name: str) -> AbstractAsyncContextManager[None]:
        """None of its replicas runs until the end; then they are ready again."""

    @abstractmethod
    def reach(self, replica: R, *, management: bool = False) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        """Its HTTP port, or that of its probes and metrics, past everything in between."""

    @abstractmethod
    def generated(self) -> set[str]:
        """The contents of all files that are secret, each line of a key for itself."""

    def secrets(self) -> list[str]:
        """Every value that was generated for this place."""
        return sorted(line for line in self.generated() if len(line) >= SHORTEST)


def lines(*files: str) -> set[str]:
    """Without the frame of a key."""
    return {line.strip() for text in files for line in text.splitlines() if not line.startswith("-----")}
