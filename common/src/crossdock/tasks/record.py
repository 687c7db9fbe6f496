"""How an event is kept: the same bytes in every journal."""

import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from a2a.types import Message, Task, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent

from crossdock.tasks.events import Event, fold, remember, state_of
from crossdock.tasks.journal import PAGE_BYTES, Entry, Logged

ARTIFACT = b"a"
KINDS: dict[bytes, type[Event]] = {b"t": Task, b"s": TaskStatusUpdateEvent, ARTIFACT: TaskArtifactUpdateEvent}
NAMES = {kind: name for name, kind in KINDS.items()}


class Record(NamedTuple):
    """One stored event: `kind` names its type, `message` is empty where no caller's message came with it."""

    kind: bytes
    event: bytes
    message: bytes
    turn: int

    @property
    def size(self) -> int:
        return len(self.event) + len(self.message)

    def parsed(self) -> Event:
        return KINDS[self.kind].FromString(self.event)

    def logged(self, number: int) -> Logged:
        return Logged(number, self.turn, self.parsed())


def encoded(entry: Entry, turn: int) -> Record:
    message = entry.message.SerializeToString() if entry.message is not None else b""
    return Record(NAMES[type(entry.event)], entry.event.SerializeToString(), message, turn)


def checkpointed(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False, allow_nan=False).encode()


def folded(records: Iterable[Record]) -> Task:
    """The task that the records make, from the first one on."""
    task = Task()
    for record in records:
        if record.message:
            remember(task)
            task.history.append(Message.FromString(record.message))
        fold(task, record.parsed())
    return task


def bounded(logs: Iterable[list[Record]]) -> Iterator[list[Record]]:
    """The logs of a page, up to the one with which it would be too large; the first one is there in any case."""
    size = 0
    for number, log in enumerate(logs):
        size += sum(record.size for record in log)
        if number and size > PAGE_BYTES:
            return
        yield log


def status_of(event: Event) -> tuple[TaskState, int] | None:
    """The state that an event leads to and its time in microseconds since 1970; None for an artifact."""
    if isinstance(event, TaskArtifactUpdateEvent):
        return None
    state = state_of(event)
    assert state is not None
    at = event.status.timestamp
    return state, at.seconds * 1_000_000 + at.nanos // 1_000
