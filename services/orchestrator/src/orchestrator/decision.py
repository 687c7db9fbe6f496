"""What a router decided, and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Method = Literal["rules", "ranking", "llm", "ask"]


@dataclass(frozen=True, slots=True)
class Usage:
    """What a language model's answer took; for metrics, not for the caller."""

    model: str
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`plan` holds agent ids in the order of work; it is empty when `question` asks the caller back.

    `scores` are 0..1 per agent, `candidates` the agents that were considered, best first, and `cards` the version of
    each agent's card that the decision was made with. `skill` is the one that the plan's only agent is to use, where
    the caller named it.
    """

    method: Method
    plan: tuple[str, ...] = ()
    reason: str
    rule: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)
    candidates: tuple[str, ...] = ()
    cards: Mapping[str, str] = field(default_factory=dict)
    question: str = ""
    usage: Usage | None = None
    skill: str = ""

    def as_metadata(self) -> dict[str, Any]:
        """The JSON value that stands in a task's metadata under `crossdock.extensions.ROUTING`."""
        return {
            "method": self.method,
            "plan": list(self.plan),
            "reason": self.reason,
            "rule": self.rule,
            "scores": dict(self.scores),
            "candidates": list(self.candidates),
            "cards": dict(self.cards),
        }
