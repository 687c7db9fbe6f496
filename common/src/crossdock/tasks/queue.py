"""What an `AgentExecutor` writes to: the SDK's queue, put straight into the journal."""

import contextlib
import copy
from collections.abc import Generator
from typing import Any

import structlog
from a2a.server.events import EventQueue
from a2a.types import Message, Task, TaskArtifactUpdateEvent, TaskState, TaskStatusUpdateEvent

from crossdock.tasks.events import INTERRUPTED, TERMINAL, Event, now, state_of, status_event
from crossdock.tasks.journal import Entry, Lease, LeaseLost, TaskEnded, TaskJournal
from crossdock.tasks.observer import TaskObserver

log = structlog.get_logger(__name__)


class JournalQueue(EventQueue):
    """Accepts what SDK executors send and keeps the invariant of one end: what comes behind it is dropped.

    `state` is the last state that this queue stored. Writing raises `LeaseLost` once somebody else holds the task.
    `handed_over`: the turn goes on in another process.
    """

    def __init__(self, journal: TaskJournal, observer: TaskObserver, lease: Lease, task: Task) -> None:
        self._journal = journal
        self._observer = observer
        self._lease = lease
        self._task_id = task.id
        self._context_id = task.context_id
        self.state: TaskState = task.status.state
        self.handed_over = False

    @property
    def resting(self) -> bool:
        """Whether the turn is over: the task has ended or waits for its caller."""
        return self.state in TERMINAL or self.state in INTERRUPTED

    async def enqueue_event(self, event: Event | Message) -> None:
        """Stores one event. A lone `Message` is an answer: it becomes the message of a COMPLETED status."""
        if isinstance(event, Message):
            event = status_event(self._task_id, self._context_id, TaskState.TASK_STATE_COMPLETED, event)
        elif isinstance(event, Task):
            # The task was stored when it was accepted; of an executor's copy only a new state is news.
            if event.status.state in {TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_UNSPECIFIED, self.state}:
                return
            event = TaskStatusUpdateEvent(status=event.status)
        await self.store(self._addressed(event))

    async def store(self, event: TaskStatusUpdateEvent | TaskArtifactUpdateEvent) -> None:
        if self.state in TERMINAL:
            log.debug("event_after_end_dropped", task_id=self._task_id)
            return
        try:
            with self._leaving():
                await self._journal.append(self._lease, [Entry(event)])
        except TaskEnded:
            self.state = TaskState.TASK_STATE_CANCELED
            return
        state = state_of(event)
        if state is not None and state != self.state:
            self.state = state
            self._observer.state_changed(self._lease.owner, self._task_id, self._context_id, state)

    async def begin(self, message: Message, turn: bytes) -> None:
        """Puts a follow-up's message into the log: from here on its turn is `turn`."""
        working = status_event(self._task_id, self._context_id, TaskState.TASK_STATE_WORKING)
        await self._journal.append(self._lease, [Entry(working, message)], begun=turn)
        self.state = TaskState.TASK_STATE_WORKING
        self._observer.state_changed(self._lease.owner, self._task_id, self._context_id, self.state)

    async def checkpoint(self, data: Any) -> None:
        """Keeps what the executor needs to go on with this task later."""
        with self._leaving():
            await self._journal.save_checkpoint(self._lease, data)

    @contextlib.contextmanager
    def _leaving(self) -> Generator[None]:
        """Notes that somebody else holds the task, before the executor unwinds."""
        try:
            yield
        except LeaseLost:
            self.handed_over = True
            raise

    def _addressed(
        self, event: TaskStatusUpdateEvent | TaskArtifactUpdateEvent
    ) -> TaskStatusUpdateEvent | TaskArtifactUpdateEvent:
        addressed = copy.deepcopy(event)
        addressed.task_id = self._task_id
        addressed.context_id = self._context_id
        if isinstance(addressed, TaskStatusUpdateEvent) and not addressed.status.HasField("timestamp"):
            addressed.status.timestamp.CopyFrom(now())
        return addressed
