"""Accepts, queues and ends tasks so that each ends exactly once (design: "The task engine")."""

import asyncio
import contextlib
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass, replace

from a2a.server.agent_execution import AgentExecutor
from a2a.server.context import ServerCallContext
from a2a.types import Message, SendMessageRequest, Task, TaskPushNotificationConfig, TaskState, TaskStatus
from a2a.utils.errors import InvalidParamsError, TaskNotCancelableError, UnsupportedOperationError

from crossdock.errors import TryLater
from crossdock.ids import new_id
from crossdock.tasks.events import TERMINAL, copied, is_resting, now, state_of
from crossdock.tasks.journal import (
    Accepted,
    IdempotencyKey,
    Logged,
    Snapshot,
    TaskEnded,
    TaskJournal,
    TaskUnknown,
)
from crossdock.tasks.keeper import WORK_POLL, Keeper
from crossdock.tasks.observer import TaskObserver
from crossdock.tasks.outbox import addressed
from crossdock.tasks.resumption import Resumption
from crossdock.tasks.stopping import ended
from crossdock.tasks.turns import Turn
from crossdock.tasks.worker import CANCELED, STOPPED, Held, Stop, Worker, WorkLimits

SUBMITTED = TaskState.TASK_STATE_SUBMITTED
CANCELED_STATE = TaskState.TASK_STATE_CANCELED
SOON = 1.0
LOOK = 3.0
"""A reader looks into the journal after so many seconds: this process may have lost the task and not know it yet."""
ENDED = "The task has ended. Send the message without its task id to begin a new one."


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Seconds and counts. `works`: whether this process works tasks, or only accepts them."""

    task_seconds: float = 600.0
    stream_idle_seconds: float = 900.0
    cancel_seconds: float = 2.0
    running: int = 32
    earlier_tasks: int = 10
    works: bool = True


@dataclass(frozen=True, slots=True)
class Ticket:
    """An accepted message: `snapshot` is the task at that moment, `turn` the number of the message's turn.

    `held` is there while this process works the turn.
    """

    snapshot: Snapshot
    turn: int
    again: bool = False
    held: Held | None = None


class TaskEngine:
    """`resumption` says of a task whether a turn whose executor vanished is run again.

    With `direct_messages` a new task's caller may be answered with the executor's lone message, which leaves no task.
    """

    def __init__(
        self,
        executor: AgentExecutor,
        journal: TaskJournal,
        observer: TaskObserver,
        limits: EngineLimits,
        resumption: Callable[[Task], Resumption] = lambda _: Resumption.NEVER,
        *,
        direct_messages: bool = False,
    ) -> None:
        self._journal = journal
        self._observer = observer
        self._limits = limits
        self._direct_messages = direct_messages
        self.name = f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"
        work = WorkLimits(limits.cancel_seconds, limits.earlier_tasks)
        self._worker = Worker(executor, journal, observer, work, resumption, self._turn_over)
        self._keeper = Keeper(journal, self._worker, self.name)
        self._free = asyncio.Event()
        self._free.set()
        self._accepting = 0
        self._accepted = asyncio.Event()
        self._background: list[asyncio.Task[None]] = []
        self._closed = False

    @property
    def accepting(self) -> bool:
        return not self._closed

    @property
    def running(self) -> int:
        """Tasks that are at work here."""
        return len(self._worker.held)

    async def start(self) -> None:
        """Begins to claim tasks, and to look after those that are claimed. Raises `ConfigError`."""
        await self._journal.open(self._keeper.canceled)
        loops = [self._keeper.renew(), self._keeper.sweep()]
        if self._limits.works:
            loops.append(self._claim())
        self._background = [asyncio.create_task(loop) for loop in loops]

    async def close(self) -> None:
        """Lets go of the journal; what runs still is given back by its lease."""
        await ended(*self._background)
        await self._journal.close()

    async def submit(
        self,
        owner: str,
        request: SendMessageRequest,
        call_context: ServerCallContext,
        seconds: float | None = None,
        key: IdempotencyKey | None = None,
    ) -> Ticket:
        """Accepts a message: a new task, or a further turn of the one that it names.

        `seconds` is what is left of the caller's own deadline. Raises `TaskUnknown`, `TryLater`, `KeyReused`,
        `UnsupportedOperationError` (the task has ended) and `InvalidParamsError` (another context's task).
        """
        if self._closed:
            raise TryLater("This replica is stopping. Send the message again.", retry_after=1.0)
        limit = min(seconds or self._limits.task_seconds, self._limits.task_seconds)
        follows = bool(request.message.task_id)
        # What an idempotency key stands for must stay, so that it can be answered again.
        direct = self._direct_messages and not follows and key is None
        with self._place() as worker:
            turn, accepted, snapshot = await (self._follow if follows else self._create)(
                owner, request, call_context, limit, worker, key
            )
            held = None
            if accepted.claim is not None:
                held = self._worker.begin(accepted.claim, copied(snapshot.task), turn, direct=direct)
        return Ticket(snapshot, accepted.turn, accepted.again, held)

    async def _create(
        self,
        owner: str,
        request: SendMessageRequest,
        call_context: ServerCallContext,
        seconds: float,
        worker: str,
        key: IdempotencyKey | None,
    ) -> tuple[Turn, Accepted, Snapshot]:
        message = request.message
        message.task_id = self._journal.task_id(owner, key)
        new_context = not message.context_id
        message.context_id = message.context_id or new_id()
        task = Task(
            id=message.task_id,
            context_id=message.context_id,
            status=TaskStatus(state=SUBMITTED, timestamp=now()),
            history=[message],
        )
        turn = Turn.of(request, call_context, seconds, follows=False, new_context=new_context)
        accepted = await self._journal.create(
            owner, task, turn.encode(), seconds, worker=worker, key=key, push=_push(request)
        )
        if accepted.again:
            return turn, accepted, await self._journal.get(owner, accepted.task_id)
        if accepted.alone and not turn.new_context:
            turn = replace(turn, new_context=True)
        self._observer.state_changed(owner, task.id, task.context_id, SUBMITTED)
        return turn, accepted, Snapshot(task, 1, owner)

    async def _follow(
        self,
        owner: str,
        request: SendMessageRequest,
        call_context: ServerCallContext,
        seconds: float,
        worker: str,
        key: IdempotencyKey | None,
    ) -> tuple[Turn, Accepted, Snapshot]:
        message = request.message
        snapshot = await self._journal.get(owner, message.task_id)
        if message.context_id not in {"", snapshot.task.context_id}:
            raise InvalidParamsError("contextId is not that of the task; leave it out or send the task's own")
        message.context_id = snapshot.task.context_id
        turn = Turn.of(request, call_context, seconds, follows=True)
        try:
            accepted = await self._journal.follow(
                owner, message.task_id, turn.encode(), seconds, worker=worker, key=key, push=_push(request)
            )
        except TaskEnded:
            raise UnsupportedOperationError(ENDED) from None
        if accepted.again:
            snapshot = await self._journal.get(owner, message.task_id)
        if accepted.claim is not None:
            self._observer.taken_up(message.task_id, snapshot.accepted)
        return turn, accepted, snapshot

    @contextlib.contextmanager
    def _place(self) -> Generator[str]:
        """Keeps a place for a turn that may be worked at once: yields our name, or nothing where all are taken."""
        if not self._limits.works or len(self._worker.held) + self._accepting >= self._limits.running:
            yield ""
            return
        self._accepting += 1
        self._accepted.clear()
        try:
            yield self.name
        finally:
            self._accepting -= 1
            if not self._accepting:
                self._accepted.set()
            self._turn_over()

    def _turn_over(self) -> None:
        if len(self._worker.held) + self._accepting < self._limits.running:
            self._free.set()

    async def _claim(self) -> None:
        """Takes waiting turns while there is a place for them."""
        while not self._closed:
            await self._free.wait()
            claim = None
            with self._place() as worker:
                if not worker:
                    self._free.clear()
                    continue
                claim = await self._keeper.claim()
                if claim is not None:
                    self._worker.begin(claim)
            if claim is None:
                await self._journal.work(WORK_POLL)

    async def cancel(self, owner: str, task_id: str) -> Snapshot:
        """Stops a task; one that is CANCELED stays as it is, so that a repeated cancel is answered like the first.

        Raises `TaskUnknown`, and `TaskNotCancelableError` when the task ended in another way.
        """
        with contextlib.suppress(TaskEnded):
            await self._end_canceled(owner, task_id)
        snapshot = await self._journal.get(owner, task_id)
        if snapshot.task.status.state != CANCELED_STATE:
            raise TaskNotCancelableError("The task has ended; it can no longer be canceled.")
        return snapshot

    async def _end_canceled(self, owner: str, task_id: str) -> None:
        """Returns when the task has ended; of several that cancel it at a time one ends it, and the others see that."""
        claim = await self._journal.cancel(owner, task_id, self.name)
        while claim is not None or not await self._ends(owner, task_id, 1.5 * self._limits.cancel_seconds):
            if claim is None:
                claim = await self._journal.seize(task_id, self.name)
            await self._worker.end(claim, (CANCELED_STATE, CANCELED))
            claim = None

    async def _ends(self, owner: str, task_id: str, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                after = (await self._journal.get(owner, task_id)).sequence
                async for logged in self.events(owner, task_id, after - 1):
                    if state_of(logged.event) in TERMINAL:
                        return True
        except TimeoutError:
            return False
        return False

    async def events(self, owner: str, task_id: str, after: int, ticket: Ticket | None = None) -> AsyncIterator[Logged]:
        """Every event behind number `after`, up to the terminal one, or until none came for a long time."""
        async for batch in self.batches(owner, task_id, after, ticket):
            for logged in batch:
                yield logged

    async def batches(
        self, owner: str, task_id: str, after: int, ticket: Ticket | None = None
    ) -> AsyncIterator[list[Logged]]:
        """The same, those together that are there together.

        Of a task that is worked here they come from memory; `ticket` is the reader's, if it has one.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self._limits.stream_idle_seconds
        tail = ticket.held.tail if ticket is not None and ticket.held is not None else None
        del ticket  # it holds the task, and a stream may be long
        looks = False
        while True:
            if tail is None or tail.exhausted(after):
                tail = self._worker.tail(owner, task_id, after)
            batch = None if tail is None or looks else tail.since(after)
            if batch is None:
                batch = await self._journal.read(owner, task_id, after)
            if batch:
                yield batch
                after, _, last = batch[-1]
                if state_of(last) in TERMINAL:
                    return
                del last
            left = until - clock()
            if batch:
                until = clock() + self._limits.stream_idle_seconds
            elif tail is not None and left > 0:
                looks = not await tail.wait(after, min(LOOK, left))
            elif not await self._journal.wait(task_id, after, left):
                return

    async def lone_message(self, ticket: Ticket, *, at_once: bool = False) -> Message | None:
        """The executor's whole answer to the ticket, if no task comes of it.

        For a caller that wants an answer `at_once` an executor that says nothing soon works on a task.
        """
        return await ticket.held.lone(SOON if at_once else None) if ticket.held is not None else None

    async def answer(self, ticket: Ticket) -> Task:
        """The task when the ticket's turn is over: at a terminal or an interrupted state (section 3.1.1)."""
        task_id, owner = ticket.snapshot.task.id, ticket.snapshot.owner
        if ticket.held is not None and (task := await ticket.held.answer()) is not None:
            return task
        if ticket.snapshot.task.status.state in TERMINAL:
            return ticket.snapshot.task
        after = 0 if ticket.again else ticket.snapshot.sequence
        async for logged in self.events(owner, task_id, after, ticket):
            if is_resting(logged.event) and logged.turn >= ticket.turn:
                break
        return (await self._journal.get(owner, task_id)).task

    async def beginning(self, ticket: Ticket) -> Snapshot:
        """Where the ticket's stream begins: at the task as it stands.

        That of a repeated message whose turn has ended with a question begins right before it: so the question is in
        the stream, and cannot be taken for that of the turn before.
        """
        snapshot = ticket.snapshot
        if not ticket.again or snapshot.task.status.state in TERMINAL:
            return snapshot
        async for logged in self.events(snapshot.owner, snapshot.task.id, 0):
            if is_resting(logged.event) and logged.turn >= ticket.turn:
                return await self._journal.get(snapshot.owner, snapshot.task.id, logged.number - 1)
            if logged.number >= snapshot.sequence:
                break
        return snapshot

    async def drain(self, seconds: float) -> None:
        """Takes no new work, lets what runs finish for `seconds`, then gives back what can be resumed elsewhere.

        What cannot be, and every task where the journal does not outlive the process, ends with a reason. Open
        streams end; a reader goes on at another replica from the last event that it saw.
        """
        self._closed = True
        self._free.set()
        await self._settle_claims()
        await self._settle(seconds)
        for held in list(self._worker.held.values()):
            held.interrupt(Stop.SHUTDOWN)
        await self._settle(3 * self._limits.cancel_seconds)
        for task_id in await self._journal.stranded():
            with contextlib.suppress(TaskEnded, TaskUnknown):
                claim = await self._journal.seize(task_id, self.name)
                await self._worker.end(claim, (TaskState.TASK_STATE_FAILED, STOPPED))
        for held in self._worker.held.values():
            held.tail.close()
        self._journal.end_waits()

    async def _settle_claims(self) -> None:
        """What is being accepted or claimed at this moment is ours, too."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._limits.cancel_seconds if self._accepting else 0):
                await self._accepted.wait()

    async def _settle(self, seconds: float) -> None:
        workers = {held.worker for held in self._worker.held.values()}
        if workers:
            await asyncio.wait(workers, timeout=seconds)


def _push(request: SendMessageRequest) -> TaskPushNotificationConfig | None:
    """The configuration that came with the message, for the task that the message has by now."""
    if not request.configuration.HasField("task_push_notification_config"):
        return None
    return addressed(request.configuration.task_push_notification_config, request.message.task_id)
