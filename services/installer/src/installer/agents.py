"""The shared agents as the rest of the platform knows them; a test compares this with their cards and settings."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SharedAgent:
    """`path` is its name at the gateway, `id` its host name and the one in roles, `database` its own in PostgreSQL."""

    id: str
    path: str
    port: int
    skills: tuple[str, ...]
    database: str = ""

    @property
    def card(self) -> str:
        return f"{self.id}-agent"


AGENTS = (
    SharedAgent("anomaly", "anomaly", 8002, ("detect_anomalies", "validate_records")),
    SharedAgent("contract", "contracts", 8003, ("answer_question", "find_contract", "add_contract"), "contracts"),
    SharedAgent("escalation", "escalation", 8004, ("draft_escalation",)),
)
SKILLS = {agent.id: agent.skills for agent in AGENTS}
