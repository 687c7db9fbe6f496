"""The composition root of the edge."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from crossdock.auth.bearer import BearerCheck
from crossdock.server.door import Door
from crossdock.server.management import management_app
from crossdock.telemetry.metrics import Metrics
from edge.cards import CardChecks
from edge.check import TokenCheck
from edge.settings import Settings

NAME = "edge"


@dataclass
class Edge:
    """The ASGI app of the service port; `management` is that of the other."""

    app: Starlette
    management: Starlette
    settings: Settings
    metrics: Metrics
    listening: Callable[[], bool] = lambda: True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)

    def knows(self, listening: Callable[[], bool]) -> None:
        self.listening = listening

    def bind(self) -> None:
        """There are no other ports."""

    async def drain(self) -> None:
        """A check takes no time worth waiting for."""


def create_app(settings: Settings, *, http: httpx.AsyncClient | None = None) -> Edge:
    """`http` reaches the issuer; one that is made here is closed here."""
    door = Door(settings, http)
    metrics = Metrics(NAME)

    def check(card: str, customer: str | None) -> BearerCheck:
        return BearerCheck(door.verifier(card, customer), metrics.rejected)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await door.close()

    async def accepting() -> bool:
        return edge.listening()

    token_check = TokenCheck(CardChecks(check))
    routes = [Route("/check", token_check), Route("/check/{card}", token_check)]
    app = Starlette(routes=routes, lifespan=lifespan)
    management = management_app(metrics.registry, {"accepting": accepting, "issuer": door.ready})
    edge = Edge(app, management, settings, metrics)
    return edge
