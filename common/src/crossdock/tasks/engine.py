"""Runs accepted tasks so that each ends exactly once (design: "The task engine")."""

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.context import ServerCallContext
from a2a.types import SendMessageRequest, Task, TaskState, TaskStatus
from a2a.utils.errors import InvalidParamsError, TaskNotCancelableError, UnsupportedOperationError
from opentelemetry import trace
from tenacity import AsyncRetrying, retry_if_exception, stop_after_delay, wait_random_exponential

from crossdock.errors import Public, Rejected, TryLater
from crossdock.tasks.events import INTERRUPTED, TERMINAL, Event, agent_message, is_resting, now, state_of, status_event
from crossdock.tasks.journal import Entry, Snapshot, TaskEnded, TaskFilter, TaskJournal, TaskUnknown
from crossdock.tasks.observer import TaskObserver
from crossdock.tasks.queue import JournalQueue
from crossdock.tasks.turns import Job, Stop, Turn

log = structlog.get_logger(__name__)
tracer = trace.get_tracer("crossdock")

DEADLINE = "deadline"
CHECKPOINT = "checkpoint"
IDLE = "idle"
"""Set while an executor is told that a task was cancelled that waited for its caller."""
CANCELED = "Canceled at the caller's request."
STOPPED = "The service was stopped before the task was done. Send the request again."
WRITE_SECONDS = 30.0
"""For how long the end of a task is retried while the journal does not answer."""


@dataclass(frozen=True, slots=True)
class EngineLimits:
    """Seconds and counts; `queued` counts turns that wait for one of the `running` slots."""

    task_seconds: float = 600.0
    interrupted_seconds: float = 86_400.0
    stream_idle_seconds: float = 900.0
    cancel_seconds: float = 2.0
    running: int = 32
    queued: int = 1_000
    earlier_tasks: int = 10


@dataclass(frozen=True, slots=True)
class Ticket:
    """An accepted message: `snapshot` is the task at that moment."""

    snapshot: Snapshot
    turn: Turn


class TaskEngine:
    def __init__(
        self, executor: AgentExecutor, journal: TaskJournal, observer: TaskObserver, limits: EngineLimits
    ) -> None:
        self._executor = executor
        self._journal = journal
        self._observer = observer
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.running)
        self._running = 0
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, tuple[asyncio.TimerHandle, Turn]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def accepting(self) -> bool:
        return not self._closed

    async def submit(
        self, owner: str, request: SendMessageRequest, call_context: ServerCallContext, seconds: float | None = None
    ) -> Ticket:
        """Accepts a message: a new task, or a further turn of the one that it names.

        `seconds` is what is left of the caller's own deadline. Raises `TaskUnknown`, `TryLater`,
        `UnsupportedOperationError` (the task has ended) and `InvalidParamsError` (another context's task).
        """
        if self._closed:
            raise TryLater("This replica is stopping. Send the message again.", retry_after=1.0)
        if sum(len(job.turns) for job in self._jobs.values()) - self._running >= self._limits.queued:
            raise TryLater("Too many tasks are waiting here. Send the message again later.", retry_after=5.0)
        follows = bool(request.message.task_id)
        limit = min(seconds or self._limits.task_seconds, self._limits.task_seconds)
        turn = Turn(owner, request, call_context, limit, follows)
        snapshot = await (self._resume(turn) if follows else self._create(turn))
        self._enqueue(snapshot.task.id, turn)
        return Ticket(snapshot, turn)

    async def _create(self, turn: Turn) -> Snapshot:
        message = turn.request.message
        message.task_id = str(uuid.uuid4())
        message.context_id = message.context_id or str(uuid.uuid4())
        task = Task(
            id=message.task_id,
            context_id=message.context_id,
            status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now()),
            history=[message],
        )
        await self._journal.create(turn.owner, task)
        self._observer.state_changed(turn.owner, task.id, task.context_id, TaskState.TASK_STATE_SUBMITTED)
        return Snapshot(task, 1, turn.owner)

    async def _resume(self, turn: Turn) -> Snapshot:
        message = turn.request.message
        snapshot = await self._journal.get(turn.owner, message.task_id)
        if snapshot.task.status.state in TERMINAL:
            raise UnsupportedOperationError(
                "The task has ended. Send the message without its task id to begin a new one."
            )
        if message.context_id not in {"", snapshot.task.context_id}:
            raise InvalidParamsError("contextId is not that of the task; leave it out or send the task's own")
        message.context_id = snapshot.task.context_id
        return snapshot

    def _enqueue(self, task_id: str, turn: Turn) -> None:
        if task_id in self._waiting:
            self._waiting.pop(task_id)[0].cancel()
        job = self._jobs.get(task_id)
        if job is not None and not job.worker.done():
            job.turns.append(turn)
            return
        job = Job(turn.owner, deque([turn]))
        self._jobs[task_id] = job
        job.begin(self._work(task_id, job), lambda: self._finished(task_id, job))

    def _finished(self, task_id: str, job: Job) -> None:
        if self._jobs.get(task_id) is job:
            del self._jobs[task_id]
        if not job.worker.cancelled() and (error := job.worker.exception()):
            self._observer.fault(job.owner, task_id, error)
        for turn in job.turns:
            turn.start(0)

    async def _work(self, task_id: str, job: Job) -> None:
        while job.turns and job.stop is None:
            turn = job.turns[0]
            async with self._slots:
                self._running += 1
                try:
                    await self._run(task_id, job, turn)
                except Exception as error:  # noqa: BLE001 - the journal's trouble, or our own mistake
                    text = self._fault(job.owner, task_id, error)
                    await self._close_idle(job.owner, task_id, TaskState.TASK_STATE_FAILED, text)
                finally:
                    self._running -= 1
                    turn.start(0)  # whoever waits for a turn that never began is answered with the task as it is
            job.turns.popleft()

    async def _run(self, task_id: str, job: Job, turn: Turn) -> None:
        snapshot = await self._journal.get(turn.owner, task_id)
        queue = JournalQueue(self._journal, self._observer, turn.owner, snapshot.task)
        if turn.follows:
            working = status_event(task_id, snapshot.task.context_id, TaskState.TASK_STATE_WORKING)
            try:
                await self._journal.append(task_id, [Entry(working, turn.request.message)])
            except TaskEnded:
                return
            queue.state = TaskState.TASK_STATE_WORKING
            self._observer.state_changed(turn.owner, task_id, snapshot.task.context_id, queue.state)
        turn.start(snapshot.sequence if turn.follows else 0)
        end = await self._execute(task_id, job, turn, queue)
        if end is not None and not queue.resting:
            await self._end(queue, snapshot.task, *end)
        if queue.state in INTERRUPTED:
            self._arm(turn, task_id)

    async def _execute(self, task_id: str, job: Job, turn: Turn, queue: JournalQueue) -> tuple[TaskState, str] | None:
        """Runs the executor once; returns how the task ends if the executor did not say so itself."""
        context = await self._context(turn)
        work = asyncio.create_task(self._traced(context, queue))
        try:
            await asyncio.wait({work}, timeout=turn.seconds)
        except asyncio.CancelledError:
            await self._stop(work, context, queue, turn)
            if job.stop is Stop.CANCELED:
                return TaskState.TASK_STATE_CANCELED, CANCELED
            return TaskState.TASK_STATE_FAILED, STOPPED
        if not work.done():
            await self._stop(work, context, queue, turn)
            text = f"The task took longer than its limit of {turn.seconds:g} s and was stopped."
            return TaskState.TASK_STATE_FAILED, text
        return self._outcome(turn, task_id, work)

    async def _traced(self, context: RequestContext, queue: JournalQueue) -> None:
        with tracer.start_as_current_span("task", attributes={"a2a.task.id": str(context.task_id)}):
            await self._executor.execute(context, queue)

    def _outcome(self, turn: Turn, task_id: str, work: "asyncio.Task[None]") -> tuple[TaskState, str]:
        error = asyncio.CancelledError() if work.cancelled() else work.exception()
        if error is None:
            return TaskState.TASK_STATE_FAILED, "The agent stopped without a result. Send the request again."
        if isinstance(error, Rejected):
            return TaskState.TASK_STATE_REJECTED, str(error)
        if isinstance(error, Public):
            return TaskState.TASK_STATE_FAILED, str(error)
        return TaskState.TASK_STATE_FAILED, self._fault(turn.owner, task_id, error)

    def _fault(self, owner: str, task_id: str, error: BaseException) -> str:
        error_id = self._observer.fault(owner, task_id, error)
        return f"Something went wrong inside the agent (error {error_id}). Give this id to its operator."

    async def _stop(self, work: "asyncio.Task[None]", context: RequestContext, queue: JournalQueue, turn: Turn) -> None:
        """Stops an executor for good: one whose clean-up does not end is left behind, and its writes are refused."""
        work.cancel()
        await self._tell_executor(context, queue, turn)
        await asyncio.wait({work}, timeout=self._limits.cancel_seconds)
        if not work.done():
            log.error("executor_does_not_stop", task_id=context.task_id)
        elif not work.cancelled() and (error := work.exception()):
            self._observer.fault(turn.owner, str(context.task_id), error)

    async def _tell_executor(self, context: RequestContext, queue: JournalQueue, turn: Turn) -> None:
        """Calls the executor's own `cancel()`, for executors that have something to stop beside their coroutine."""
        try:
            async with asyncio.timeout(self._limits.cancel_seconds):
                await self._executor.cancel(context, queue)
        except Exception as error:  # noqa: BLE001 - a failing clean-up must not keep the task from ending
            self._observer.fault(turn.owner, str(context.task_id), error)

    async def _tell_idle(self, turn: Turn, task: Task) -> None:
        """Lets the executor of a waiting task give up what it holds elsewhere."""
        try:
            context = await self._context(turn)
        except Exception as error:  # noqa: BLE001 - as in `_tell_executor`
            self._observer.fault(turn.owner, task.id, error)
            return
        turn.call_context.state[IDLE] = True
        await self._tell_executor(context, JournalQueue(self._journal, self._observer, turn.owner, task), turn)

    async def _end(self, queue: JournalQueue, task: Task, state: TaskState, text: str) -> None:
        event = status_event(task.id, task.context_id, state, agent_message(task, text, str(uuid.uuid4())))
        with contextlib.suppress(TaskUnknown):
            async for attempt in AsyncRetrying(
                stop=stop_after_delay(WRITE_SECONDS),
                wait=wait_random_exponential(multiplier=0.05, max=2.0),
                retry=retry_if_exception(_may_pass),
                reraise=True,
            ):
                with attempt:
                    await queue.store(event)

    async def _context(self, turn: Turn) -> RequestContext:
        message = turn.request.message
        snapshot = await self._journal.get(turn.owner, message.task_id)
        turn.call_context.state[DEADLINE] = asyncio.get_running_loop().time() + turn.seconds
        turn.call_context.state[CHECKPOINT] = await self._journal.checkpoint(message.task_id)
        return RequestContext(
            turn.call_context,
            request=turn.request,
            task_id=snapshot.task.id,
            context_id=snapshot.task.context_id,
            task=snapshot.task if turn.follows else None,
            related_tasks=await self._earlier(turn, snapshot.task),
        )

    async def _earlier(self, turn: Turn, task: Task) -> list[Task]:
        """The same owner's earlier tasks in this context, and those that the message refers to; oldest first."""
        page = await self._journal.list(
            turn.owner, TaskFilter(context_id=task.context_id), "", self._limits.earlier_tasks + 1
        )
        earlier = {other.id: other for other in reversed(page.tasks) if other.id != task.id}
        for task_id in list(turn.request.message.reference_task_ids)[: self._limits.earlier_tasks]:
            with contextlib.suppress(TaskUnknown):
                earlier.setdefault(task_id, (await self._journal.get(turn.owner, task_id)).task)
        return list(earlier.values())

    def _arm(self, turn: Turn, task_id: str) -> None:
        """An interrupted task waits for its caller, but not for ever."""
        loop = asyncio.get_running_loop()
        handle = loop.call_later(self._limits.interrupted_seconds, self._abandon, turn.owner, task_id)
        self._waiting[task_id] = (handle, turn)

    def _abandon(self, owner: str, task_id: str) -> None:
        self._waiting.pop(task_id, None)
        text = "Nobody answered the agent's question in time. Send the request again."
        ending = asyncio.create_task(self._close_idle(owner, task_id, TaskState.TASK_STATE_FAILED, text))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)

    async def _close_idle(self, owner: str, task_id: str, state: TaskState, text: str) -> None:
        with contextlib.suppress(TaskUnknown):
            snapshot = await self._journal.get(owner, task_id)
            queue = JournalQueue(self._journal, self._observer, owner, snapshot.task)
            await self._end(queue, snapshot.task, state, text)

    async def cancel(self, owner: str, task_id: str) -> Snapshot:
        """Stops a task. Raises `TaskUnknown`, and `TaskNotCancelableError` when it ended by itself, or had ended."""
        snapshot = await self._journal.get(owner, task_id)
        if snapshot.task.status.state in TERMINAL:
            raise TaskNotCancelableError("The task has ended; it can no longer be canceled.")
        job = self._jobs.get(task_id)
        if job is not None:
            job.interrupt(Stop.CANCELED)
            await asyncio.wait({job.worker}, timeout=self._limits.cancel_seconds)
        if task_id in self._waiting:
            handle, turn = self._waiting.pop(task_id)
            handle.cancel()
            await self._tell_idle(turn, snapshot.task)
        await self._close_idle(owner, task_id, TaskState.TASK_STATE_CANCELED, CANCELED)
        snapshot = await self._journal.get(owner, task_id)
        if snapshot.task.status.state != TaskState.TASK_STATE_CANCELED:
            raise TaskNotCancelableError("The task ended before it could be canceled.")
        return snapshot

    async def events(self, owner: str, task_id: str, after: int) -> AsyncIterator[tuple[int, Event]]:
        """Every event behind number `after`, up to the terminal one, or until none came for a long time."""
        while True:
            batch = await self._journal.read(owner, task_id, after)
            for number, event in batch:
                after = number
                yield number, event
                if state_of(event) in TERMINAL:
                    return
            if not batch and not await self._journal.wait(task_id, after, self._limits.stream_idle_seconds):
                return

    async def answer(self, ticket: Ticket) -> Task:
        """The task when the ticket's turn is over: at a terminal or an interrupted state (section 3.1.1)."""
        task_id, owner = ticket.snapshot.task.id, ticket.turn.owner
        after = await ticket.turn.started
        async for _, event in self.events(owner, task_id, after):
            if is_resting(event):
                break
        return (await self._journal.get(owner, task_id)).task

    async def drain(self, seconds: float) -> None:
        """Takes no new work, lets what runs finish for `seconds`, then ends what is left with a reason.

        Tasks that wait for their callers end too where the journal does not outlive the process.
        """
        self._closed = True
        await self._settle(seconds)
        left = {task_id: job.owner for task_id, job in self._jobs.items()}
        for job in self._jobs.values():
            job.interrupt(Stop.SHUTDOWN)
        await self._settle(2 * self._limits.cancel_seconds)
        if not self._journal.durable:
            for task_id, (handle, turn) in self._waiting.items():
                handle.cancel()
                left[task_id] = turn.owner
            self._waiting.clear()
            for task_id, owner in left.items():
                await self._close_idle(owner, task_id, TaskState.TASK_STATE_FAILED, STOPPED)
        if self._ending:
            await asyncio.wait(self._ending, timeout=1.0)

    async def _settle(self, seconds: float) -> None:
        workers = {job.worker for job in self._jobs.values()}
        if workers:
            await asyncio.wait(workers, timeout=seconds)


def _may_pass(error: BaseException) -> bool:
    """Whether writing again may help: not where the task is gone, nor when this very work is being stopped."""
    return isinstance(error, Exception) and not isinstance(error, TaskUnknown)
