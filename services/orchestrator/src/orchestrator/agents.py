"""The shared agents as the orchestrator's pipeline sees them: A2A on one side, a pipeline's outputs on the other."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

import structlog
from a2a.types import AgentCard, Message, Role, Task, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent

from crossdock.client.agent import AgentClient
from crossdock.client.conversation import Heard
from crossdock.client.patience import Away
from crossdock.errors import CrossdockError, Failed, Rejected, Unreachable
from crossdock.extensions import PROGRESS, SKILL
from crossdock.parts import from_wire, plain, struct, text_of, to_wire
from crossdock.pipeline import ArtifactChunk, AuthRequired, InputRequired, Output, Part, Progress, Result
from crossdock.tasks.events import TERMINAL, Event, is_resting, state_of
from crossdock.tasks.outage import Outage
from orchestrator.catalogue import Agent, Catalogue, agent_of

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Started:
    """The agent accepted the request as its task `task_id`."""

    task_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request to one agent; `task_id` continues a task there. `seconds` is what is left of the own deadline.

    `key` is the same whoever sends the request, however often. `sent`: the agent has it; what becomes of it is all that
    is asked for. `passed` counts the parts of the task's artifacts that were passed on before. `handed_over` says
    whether somebody else goes on with the request once we are cancelled.
    """

    agent: str
    parts: Sequence[Part]
    context_id: str
    key: str
    task_id: str = ""
    sent: bool = False
    passed: Mapping[str, int] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    hops: int = 0
    seconds: float = 600.0
    handed_over: Callable[[], bool] = lambda: False


class AgentDirectory:
    """Agents by id: `clients` hold where they live, `skills` which of theirs the customer may use (none: all)."""

    def __init__(
        self,
        clients: Mapping[str, AgentClient],
        skills: Mapping[str, Sequence[str]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clients = clients
        self._skills = skills
        self._seen: dict[str, Agent] = {}
        self._cards: dict[str, AgentCard] = {}
        self._catalogue = Catalogue()
        self._outages = {
            agent: Outage("agent_card_missing", "agent_card_back", clock=clock, agent=agent) for agent in clients
        }

    async def catalogue(self) -> tuple[Catalogue, tuple[str, ...]]:
        """The cards of the agents that answer, and the ids of those that do not. Raises `Unreachable` if none does."""
        if all(client.at_hand for client in self._clients.values()):
            profiles = [await self.profile(agent) for agent in self._clients]
        else:
            found = await asyncio.gather(*(self._profile(agent) for agent in self._clients))
            profiles = [item for item in found if item is not None]
        if not profiles:
            raise Unreachable("The customer's agents", 5.0)
        if self._catalogue.agents != tuple(profiles):
            self._catalogue = Catalogue(tuple(profiles))
        known = {item.id for item in profiles}
        return self._catalogue, tuple(agent for agent in self._clients if agent not in known)

    def away(self) -> list[str]:
        """The ids of the agents that could not be reached the last time."""
        return [agent for agent, client in self._clients.items() if not client.up]

    async def roles(self) -> dict[str, str]:
        """The skills that a caller may name, each with its role; also those of agents that were seen, but are away."""
        await self.catalogue()
        offers = Catalogue(tuple(self._seen[agent] for agent in self._clients if agent in self._seen)).offers
        return {name: offer.role for name, offer in offers.items()}

    async def profile(self, agent: str) -> Agent:
        card = await self._clients[agent].card()
        if self._cards.get(agent) is not card:
            self._seen[agent] = agent_of(agent, card, self._skills.get(agent, ()))
            self._cards[agent] = card
        self._outages[agent].over()
        return self._seen[agent]

    async def _profile(self, agent: str) -> Agent | None:
        try:
            return await self.profile(agent)
        except CrossdockError as error:
            self._outages[agent].failed(type(error).__name__, reason=str(error))
            return None

    async def call(self, call: Call) -> AsyncGenerator[Started | Away | Output]:
        """Yields what the agent does, in a pipeline's terms; the last item ends the turn there.

        Raises `Rejected` or `Failed` with the agent's own words when its task ended so.
        """
        async with aclosing(self._events(call)) as events:
            async for event in events:
                if isinstance(event, Away):
                    yield event
                    continue
                if isinstance(event, Task):
                    yield Started(event.id)
                await self._check_skill(call.agent, event)
                for happening in news(event, call) if isinstance(event, Task) else [event]:
                    for output in outputs(happening):
                        yield output

    def _events(self, call: Call) -> AsyncGenerator[Heard]:
        client = self._clients[call.agent]
        if call.sent:
            return client.resume(call.task_id, hops=call.hops, seconds=call.seconds)
        message = Message(
            message_id=call.key,
            role=Role.ROLE_USER,
            parts=[to_wire(part) for part in call.parts],
            context_id=call.context_id,
            task_id=call.task_id,
        )
        message.metadata.CopyFrom(struct({**self._only_skill(call.agent), **call.metadata}))
        return client.send(message, hops=call.hops, seconds=call.seconds, key=call.key, keeps=call.handed_over)

    def _only_skill(self, agent: str) -> dict[str, str]:
        """Where the customer may use one skill alone, the agent is told so instead of asked to choose."""
        allowed = self._skills.get(agent, ())
        return {SKILL: allowed[0]} if len(allowed) == 1 else {}

    async def _check_skill(self, agent: str, event: Event | Message) -> None:
        """Stops an agent that chose a skill which the customer may not use; the agent says so before it works."""
        allowed = self._skills.get(agent, ())
        if not allowed or not isinstance(event, Task | TaskStatusUpdateEvent):
            return
        chosen = _noted(event, SKILL).get("skill", allowed[0])
        if chosen not in allowed:
            await self.cancel(agent, event.id if isinstance(event, Task) else event.task_id)
            raise Rejected(f"the request needs its skill {chosen}, which is not open here. Open: {', '.join(allowed)}.")

    async def cancel(self, agent: str, task_id: str) -> None:
        """Best effort: an agent that has ended its task meanwhile, or is gone, is as good as cancelled."""
        try:
            await self._clients[agent].cancel(task_id)
        except CrossdockError as error:
            log.info("cancel_not_passed_on", agent=agent, task_id=task_id, reason=str(error))


def news(task: Task, call: Call) -> list[TaskArtifactUpdateEvent | TaskStatusUpdateEvent]:
    """What a stream's first Task tells: artifacts that were not passed on yet, as they stand, and the end.

    Only a task that was worked on before tells anything, by another replica or in an earlier attempt to send. Progress
    is for the moment; a question that was there before its answer is none any more.
    """
    ended = task.status.state in TERMINAL
    told: list[TaskArtifactUpdateEvent | TaskStatusUpdateEvent] = [
        TaskArtifactUpdateEvent(task_id=task.id, artifact=artifact, last_chunk=ended)
        for artifact in task.artifacts
        if call.passed.get(artifact.artifact_id) != len(artifact.parts)
    ]
    if ended or (is_resting(task) and (call.sent or not call.task_id)):
        told.append(TaskStatusUpdateEvent(task_id=task.id, status=task.status))
    return told


def outputs(event: Event | Message) -> list[Output]:
    """One event in a pipeline's terms. Raises as `AgentDirectory.call`."""
    if isinstance(event, Message):
        return [Result(text_of(event))]
    if isinstance(event, Task):
        return []
    if not isinstance(event, TaskStatusUpdateEvent):
        artifact = event.artifact
        chunk = ArtifactChunk(
            name=artifact.name or artifact.artifact_id,
            artifact_id=artifact.artifact_id,
            parts=tuple(map(from_wire, artifact.parts)),
            append=event.append,
            last=event.last_chunk,
            description=artifact.description,
            metadata=plain(artifact.metadata),
        )
        return [chunk]
    return _status(event)


def _status(event: TaskStatusUpdateEvent) -> list[Output]:
    text = text_of(event.status.message)
    match state_of(event):
        case TaskState.TASK_STATE_COMPLETED:
            return [Result(text)]
        case TaskState.TASK_STATE_INPUT_REQUIRED:
            return [InputRequired(text)]
        case TaskState.TASK_STATE_AUTH_REQUIRED:
            return [AuthRequired(text)]
        case TaskState.TASK_STATE_REJECTED:
            raise Rejected(text or "the request was rejected without a reason")
        case TaskState.TASK_STATE_FAILED | TaskState.TASK_STATE_CANCELED:
            raise Failed(text or "the task ended without a reason")
    fraction = _noted(event, PROGRESS).get("fraction")
    return [Progress(text, fraction if isinstance(fraction, int | float) else None)] if text else []


def _noted(event: Task | TaskStatusUpdateEvent, key: str) -> Mapping[str, Any]:
    """An object in the event's metadata; an agent that is not ours may write anything there."""
    value = plain(event.metadata).get(key)
    return value if isinstance(value, dict) else {}
