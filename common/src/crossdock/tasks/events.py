"""What happens to a task, and how a task follows from what happened (A2A v1.0, sections 4.1 and 4.2)."""

import time
from typing import TypeVar

from a2a.helpers import new_text_part
from a2a.types import (
    Message,
    Role,
    Task,
    TaskArtifactUpdateEvent,
    TaskState,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from a2a.utils.errors import InvalidAgentResponseError
from google.protobuf import message as protobuf
from google.protobuf.timestamp_pb2 import Timestamp

Event = Task | TaskStatusUpdateEvent | TaskArtifactUpdateEvent
M = TypeVar("M", bound=protobuf.Message)

TERMINAL = frozenset(
    {
        TaskState.TASK_STATE_COMPLETED,
        TaskState.TASK_STATE_FAILED,
        TaskState.TASK_STATE_CANCELED,
        TaskState.TASK_STATE_REJECTED,
    }
)
INTERRUPTED = frozenset({TaskState.TASK_STATE_INPUT_REQUIRED, TaskState.TASK_STATE_AUTH_REQUIRED})
RESTING = TERMINAL | INTERRUPTED
WORKING = TaskState.TASK_STATE_WORKING


def state_name(state: TaskState) -> str:
    """`completed` for TASK_STATE_COMPLETED."""
    return TaskState.Name(state).removeprefix("TASK_STATE_").lower()


def state_of(event: Event) -> TaskState | None:
    """The state that an event leads to; None for an artifact."""
    return None if isinstance(event, TaskArtifactUpdateEvent) else event.status.state


def is_resting(event: Event) -> bool:
    """Whether a blocking caller is answered at this event (section 3.1.1): at terminal and interrupted states."""
    return state_of(event) in RESTING


def copied(message: M) -> M:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy


def now() -> Timestamp:
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    return Timestamp(seconds=seconds, nanos=nanos - nanos % 1_000_000)  # milliseconds (section 5.6.1)


def agent_message(task: Task, text: str, message_id: str) -> Message:
    return Message(
        message_id=message_id,
        role=Role.ROLE_AGENT,
        parts=[new_text_part(text)],
        task_id=task.id,
        context_id=task.context_id,
    )


def status_event(
    task_id: str, context_id: str, state: TaskState, message: Message | None = None
) -> TaskStatusUpdateEvent:
    status = TaskStatus(state=state, timestamp=now())
    if message is not None:
        status.message.CopyFrom(message)
    return TaskStatusUpdateEvent(task_id=task_id, context_id=context_id, status=status)


def fold(task: Task, event: Event) -> None:
    """Applies one event to `task`, in place.

    Progress is for the moment (section 3.7); what the agent asked or answered moves into the history when the next
    status follows, so that the history holds the conversation in order. Raises `InvalidAgentResponseError` for a chunk
    that appends to an artifact that does not exist.
    """
    if isinstance(event, Task):
        task.CopyFrom(event)
    elif isinstance(event, TaskArtifactUpdateEvent):
        _put(task, event)
    else:
        remember(task)
        task.status.CopyFrom(event.status)
        if event.HasField("metadata"):
            task.metadata.MergeFrom(event.metadata)


def _put(task: Task, event: TaskArtifactUpdateEvent) -> None:
    """A new artifact, another in its place, or more of one (section 4.2.2)."""
    new = event.artifact
    known = next((artifact for artifact in task.artifacts if artifact.artifact_id == new.artifact_id), None)
    if known is None and event.append:
        raise InvalidAgentResponseError(f"a chunk appends to the artifact {new.artifact_id!r}, which does not exist")
    if known is None:
        task.artifacts.append(new)
    elif not event.append:
        known.CopyFrom(new)
    else:
        known.parts.extend(new.parts)
        if new.HasField("metadata"):
            known.metadata.MergeFrom(new.metadata)


def remember(task: Task) -> None:
    """Moves a status message that belongs to the conversation into the history."""
    if task.status.HasField("message") and task.status.state != WORKING:
        task.history.append(task.status.message)
    task.status.ClearField("message")
