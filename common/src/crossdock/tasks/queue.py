"""What an `AgentExecutor` writes to: the SDK's queue, put straight into the journal."""

import asyncio
import contextlib
import os
from itertools import count
from typing import Any

import structlog
from a2a.server.events import EventQueue
from a2a.types import Message, Task, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent
from a2a.utils.errors import InvalidAgentResponseError

from crossdock.tasks.bell import Bell
from crossdock.tasks.events import (
    RESTING,
    TERMINAL,
    Event,
    copied,
    fold,
    is_resting,
    now,
    remember,
    state_of,
    status_event,
)
from crossdock.tasks.journal import Entry, JournalDown, Lease, LeaseLost, Logged, TaskEnded, TaskJournal
from crossdock.tasks.observer import TaskObserver
from crossdock.tasks.retrying import patiently
from crossdock.tasks.tail import Tail

log = structlog.get_logger(__name__)
WRITE_SECONDS = 30.0
"""For how long a write is tried again while the journal does not answer."""
NO_NEWS = frozenset({TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_UNSPECIFIED})
AHEAD = 64
"""An executor may be so many events ahead of the journal."""
LAZY_SECONDS = 0.01
"""A checkpoint that may be late waits so long for an event to go with, or for the task's end."""


class JournalQueue(EventQueue):
    """Accepts what SDK executors send and keeps the invariant of one end: what comes behind it is dropped.

    Events that are ready together are appended together. One after which the task rests is stored when
    `enqueue_event` returns; the others follow soon, in order. `state` is the last state that was stored, `task` the
    task as it was stored; `rested`: the turn is over. Writing raises `LeaseLost` when another has the task.
    `handed_over`: the turn goes on in another process, or will. What is stored goes into `tail`, whose bell rings when
    anything of this changes.

    With `direct` a `Message` that comes before everything else is kept in `lone` instead, and all behind it is dropped;
    `opened`: no such message can come any more.
    """

    def __init__(
        self,
        journal: TaskJournal,
        observer: TaskObserver,
        lease: Lease,
        task: Task,
        *,
        tail: Tail | None = None,
        turn: int = 0,
        direct: bool = False,
    ) -> None:
        self._journal = journal
        self._observer = observer
        self._lease = lease
        self.task = task
        self.state: TaskState = task.status.state
        self.handed_over = False
        self.rested = False
        self.opened = False
        self.lone: Message | None = None
        self._tail = tail or Tail(0)
        self._turn = turn
        self._direct = direct
        self._artifacts = {artifact.artifact_id for artifact in task.artifacts}
        self._pending: list[Entry] = []
        self._checkpoint: Any = None
        self._attempt: tuple[list[Entry], Any, str] | None = None
        self._attempts = count()
        self._tokens = os.urandom(8).hex()
        self._busy = False
        self._written = Bell()
        self._later: asyncio.Handle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    @property
    def resting(self) -> bool:
        """Whether the turn is over: the task has ended or waits for its caller."""
        return self.state in RESTING

    async def enqueue_event(self, event: Event | Message) -> None:
        """Stores one event. A lone `Message` is an answer: it becomes the message of a COMPLETED status."""
        if self.lone is not None:
            log.debug("event_after_message_dropped", task_id=self.task.id)
            return
        if isinstance(event, Message):
            if self._direct and not self.opened:
                self.lone = self._untied(event)
                return
            event = status_event(self.task.id, self.task.context_id, TaskState.TASK_STATE_COMPLETED, event)
        elif isinstance(event, Task):
            # The task was stored when it was accepted; of an executor's copy only a new state is news.
            if event.status.state in NO_NEWS or event.status.state == self.state:
                return
            event = TaskStatusUpdateEvent(status=event.status)
        await self.store(self._addressed(event))

    async def store(self, event: TaskStatusUpdateEvent | TaskArtifactUpdateEvent) -> None:
        if self.state in TERMINAL:
            log.debug("event_after_end_dropped", task_id=self.task.id)
            return
        self._raise()
        self._check(event)
        self.open()
        self._pending.append(Entry(event))
        if is_resting(event) or len(self._pending) >= AHEAD:
            await self.flush()
        else:
            self._soon()

    def open(self) -> None:
        """From here on there is a task, whatever comes."""
        if not self.opened:
            self.opened = True
            if self._direct:
                self._tail.bell.ring()

    def _check(self, event: Event) -> None:
        """Raises `InvalidAgentResponseError` for what no reader could fold into the task."""
        if not isinstance(event, TaskArtifactUpdateEvent):
            return
        artifact_id = event.artifact.artifact_id
        if event.append and artifact_id not in self._artifacts:
            raise InvalidAgentResponseError(f"a chunk appends to the artifact {artifact_id!r}, which does not exist")
        self._artifacts.add(artifact_id)

    async def flush(self) -> None:
        """Returns when all that was sent is stored. Raises `LeaseLost`, `JournalDown`."""
        self._raise()
        while self._unwritten() or self._busy:
            if self._busy:
                await self._written.wait()
            else:
                await self._write()
            self._raise()

    def _unwritten(self) -> bool:
        return bool(self._pending or self._attempt or self._checkpoint is not None)

    def _soon(self) -> None:
        if self._later is None:
            self._later = asyncio.get_running_loop().call_soon(self._write_later)

    def _write_later(self) -> None:
        """For an executor that goes on to something slow; one that ends at once writes by itself, in one step."""
        self._later = None
        if self._unwritten() and not self._busy:
            self._writing = asyncio.create_task(self._write_quietly())

    async def _write_quietly(self) -> None:
        with contextlib.suppress(Exception):  # whoever sends the next event is told
            await self.flush()

    async def begin(self, message: Message, turn: bytes) -> None:
        """Puts a follow-up's message into the log: from here on its turn is `turn`."""
        working = status_event(self.task.id, self.task.context_id, TaskState.TASK_STATE_WORKING)
        number = await self._journal.append(self._lease, [Entry(working, message)], begun=turn)
        remember(self.task)
        self.task.history.append(message)
        self._stored(working, working.status.state)
        self._tail.add([Logged(number, self._turn, working)])

    async def checkpoint(self, data: Any, *, lazy: bool = False) -> None:
        """Keeps what the executor needs to go on with this task later, behind all that it sent before.

        A `lazy` one is stored a little later, with the next event if there is one by then.
        """
        self._raise()
        self._checkpoint = data
        if not lazy:
            await self.flush()
        elif self._later is None:
            asyncio.get_running_loop().call_later(LAZY_SECONDS, self._soon)

    def _left(self, error: Exception) -> None:
        """Notes that somebody else holds the task or will take it, before the executor unwinds."""
        self.handed_over = self.handed_over or isinstance(error, LeaseLost | JournalDown)

    async def _write(self) -> None:
        self._busy = True
        try:
            await self._append()
        except Exception as error:  # noqa: BLE001 - whoever sends the next event is told
            self._left(error)
            self._error = error
        except asyncio.CancelledError:
            if asyncio.current_task() is not self._writing:  # the executor may go on, and say nothing for long
                self._soon()
            raise
        finally:
            self._busy = False
            self._written.ring()

    async def _append(self) -> None:
        if self._attempt is None:
            if self.state in TERMINAL:
                self._pending.clear()
                self._checkpoint = None
                return
            # An attempt that seemed to fail, or whose writer was cancelled, may be stored all the same.
            self._attempt = self._pending, self._checkpoint, f"{self._tokens}-{next(self._attempts)}"
            self._pending, self._checkpoint = [], None
        try:
            last = await self._written_patiently(self._attempt)
        except TaskEnded:
            self._pending.clear()
            self._checkpoint = None
            self._attempt = None
            self.state = TaskState.TASK_STATE_CANCELED
            self._rest()
            return
        entries = self._attempt[0]
        self._attempt = None
        self._keep([entry.event for entry in entries], last)

    async def _written_patiently(self, attempt: tuple[list[Entry], Any, str]) -> int:
        try:
            return await self._appended(*attempt)
        except JournalDown:
            return await patiently(lambda: self._appended(*attempt), seconds=WRITE_SECONDS, longest_pause=2.0)

    async def _appended(self, entries: list[Entry], checkpoint: Any, token: str) -> int:
        """The last entry's number; 0 where there is none."""
        if entries:
            return await self._journal.append(self._lease, entries, token=token, checkpoint=checkpoint)
        await self._journal.save_checkpoint(self._lease, checkpoint)
        return 0

    def _keep(self, events: list[Event], last: int) -> None:
        """The journal has them up to the first end, which got the number `last`."""
        stored = _up_to_the_end(events)
        latest = next((state for event in reversed(stored) if (state := state_of(event)) is not None), self.state)
        for event in stored:
            self._stored(event, latest)
        first = last - len(stored) + 1
        self._tail.add(Logged(number, self._turn, event) for number, event in enumerate(stored, first))

    def _stored(self, event: Event, latest: TaskState) -> None:
        """`latest` is the state in which the task was left by what was stored in the same moment."""
        fold(self.task, event)
        state = state_of(event)
        if state is not None and state != self.state:
            self.state = state
            passed = state != latest
            self._observer.state_changed(self._lease.owner, self.task.id, self.task.context_id, state, passed=passed)
        if self.resting:
            self._rest()

    def _rest(self) -> None:
        self.rested = True
        self._tail.bell.ring()

    def _untied(self, message: Message) -> Message:
        """The message as one without a task (section 3.4.1: a new context is told)."""
        untied = copied(message)
        untied.context_id = self.task.context_id
        untied.ClearField("task_id")
        return untied

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def _addressed(
        self, event: TaskStatusUpdateEvent | TaskArtifactUpdateEvent
    ) -> TaskStatusUpdateEvent | TaskArtifactUpdateEvent:
        addressed = copied(event)
        addressed.task_id = self.task.id
        addressed.context_id = self.task.context_id
        if isinstance(addressed, TaskStatusUpdateEvent):
            if not addressed.status.HasField("timestamp"):
                addressed.status.timestamp.CopyFrom(now())
            if addressed.status.HasField("message"):
                addressed.status.message.task_id = self.task.id
                addressed.status.message.context_id = self.task.context_id
        return addressed


def _up_to_the_end(events: list[Event]) -> list[Event]:
    """What the journal keeps: nothing behind the first end."""
    for number, event in enumerate(events, 1):
        if state_of(event) in TERMINAL:
            return events[:number]
    return events
