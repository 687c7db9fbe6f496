"""A request's way through one or several agents: each step's data feeds the next."""

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, fields
from typing import Any, Self

from crossdock.pipeline import ArtifactChunk, DataPart, FilePart, Part, TextPart
from orchestrator.catalogue import Agent


@dataclass
class Plan:
    """What is to be done and how far it has come; `task_id` is the current step's task at its agent.

    `skill` is the one to use there, where the caller named it. `turn` is the last turn of our own task whose message
    that agent is known to have. `passed` counts the parts of the step's artifacts that our caller has, by artifact.

    `gathered` are the data parts that the steps made, each with its source in its metadata. The whole is JSON by
    `as_checkpoint`, so that a later turn, or another replica, can go on with it.
    """

    agents: list[str]
    position: int = 0
    task_id: str = ""
    gathered: list[dict[str, Any]] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    skill: str = ""
    turn: int = 0
    passed: dict[str, int] = field(default_factory=dict)

    @classmethod
    def from_checkpoint(cls, data: Mapping[str, Any]) -> Self:
        """What a newer release added is left out."""
        known = {item.name for item in fields(cls)}
        return cls(**{name: value for name, value in data.items() if name in known})

    def as_checkpoint(self) -> dict[str, Any]:
        return {item.name: copy(getattr(self, item.name)) for item in fields(self)}

    @property
    def finished(self) -> bool:
        return self.position >= len(self.agents)

    @property
    def agent(self) -> str:
        return self.agents[self.position]

    def collect(self, source: str, chunk: ArtifactChunk) -> None:
        """Keeps the data of an artifact for the steps to come; what replaces an artifact replaces its data."""
        artifact = chunk.artifact_id or chunk.name
        origin = {"step": self.position, "artifact": artifact}
        if not chunk.append:
            self.gathered = [item for item in self.gathered if not origin.items() <= item.items()]
            self.passed[artifact] = 0
        self.passed[artifact] = self.passed.get(artifact, 0) + len(chunk.parts)
        if self.position + 1 < len(self.agents):
            self.gathered += [
                {"data": part.data, "source": f"{source}/{chunk.name}", **origin}
                for part in chunk.parts
                if isinstance(part, DataPart)
            ]

    def advance(self, summary: str) -> None:
        if summary:
            self.summaries.append(f"{self.agent}: {summary}" if len(self.agents) > 1 else summary)
        self.position += 1
        self.task_id = self.skill = ""
        self.turn, self.passed = 0, {}

    def parts(self, request: Iterable[Part], agent: Agent) -> tuple[tuple[Part, ...], tuple[str, ...]]:
        """What the current step's agent is sent: the request and the data so far, less the files that it cannot read.

        Returns the parts and the names of the files left out.
        """
        sent: list[Part] = []
        left_out: list[str] = []
        for part in request:
            if isinstance(part, FilePart) and not agent.reads(part.media_type):
                left_out.append(part.name)
            else:
                sent.append(part)
        sent += [DataPart(item["data"], {"source": item["source"]}) for item in self.gathered]
        return tuple(sent), tuple(left_out)


def merged(earlier: Iterable[Part], parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """The parts of a question's earlier turns and of its answer, as one request."""
    return tuple(part for part in (*earlier, *parts) if not isinstance(part, TextPart) or part.text.strip())
