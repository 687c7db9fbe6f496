"""Routing by the skill that the caller named: the agent that offers it does it, alone."""

from orchestrator.catalogue import Catalogue
from orchestrator.decision import Decision
from orchestrator.request import RoutingRequest
from orchestrator.routers.question import ask
from orchestrator.routers.router import Router

RULE = "named skill"


class NamedSkillRouter(Router):
    """Comes before every other: what a caller says outright needs no guess."""

    async def route(self, request: RoutingRequest, catalogue: Catalogue) -> Decision | None:
        if not request.skill:
            return None
        offer = catalogue.offers.get(request.skill)
        if offer is None:
            lacks = f"No agent that answers at the moment offers the skill {request.skill}. Try again later."
            return ask(request, catalogue, f"The caller named the skill {request.skill}.", lacks=lacks)
        return Decision(
            method="rules",
            plan=(offer.agent,),
            reason=f"The caller named the skill {request.skill}.",
            rule=RULE,
            scores={offer.agent: 1.0},
            candidates=(offer.agent,),
            cards=catalogue.versions,
            skill=offer.skill,
        )
