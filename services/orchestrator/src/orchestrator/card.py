"""The Agent Card of one customer's orchestrator."""

from a2a.types import AgentCard, AgentSkill

from crossdock.cards.building import agent_card
from crossdock.extensions import ROUTING, declare

SKILL = "handle_request"


def card(*, customer: str, url: str, issuer: str, version: str) -> AgentCard:
    built = agent_card(
        name=f"{customer}-orchestrator",
        description=(
            f"Takes {customer}'s logistics requests in plain words and has them done by specialised agents: checks "
            "data for anomalies, answers questions on contracts with the quoted clause, drafts escalations."
        ),
        version=version,
        url=url,
        issuer=issuer,
        skills=[
            AgentSkill(
                id=SKILL,
                name="Handle a request",
                description=(
                    "Decides which agents a request needs and in which order, runs them, and streams their progress "
                    "and artifacts. The decision and its reason stand in the task's metadata."
                ),
                tags=["logistics", "routing", "orchestration"],
                examples=[
                    "Which of the attached deliveries look wrong?",
                    "How long may we inspect the goods before we have to accept them?",
                    "Go through these delivery records, find our rights in the contract, and draft the complaint.",
                ],
            )
        ],
        input_modes=["text/*", "application/*", "image/*"],
        output_modes=["text/plain", "text/markdown", "application/json", "image/png", "message/rfc822"],
        extended=True,
    )
    declare(built, ROUTING)
    return built
