"""What a caller is asked when no agent is a clear match."""

from collections.abc import Iterable

from crossdock.cards.sanitising import all_cleaned
from orchestrator.catalogue import Agent, Catalogue
from orchestrator.decision import Decision
from orchestrator.request import RoutingRequest

FEW_WORDS = 5


def offer(catalogue: Catalogue) -> str:
    """What the agents can do, by the names of their skills."""
    return "; ".join(_abilities(agent) for agent in catalogue.agents)


def _abilities(agent: Agent) -> str:
    names = all_cleaned((skill.name for skill in agent.skills), limit=80, count=6)
    return f"{agent.id}: {', '.join(names)}" if names else agent.id


def missing(request: RoutingRequest) -> str:
    """What the request lacks, as far as that can be seen."""
    words = request.whole_text.split()
    if not words and request.attachments:
        return f"There is no text with the attached {request.attachments[0]}. Say what should be done with it."
    if not words:
        return "The message is empty. Say what should be done, and attach the data or the document if there is one."
    if request.attachments and len(words) <= FEW_WORDS:
        return f"Say what should be done with the attached {request.attachments[0]}."
    if len(words) <= FEW_WORDS:
        return "That is too little to go on. Say what should be done and with what: which data, agreement or recipient."
    return "None of the agents fits this request. Say which of these things you need, and with what."


def ask(
    request: RoutingRequest,
    catalogue: Catalogue,
    reason: str,
    *,
    lacks: str = "",
    scores: Iterable[tuple[str, float]] = (),
) -> Decision:
    """The decision to ask back; `lacks` says what is missing where the router knows it better than `missing`."""
    known = dict(scores)
    return Decision(
        method="ask",
        reason=reason,
        scores=known,
        candidates=tuple(sorted(known or catalogue.ids, key=lambda agent: -known.get(agent, 0.0))),
        cards=catalogue.versions,
        question=f"{lacks or missing(request)} What can be done here: {offer(catalogue)}.",
    )
