"""Runs any pipeline as an a2a-sdk `AgentExecutor`: the only translation between the two worlds."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.types import (
    Artifact,
    Message,
    Role,
    SendMessageRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatusUpdateEvent,
)
from a2a.types import Part as WirePart

from crossdock.compute import ComputePool
from crossdock.errors import Rejected
from crossdock.extensions import HOPS_HEADER, PROGRESS, SKILL
from crossdock.ids import new_id
from crossdock.parts import from_wire, is_large, plain, struct, to_wire, turns
from crossdock.pipeline import (
    AgenticPipeline,
    Annotation,
    ArtifactChunk,
    AuthRequired,
    Checkpoint,
    Computed,
    DataPart,
    FilePart,
    InputRequired,
    Output,
    Part,
    PipelineRequest,
    Progress,
    SkillChoice,
    TextPart,
    Turn,
)
from crossdock.server.admission import Admission, caller
from crossdock.server.fetching import FileFetcher
from crossdock.server.loop import AT_ONCE, off_loop
from crossdock.tasks.events import status_event
from crossdock.tasks.queue import JournalQueue
from crossdock.tasks.worker import CHECKPOINT, DEADLINE, IDLE


@dataclass(frozen=True, slots=True)
class PipelineRun:
    """The `Run` that a served pipeline is given; `deadline` is in the event loop's time.

    Closing it ends the computations that the pipeline left behind.
    """

    deadline: float
    pool: ComputePool
    owner: str
    queue: EventQueue | None = None
    started: list[AsyncGenerator[Progress | Computed]] = field(default_factory=list)

    def remaining(self) -> float:
        return max(0.0, self.deadline - asyncio.get_running_loop().time())

    def handed_over(self) -> bool:
        return isinstance(self.queue, JournalQueue) and self.queue.handed_over

    def compute(self, function: Callable[..., Any], /, *args: Any) -> AsyncIterator[Progress | Computed]:
        computation = self.pool.run(self.owner, function, *args)
        self.started.append(computation)
        return computation

    async def aclose(self) -> None:
        for computation in self.started:
            await computation.aclose()


class PipelineExecutor(AgentExecutor):
    def __init__(
        self,
        pipeline: AgenticPipeline,
        pool: ComputePool,
        fetcher: FileFetcher,
        admission: Admission,
        *,
        max_file: int,
    ) -> None:
        self._pipeline = pipeline
        self._pool = pool
        self._fetcher = fetcher
        self._admission = admission
        self._max_file = max_file

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        emitter = Emitter(context, event_queue)
        named = self._named(context)
        kept = {SKILL: {"skill": named, "reason": "the caller named it"}} if named else None
        await emitter.status(TaskState.TASK_STATE_WORKING, metadata=kept)
        request = await self._request(context)
        if not request.skill:
            choice = self._pipeline.choose_skill(request)
            self._admission.check_skill(choice.skill, caller(context.call_context))
            request = replace(request, skill=choice.skill)
            await emitter.skill(choice, aloud=len(self._pipeline.skills) > 1)
        run = PipelineRun(context.call_context.state[DEADLINE], self._pool, request.customer, event_queue)
        outputs = self._pipeline.run(request, run)
        async with aclosing(run), aclosing(outputs) as stream:  # type: ignore[type-var] # implementations are generators
            async for output in stream:
                await emitter.emit(output)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """A running pipeline is cancelled by the engine, as `CancelledError`; one that waits is told here."""
        if context.call_context.state.get(IDLE):
            await self._pipeline.abandoned(await self._request(context))

    async def _request(self, context: RequestContext) -> PipelineRequest:
        request = await off_loop(_size(context), self._described, context)
        return replace(request, parts=tuple([await self._loaded(part) for part in request.parts]))

    def _described(self, context: RequestContext) -> PipelineRequest:
        message = context.message
        assert message is not None
        task = context.current_task
        earlier = plain(task.metadata).get(SKILL, {}).get("skill", "") if task else ""
        return PipelineRequest(
            parts=tuple(map(from_wire, message.parts)),
            customer=caller(context.call_context).customer,
            task_id=str(context.task_id),
            context_id=str(context.context_id),
            skill=self._named(context) or earlier,
            turns=turns(list(task.history)[:-1]) if task else (),
            context=tuple(turn for related in context.related_tasks for turn in _conversation(related)),
            checkpoint=context.call_context.state.get(CHECKPOINT),
            metadata={**plain(message.metadata), **context.metadata},
            hops=int(context.call_context.state["headers"].get(HOPS_HEADER, "0")),
        )

    def _named(self, context: RequestContext) -> str:
        """The skill that this turn's message or request names; a task keeps it for its later turns."""
        asked = SendMessageRequest(message=context.message)
        return self._admission.named_skill(asked) or str(context.metadata.get(SKILL, ""))

    async def _loaded(self, part: Part) -> Part:
        if not isinstance(part, FilePart):
            return part
        if part.url:
            return await self._fetcher.fetch(part) if self._pipeline.fetch_urls else part
        if len(part.content) > self._max_file:
            raise Rejected(f"The file {part.name!r} is larger than {self._max_file // 1024} KiB. Send a smaller one.")
        return part


def _conversation(task: Task) -> tuple[Turn, ...]:
    """An earlier task as turns: its messages, and its artifacts as the agent's last word."""
    artifacts = tuple(from_wire(part) for artifact in task.artifacts for part in artifact.parts)
    return (*turns(task.history), *([Turn("agent", artifacts)] if artifacts else []))


def _size(context: RequestContext) -> int:
    """The bytes that a request brings along, counted until they are many: counting takes time, too."""
    size = 0
    for item in (context.message, context.current_task, *context.related_tasks):
        size += item.ByteSize() if item else 0
        if size > AT_ONCE:
            break
    return size


def _weight(parts: Iterable[Part]) -> int:
    """Whether turning `parts` into messages takes long: data does, value by value; the rest is copied."""
    return AT_ONCE + 1 if any(isinstance(part, DataPart) and is_large(part.data) for part in parts) else 0


def _to_wire(parts: Iterable[Part]) -> list[WirePart]:
    return [to_wire(part) for part in parts]


class Emitter:
    """Writes a pipeline's outputs to the task's event queue."""

    def __init__(self, context: RequestContext, queue: EventQueue) -> None:
        self._task_id = str(context.task_id)
        self._context_id = str(context.context_id)
        self._queue = queue

    async def emit(self, output: Output) -> None:
        match output:
            case Progress(text, fraction):
                metadata = {} if fraction is None else {PROGRESS: {"fraction": fraction}}
                await self.status(TaskState.TASK_STATE_WORKING, (TextPart(text),), metadata)
            case ArtifactChunk():
                await self._queue.enqueue_event(await off_loop(_weight(output.parts), self._artifact, output))
            case Annotation(key, data, text):
                await self.status(TaskState.TASK_STATE_WORKING, (TextPart(text),) if text else (), {key: data})
            case Checkpoint(data, lazy):
                if isinstance(self._queue, JournalQueue):
                    await self._queue.checkpoint(data, lazy=lazy)
            case InputRequired(text, parts):
                await self.status(TaskState.TASK_STATE_INPUT_REQUIRED, (TextPart(text), *parts))
            case AuthRequired(text):
                await self.status(TaskState.TASK_STATE_AUTH_REQUIRED, (TextPart(text),))
            case _:
                await self.status(TaskState.TASK_STATE_COMPLETED, (TextPart(output.text),) if output.text else ())

    async def skill(self, choice: SkillChoice, *, aloud: bool) -> None:
        """Keeps the inferred skill for the task's later turns, and says it where there was a choice."""
        text = f"Using the skill {choice.skill}: {choice.reason}." if aloud else ""
        await self.emit(Annotation(SKILL, {"skill": choice.skill, "reason": choice.reason}, text))

    async def status(
        self, state: TaskState, parts: tuple[Part, ...] = (), metadata: dict[str, Any] | None = None
    ) -> None:
        message = None
        if parts:
            message = Message(
                message_id=new_id(),
                role=Role.ROLE_AGENT,
                parts=await off_loop(_weight(parts), _to_wire, parts),
                task_id=self._task_id,
                context_id=self._context_id,
            )
        event: TaskStatusUpdateEvent = status_event(self._task_id, self._context_id, state, message)
        if metadata:
            event.metadata.CopyFrom(struct(metadata))
        await self._queue.enqueue_event(event)

    def _artifact(self, chunk: ArtifactChunk) -> TaskArtifactUpdateEvent:
        artifact = Artifact(
            artifact_id=chunk.artifact_id or chunk.name,
            name=chunk.name,
            description=chunk.description,
            parts=_to_wire(chunk.parts),
        )
        if chunk.metadata:
            artifact.metadata.CopyFrom(struct(chunk.metadata))
        return TaskArtifactUpdateEvent(
            task_id=self._task_id,
            context_id=self._context_id,
            artifact=artifact,
            append=chunk.append,
            last_chunk=chunk.last,
        )
