"""The OAuth clients of a customer, and what their tokens say: alike at every issuer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ACCESS = "agent-access"


@dataclass(frozen=True)
class ClientRights:
    """`audience` are the cards that may be called, `roles` what may be asked of them."""

    client_id: str
    customer: str
    audience: tuple[str, ...]
    roles: tuple[str, ...]


def customer_clients(customer: str, agents: Mapping[str, Sequence[str]]) -> tuple[ClientRights, ClientRights]:
    """`<customer>-caller` and `<customer>-orchestrator`.

    `agents` are the shared agents' ids with their skill ids; the card of agent `x` is named `x-agent`.
    """
    orchestrator = f"{customer}-orchestrator"
    cards = tuple(f"{agent}-agent" for agent in agents)
    skills = [f"skill:{agent}.{skill}" for agent, ids in agents.items() for skill in ids]
    request = "skill:orchestrator.handle_request"
    return (
        ClientRights(f"{customer}-caller", customer, (orchestrator,), (ACCESS, request)),
        ClientRights(orchestrator, customer, cards, (ACCESS, *skills)),
    )
