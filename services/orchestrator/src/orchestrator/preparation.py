"""What an orchestrator does ahead of its first request, so that nobody waits for it: cards fetched, routers trained."""

import asyncio
import time
from typing import Protocol

import structlog

from crossdock.errors import CrossdockError
from crossdock.tasks.outage import Outage
from orchestrator.catalogue import Catalogue
from orchestrator.routers.router import Router

log = structlog.get_logger(__name__)

FIRST_SECONDS = 0.5
SECONDS = 30.0
PATIENCE = 20.0
"""After this time an orchestrator works with the agents that have answered."""


class Cards(Protocol):
    async def catalogue(self) -> tuple[Catalogue, tuple[str, ...]]: ...


class Preparation:
    """Looks at the cards again and again; a router learns those that have changed before a request needs them."""

    def __init__(self, cards: Cards, router: Router) -> None:
        self._outage = Outage("agents_not_reached", "agents_reached")
        self._cards = cards
        self._router = router
        self._ready = False
        self._patient_until = time.monotonic() + PATIENCE

    async def done(self) -> bool:
        """Whether a request can be routed at once: for that its agents must have answered."""
        return self._ready

    async def run(self) -> None:
        while True:
            missing = await self._look()
            await asyncio.sleep(FIRST_SECONDS if missing else SECONDS)

    async def _look(self) -> bool:
        """Whether some agent is missing still."""
        try:
            catalogue, missing = await self._cards.catalogue()
            if missing and time.monotonic() < self._patient_until:
                return True
            await self._router.prepare(catalogue)
        except CrossdockError as error:
            self._outage.failed(type(error).__name__, reason=str(error))
            return True
        self._outage.over()
        if not self._ready:
            log.info("routing_prepared", agents=catalogue.ids, missing=missing)
        self._ready = True
        return bool(missing)
