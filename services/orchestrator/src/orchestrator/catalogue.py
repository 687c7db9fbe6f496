"""The agents that a customer may use, as their cards describe them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from a2a.types import AgentCard


@dataclass(frozen=True, slots=True)
class Skill:
    id: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    """`id` is the customer's name for the agent, `card_name` the one that it gives itself."""

    id: str
    card_name: str
    version: str
    description: str = ""
    skills: tuple[Skill, ...] = ()

    @property
    def tags(self) -> frozenset[str]:
        return frozenset(tag for skill in self.skills for tag in skill.tags)

    @property
    def examples(self) -> tuple[str, ...]:
        return tuple(example for skill in self.skills for example in skill.examples)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Immutable and comparable: what is computed from a catalogue can be kept under it as a key."""

    agents: tuple[Agent, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(agent.id for agent in self.agents)

    @property
    def versions(self) -> dict[str, str]:
        return {agent.id: agent.version for agent in self.agents}

    def __contains__(self, agent: object) -> bool:
        return agent in self.ids


def agent_of(id: str, card: AgentCard, allowed: Iterable[str] = ()) -> Agent:  # noqa: A002 - the customer's id
    """The agent behind a card; with `allowed`, only those of its skills."""
    wanted = frozenset(allowed)
    skills = tuple(
        Skill(skill.id, skill.name, skill.description, tuple(skill.tags), tuple(skill.examples))
        for skill in card.skills
        if not wanted or skill.id in wanted
    )
    return Agent(id, card.name, card.version, card.description, skills)


def catalogue_of(cards: Mapping[str, AgentCard], allowed: Mapping[str, Iterable[str]] | None = None) -> Catalogue:
    """The catalogue of `cards` by agent id; `allowed` holds skill ids by agent id."""
    limits = allowed or {}
    return Catalogue(tuple(agent_of(agent, card, limits.get(agent, ())) for agent, card in cards.items()))
