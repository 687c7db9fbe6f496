"""The port that every way of routing implements."""

from typing import Protocol

from crossdock.errors import CrossdockError
from orchestrator.catalogue import Catalogue
from orchestrator.decision import Decision
from orchestrator.request import RoutingRequest


class CannotRoute(CrossdockError):
    """A router could not do its work; the text is one sentence for the decision's reason, fit for the caller."""


class Router(Protocol):
    async def route(self, request: RoutingRequest, catalogue: Catalogue) -> Decision | None:
        """A decision, or None where this router has nothing to say and the next one is asked.

        Raises `CannotRoute`.
        """
        ...
