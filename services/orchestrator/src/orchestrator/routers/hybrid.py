"""Several routers, one after the other, until one decides; if none does, the caller is asked."""

from collections.abc import Sequence
from dataclasses import replace

import structlog

from orchestrator.catalogue import Catalogue
from orchestrator.customer import Limits
from orchestrator.decision import Decision
from orchestrator.request import RoutingRequest
from orchestrator.routers.question import ask
from orchestrator.routers.router import CannotRoute, Router

log = structlog.get_logger(__name__)


class HybridRouter(Router):
    """Keeps the customer's limits and says in a decision's reason which routers failed before it."""

    def __init__(self, routers: Sequence[Router], limits: Limits) -> None:
        self._routers = tuple(routers)
        self._limits = limits

    async def route(self, request: RoutingRequest, catalogue: Catalogue) -> Decision:
        request = self._shortened(request)
        failures: list[str] = []
        for router in self._routers:
            try:
                decision = await router.route(request, catalogue)
            except CannotRoute as error:
                log.warning("router_failed", router=type(router).__name__, reason=str(error))
                failures.append(str(error))
                continue
            if decision is not None:
                return _explained(self._bounded(decision, request, catalogue), failures)
        return _explained(ask(request, catalogue, "No rule matched, and no other router decided."), failures)

    async def prepare(self, catalogue: Catalogue) -> None:
        for router in self._routers:
            await router.prepare(catalogue)

    async def close(self) -> None:
        for router in self._routers:
            await router.close()

    def _shortened(self, request: RoutingRequest) -> RoutingRequest:
        """The newest text counts most, and the earlier ones get what it leaves."""
        text = request.text[: self._limits.request_characters]
        left = self._limits.request_characters - len(text)
        earlier = "\n".join(request.earlier)[:left]
        return replace(request, text=text, earlier=(earlier,) if earlier else ())

    def _bounded(self, decision: Decision, request: RoutingRequest, catalogue: Catalogue) -> Decision:
        if len(decision.plan) <= self._limits.steps:
            return decision
        reason = f"The request needs {len(decision.plan)} steps, more than the {self._limits.steps} allowed."
        return ask(request, catalogue, reason, lacks=f"{reason} Ask for one thing at a time.")


def _explained(decision: Decision, failures: Sequence[str]) -> Decision:
    if not failures:
        return decision
    return replace(decision, reason=f"{' '.join(failures)} {decision.reason}")
