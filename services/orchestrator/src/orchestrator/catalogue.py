"""The agents that a customer may use, as their cards describe them."""

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from a2a.types import AgentCard

from crossdock.cards.sanitising import cleaned
from crossdock.parts import OCTETS

NAMEABLE = re.compile(r"[\w-]{1,80}", re.ASCII)
VERSION_LIMIT = 40


class Identified(Protocol):
    @property
    def id(self) -> str: ...


def ids_of(agents: Iterable[Identified]) -> tuple[str, ...]:
    return tuple(agent.id for agent in agents)


@dataclass(frozen=True, slots=True)
class Skill:
    id: str
    name: str
    description: str = ""
    tags: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Agent:
    """`id` is the customer's name for the agent, `card_name` the one that it gives itself.

    `input_modes` are the media types that it reads, with wildcards; an agent that names none reads anything.
    """

    id: str
    card_name: str
    version: str
    description: str = ""
    skills: tuple[Skill, ...] = ()
    input_modes: tuple[str, ...] = ()

    @property
    def tags(self) -> frozenset[str]:
        return frozenset(tag for skill in self.skills for tag in skill.tags)

    @property
    def examples(self) -> tuple[str, ...]:
        return tuple(example for skill in self.skills for example in skill.examples)

    def reads(self, media_type: str) -> bool:
        """A byte stream may be anything."""
        modes = self.input_modes
        return not modes or media_type == OCTETS or any(fnmatch.fnmatch(media_type, mode) for mode in modes)


@dataclass(frozen=True, slots=True)
class Offer:
    """One agent's skill; `role` stands for the right to it in tokens."""

    agent: str
    skill: str

    @property
    def role(self) -> str:
        return f"skill:{self.agent}.{self.skill}"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Immutable and comparable: what is computed from a catalogue can be kept under it as a key."""

    agents: tuple[Agent, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        return ids_of(self.agents)

    @property
    def versions(self) -> dict[str, str]:
        return {agent.id: agent.version for agent in self.agents}

    @property
    def offers(self) -> dict[str, Offer]:
        """Each skill by the name that a caller gives it: its id, behind its agent's where several have that id.

        Left out are ids that no caller would type: they are shown to callers, and another's card holds them.
        """
        pairs = ((agent, skill) for agent in self.agents for skill in agent.skills)
        found = [Offer(agent.id, skill.id) for agent, skill in pairs if NAMEABLE.fullmatch(skill.id)]
        count = Counter(offer.skill for offer in found)
        return {o.skill if count[o.skill] == 1 else f"{o.agent}.{o.skill}": o for o in found}

    def agent(self, id: str) -> Agent | None:  # noqa: A002 - as in `Agent`
        return next((agent for agent in self.agents if agent.id == id), None)

    def __contains__(self, agent: object) -> bool:
        return agent in self.ids


def agent_of(id: str, card: AgentCard, allowed: Iterable[str] = ()) -> Agent:  # noqa: A002 - the customer's id
    """The agent behind a card; with `allowed`, only those of its skills."""
    wanted = frozenset(allowed)
    offered = [skill for skill in card.skills if not wanted or skill.id in wanted]
    skills = tuple(
        Skill(skill.id, skill.name, skill.description, tuple(skill.tags), tuple(skill.examples)) for skill in offered
    )
    modes = dict.fromkeys(mode for skill in offered for mode in skill.input_modes or card.default_input_modes)
    version = cleaned(card.version, VERSION_LIMIT)
    return Agent(id, card.name, version, card.description, skills, tuple(modes))


def catalogue_of(cards: Mapping[str, AgentCard], allowed: Mapping[str, Iterable[str]] | None = None) -> Catalogue:
    """The catalogue of `cards` by agent id; `allowed` holds skill ids by agent id."""
    limits = allowed or {}
    return Catalogue(tuple(agent_of(agent, card, limits.get(agent, ())) for agent, card in cards.items()))
