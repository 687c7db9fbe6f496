"""Agents whose behaviour a test chooses: executors of the SDK's kind, and pipelines."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.types import (
    Artifact,
    Message,
    Part,
    Role,
    SendMessageRequest,
    TaskArtifactUpdateEvent,
    TaskState,
)

from crossdock.errors import Failed, Rejected
from crossdock.pipeline import (
    AgenticPipeline,
    ArtifactChunk,
    Checkpoint,
    Computed,
    DataPart,
    InputRequired,
    Output,
    PipelineRequest,
    Progress,
    Result,
    Run,
    SkillChoice,
    TextPart,
)
from crossdock.tasks.events import status_event

Behaviour = Callable[[RequestContext, EventQueue], Awaitable[None]]


@dataclass
class Scripted(AgentExecutor):
    """Runs `behaviour`; `on_cancel`, where set, is its `cancel()`."""

    behaviour: Behaviour
    on_cancel: Behaviour | None = None
    canceled: asyncio.Event = field(default_factory=asyncio.Event)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    runs: int = 0

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.runs += 1
        self.started.set()
        await self.behaviour(context, event_queue)

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        self.canceled.set()
        if self.on_cancel:
            await self.on_cancel(context, event_queue)


async def state(queue: EventQueue, value: TaskState) -> None:
    await queue.enqueue_event(status_event("", "", value))


async def complete(context: RequestContext, queue: EventQueue) -> None:
    await state(queue, TaskState.TASK_STATE_WORKING)
    artifact = Artifact(artifact_id="a", name="a", parts=[Part(text="done")])
    await queue.enqueue_event(TaskArtifactUpdateEvent(artifact=artifact, last_chunk=True))
    await state(queue, TaskState.TASK_STATE_COMPLETED)


def message(text: str = "hello", *, task_id: str = "", context_id: str = "") -> SendMessageRequest:
    return SendMessageRequest(
        message=Message(
            message_id="m-1", role=Role.ROLE_USER, parts=[Part(text=text)], task_id=task_id, context_id=context_id
        )
    )


def call_context() -> ServerCallContext:
    return ServerCallContext()


class Recorder:
    """A `TaskObserver` that remembers."""

    def __init__(self) -> None:
        self.states: list[tuple[str, TaskState]] = []
        self.faults: list[BaseException] = []
        self.taken: list[str] = []

    def state_changed(
        self, owner: str, task_id: str, context_id: str, state: TaskState, *, passed: bool = False
    ) -> None:
        self.states.append((task_id, state))

    def taken_up(self, task_id: str, accepted: float) -> None:
        self.taken.append(task_id)

    def fault(self, owner: str, task_id: str, error: BaseException) -> str:
        self.faults.append(error)
        return "abc123"


def spin(report: Callable[[str, float | None], None], pid_file: str) -> None:
    """Computes without end, and without ever giving way."""
    report(f"pid {os.getpid()}", 0.0)
    number = 0
    while True:
        number += 1


def add(report: Callable[[str, float | None], None], numbers: list[int]) -> int:
    report("adding", 0.5)
    return sum(numbers)


def size(report: Callable[[str, float | None], None], content: bytes) -> int:
    """Pure Python over many bytes: on the event loop, it would be felt."""
    total = 0
    for byte in content:
        total += byte
    return total


class Puppet(AgenticPipeline):
    """Does what the first word of the request says."""

    skills = ("act", "other")

    def __init__(self) -> None:
        self.interrupted = asyncio.Event()
        self.working = asyncio.Event()
        self.gate = asyncio.Event()
        self.requests: list[PipelineRequest] = []

    def choose_skill(self, request: PipelineRequest) -> SkillChoice:
        return SkillChoice("act", "it is what puppets do")

    def warm_up(self) -> tuple[str, ...]:
        return ("tests.support.executors",)

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        self.requests.append(request)
        word = (request.text.split() or ["complete"])[0]
        play = getattr(self, f"_{word}", self._complete)
        async for output in play(request, run):
            yield output

    async def _complete(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        yield Progress("half way", 0.5)
        yield ArtifactChunk(name="echo", parts=(TextPart(request.text),))
        yield ArtifactChunk(name="data", parts=(DataPart({"files": [file.name for file in request.files]}),))
        yield Result("done")

    async def _chunks(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        for number in range(5):
            yield ArtifactChunk(name="long", parts=(TextPart(str(number)),), append=number > 0, last=number == 4)
        yield Result()

    async def _gated(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        """In the middle of an artifact, waits for the test to open the gate."""
        yield Progress("half way", 0.5)
        for number in range(4):
            yield ArtifactChunk(name="long", parts=(TextPart(str(number)),), append=number > 0, last=number == 3)
            if number == 1:
                self.working.set()
                await self.gate.wait()
        yield ArtifactChunk(name="data", parts=(DataPart({"n": len(self.requests)}),))
        yield Result("done")

    async def _artifactthenraise(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        yield ArtifactChunk(name="partial", parts=(TextPart("so far"),))
        raise RuntimeError("db password=hunter2")

    async def _reject(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        raise Rejected("Send a file.")
        yield

    async def _fail(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        raise Failed("The archive is empty.")
        yield

    async def _nothing(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        yield Progress("working")

    async def _ask(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        yield Checkpoint({"asked": request.text})
        yield InputRequired("Which one?")

    async def _answer(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        earlier = [part.text for turn in request.turns for part in turn.parts if isinstance(part, TextPart)]
        yield ArtifactChunk(name="memory", parts=(DataPart({"earlier": earlier, "checkpoint": request.checkpoint}),))
        yield Result()

    async def _recall(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        earlier = [part.text for turn in request.context for part in turn.parts if isinstance(part, TextPart)]
        yield ArtifactChunk(name="context", parts=(DataPart(earlier),))
        yield Result()

    async def _wait(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        yield Progress("waiting")
        try:
            self.working.set()
            await asyncio.Event().wait()
        finally:
            self.interrupted.set()

    async def _spin(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        async for item in run.compute(spin, ""):
            self.working.set()
            if isinstance(item, Progress):
                yield item

    async def _compute(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        async for item in run.compute(size, request.files[0].content):
            if isinstance(item, Computed):
                yield ArtifactChunk(name="sum", parts=(DataPart(item.value),))
        yield Result()
