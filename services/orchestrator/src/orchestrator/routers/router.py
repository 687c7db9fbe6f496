"""The port that every way of routing implements."""

from abc import ABC, abstractmethod

from crossdock.errors import CrossdockError
from orchestrator.catalogue import Catalogue
from orchestrator.decision import Decision
from orchestrator.request import RoutingRequest


class CannotRoute(CrossdockError):
    """A router could not do its work; the text is one sentence for the decision's reason, fit for the caller."""


class Router(ABC):
    @abstractmethod
    async def route(self, request: RoutingRequest, catalogue: Catalogue) -> Decision | None:
        """A decision, or None where this router has nothing to say and the next one is asked.

        Raises `CannotRoute`.
        """

    async def prepare(self, catalogue: Catalogue) -> None:
        """Does ahead of requests what would keep the first one waiting; nothing by default."""
        return

    async def close(self) -> None:
        """Gives back what the router holds; nothing by default."""
        return
