"""What the conformance agent does with a message: the longest prefix of its id decides, or else of its first text."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence

from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.types import Artifact, Message, Part, Role, TaskArtifactUpdateEvent, TaskState, TaskStatus
from a2a.types import TaskStatusUpdateEvent as StatusEvent

from crossdock.parts import to_wire
from crossdock.pipeline import DataPart

FILE = Part(raw=b"Generated file content", media_type="text/plain", filename="output.txt")
FILE_URL = Part(url="https://example.com/output.txt", media_type="text/plain", filename="output.txt")
DATA = to_wire(DataPart({"key": "value", "count": 42}))

WORKING = TaskState.TASK_STATE_WORKING
COMPLETED = TaskState.TASK_STATE_COMPLETED
INPUT_REQUIRED = TaskState.TASK_STATE_INPUT_REQUIRED


class Stage:
    """One turn as its behaviour sees it: what was said, and the ways to answer."""

    def __init__(self, context: RequestContext, queue: EventQueue) -> None:
        self.text = context.get_user_input()
        self._queue = queue

    async def state(self, state: TaskState, text: str = "") -> None:
        status = TaskStatus(state=state)
        if text:
            status.message.CopyFrom(_spoken(text))
        await self._queue.enqueue_event(StatusEvent(status=status))

    async def artifact(self, *parts: Part, append: bool = False, last: bool = True) -> None:
        artifact = Artifact(artifact_id="output", name="output", parts=parts)
        await self._queue.enqueue_event(TaskArtifactUpdateEvent(artifact=artifact, append=append, last_chunk=last))

    async def message(self, text: str) -> None:
        await self._queue.enqueue_event(_spoken(text))


def _spoken(text: str) -> Message:
    return Message(message_id=str(uuid.uuid4()), role=Role.ROLE_AGENT, parts=[Part(text=text)])


Behaviour = Callable[[Stage], Awaitable[None]]


def ends(state: TaskState, text: str = "") -> Behaviour:
    async def end(stage: Stage) -> None:
        await stage.state(state, text)

    return end


def gives(part: Part) -> Behaviour:
    async def give(stage: Stage) -> None:
        await stage.artifact(part)
        await stage.state(COMPLETED)

    return give


def streams(part: Part, *, pause: float = 0.0) -> Behaviour:
    async def stream(stage: Stage) -> None:
        await stage.state(WORKING)
        await asyncio.sleep(pause)
        await stage.artifact(part)
        await stage.state(COMPLETED)

    return stream


def works(seconds: float) -> Behaviour:
    async def work(stage: Stage) -> None:
        await stage.state(WORKING)
        await asyncio.sleep(seconds)
        await stage.state(COMPLETED)

    return work


async def chunks(stage: Stage) -> None:
    await stage.state(WORKING)
    await stage.artifact(Part(text="chunk-1 "), last=False)
    await stage.artifact(Part(text="chunk-2"), append=True)
    await stage.state(COMPLETED)


async def answers(stage: Stage) -> None:
    await stage.message("Direct message response")


async def converses(stage: Stage) -> None:
    if stage.text.startswith("done"):
        await stage.state(COMPLETED, "The conversation is over.")
    else:
        await stage.state(INPUT_REQUIRED, "Go on, or say done.")


OTHERWISE = ends(COMPLETED, "Nothing in particular was asked for.")
FOLLOW_UP = ends(COMPLETED, "Thank you, that was all.")


def behaviours(streaming_timeout: float) -> dict[str, Behaviour]:
    """By prefix. `streaming_timeout` is the suite's own: for how long it reads a stream, in seconds."""
    return {
        "tck-complete-task": ends(COMPLETED, "Hello from TCK"),
        "tck-artifact-text": gives(Part(text="Generated text content")),
        "tck-artifact-file": gives(FILE),
        "tck-artifact-file-url": gives(FILE_URL),
        "tck-artifact-data": gives(DATA),
        "tck-message-response": answers,
        "tck-input-required": ends(INPUT_REQUIRED, "What else do you want?"),
        "tck-auth-required": ends(TaskState.TASK_STATE_AUTH_REQUIRED, "Authorize this at the agent's operator."),
        "tck-reject-task": ends(TaskState.TASK_STATE_REJECTED, "Rejected, as was asked for."),
        "tck-task-failure": ends(TaskState.TASK_STATE_FAILED, "Failed, as was asked for."),
        "tck-multi-turn": converses,
        "tck-stream-001": streams(Part(text="Stream hello from TCK")),
        "tck-stream-002": ends(COMPLETED),
        "tck-stream-003": streams(Part(text="Stream task lifecycle")),
        "tck-stream-basic": streams(Part(text="Streamed content")),
        "tck-stream-ordering-001": streams(Part(text="Ordered output")),
        "tck-stream-artifact-text": streams(Part(text="Streamed text content")),
        "tck-stream-artifact-file": streams(FILE),
        "tck-stream-artifact-chunked": chunks,
        "tck-stream-chunked": chunks,
        "tck-long-running": streams(Part(text="Done at last"), pause=3.0),
        "tck-cancel": works(60.0),
        "test-resubscribe-message-id": works(2 * streaming_timeout),
    }


class Conformance(AgentExecutor):
    """A task goes on as the message wanted that began it; its follow-ups complete it, but for a conversation."""

    def __init__(self, streaming_timeout: float = 2.0) -> None:
        self._behaviours: Mapping[str, Behaviour] = behaviours(streaming_timeout)

    async def execute(self, context: RequestContext, event_queue: EventQueue) -> None:
        task = context.current_task
        chosen = self._chosen(task.history[0] if task else context.message)
        play = chosen if task is None or chosen is converses else FOLLOW_UP
        await play(Stage(context, event_queue))

    async def cancel(self, context: RequestContext, event_queue: EventQueue) -> None:
        """There is nothing to stop but the coroutine."""

    def _chosen(self, message: Message | None) -> Behaviour:
        texts: Sequence[str] = [message.message_id, message.parts[0].text] if message else []
        for text in texts:
            fitting = [prefix for prefix in self._behaviours if text.startswith(prefix)]
            if fitting:
                return self._behaviours[max(fitting, key=len)]
        return OTHERWISE
