"""Works claimed turns: one executor each, under a lease, until the turn is over."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import structlog
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.types import Message, Task, TaskState

from crossdock.errors import Public, Rejected, TryLater
from crossdock.ids import new_id
from crossdock.tasks.events import INTERRUPTED, TERMINAL, agent_message, copied, status_event
from crossdock.tasks.history import earlier_tasks
from crossdock.tasks.journal import Claim, JournalDown, Lease, LeaseLost, TaskEnded, TaskJournal, TaskUnknown
from crossdock.tasks.observer import TaskObserver
from crossdock.tasks.queue import JournalQueue
from crossdock.tasks.resumption import Resumption
from crossdock.tasks.retrying import patiently
from crossdock.tasks.tail import Tail
from crossdock.tasks.turns import Turn
from crossdock.telemetry.tracing import TaskSpan

log = structlog.get_logger(__name__)

DEADLINE = "deadline"
CHECKPOINT = "checkpoint"
IDLE = "idle"
"""Set while an executor is told that a task was cancelled that nobody works on."""
CANCELED = "Canceled at the caller's request."
STOPPED = "The service was stopped before the task was done. Send the request again."
UNANSWERED = "Nobody answered the agent's question in time. Send the request again."
POISON = "The agent stopped working three times over this task. Change the request, or tell the agent's operator."
VANISHED = "The replica that worked on the task was lost, and this work cannot be resumed. Send the request again."
POISONOUS = 3
GIVE_BACK_SECONDS = 30.0
"""For how long a turn is kept for others while the journal does not answer; then its lease has run out."""

End = tuple[TaskState, str]


class Stop(Enum):
    """Why a running turn is interrupted from outside."""

    CANCELED = "canceled"
    SHUTDOWN = "shutdown"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """`cancel_seconds` is what an executor has for its clean-up."""

    cancel_seconds: float = 2.0
    earlier_tasks: int = 10


class Held:
    """A claimed turn while this process has it; `task` and `turn` are known already where this process accepted it.

    `direct`: its caller still waits here for the first answer, which may be a lone message; `message` is that message
    once the task's record is gone. `queue` is there once the work has begun, `over` says that all is done.
    """

    worker: asyncio.Task[None]

    def __init__(self, claim: Claim, task: Task | None, turn: Turn | None, *, direct: bool = False) -> None:
        self.claim = claim
        self.task = task
        self.turn = turn
        self.direct = direct
        self.message: Message | None = None
        self.tail = Tail(claim.sequence)
        self.queue: JournalQueue | None = None
        self.stop: Stop | None = None
        self.over = False
        self._halt: asyncio.Future[None] | None = None

    def interrupt(self, reason: Stop) -> None:
        """The first reason stands, but for a lost lease: that one forbids all writing."""
        if self.stop is None or reason is Stop.LOST:
            self.stop = reason
        if reason is Stop.LOST:
            self.tail.close()
        self._go_on()

    def _go_on(self, _: object = None) -> None:
        if self._halt is not None and not self._halt.done():
            self._halt.set_result(None)

    async def done_or_stopped(self, work: "asyncio.Task[None]", seconds: float) -> None:
        """Returns when the work is done, when it is to stop, or after `seconds`."""
        if self.stop is not None:
            return
        loop = asyncio.get_running_loop()
        self._halt = loop.create_future()
        work.add_done_callback(self._go_on)
        timer = loop.call_later(seconds, self._go_on)
        await self._halt
        timer.cancel()
        work.remove_done_callback(self._go_on)

    def begin(self, queue: JournalQueue) -> None:
        self.queue = queue
        if self.direct:
            self.tail.bell.ring()

    def end(self) -> None:
        self.over = True
        self.tail.close()

    async def answer(self) -> Task | None:
        """The task when its turn is over, without a look at the journal; None if it is worked elsewhere meanwhile."""
        while not self.over and not (self.queue and self.queue.rested):
            await self.tail.bell.wait()
        queue = self.queue
        if queue is None or not queue.rested or queue.task.status.state != queue.state:
            return None
        return copied(queue.task)

    async def lone(self, seconds: float | None) -> Message | None:
        """The message that is the whole answer; None as soon as there is a task to tell of, or after `seconds`."""
        if not self.direct:
            return None
        while not self.over and not (self.queue and self.queue.opened):
            if not await self.tail.bell.wait(seconds if self.queue else None):
                break
        if self.queue is not None and not self.over:
            if self.queue.lone is None:
                self.queue.open()
            else:
                await asyncio.wait({self.worker})
        return self.message


class Worker:
    """`resumption` says of a task whether a turn of it can be run again; `idle` is called whenever a turn is over."""

    def __init__(
        self,
        executor: AgentExecutor,
        journal: TaskJournal,
        observer: TaskObserver,
        limits: WorkLimits,
        resumption: Callable[[Task], Resumption],
        idle: Callable[[], None],
    ) -> None:
        self._executor = executor
        self._journal = journal
        self._observer = observer
        self._limits = limits
        self._resumption = resumption
        self._idle = idle
        self.held: dict[str, Held] = {}

    def begin(self, claim: Claim, task: Task | None = None, turn: Turn | None = None, *, direct: bool = False) -> Held:
        """`task` and `turn` are the worker's from here on."""
        held = Held(claim, task, turn, direct=direct)
        if (former := self.held.get(claim.lease.task_id)) is not None:
            former.interrupt(Stop.LOST)  # we slept, lost the task, and got it back
        self.held[claim.lease.task_id] = held
        held.worker = asyncio.create_task(self._hold(held))
        held.worker.add_done_callback(lambda _: self._over(held))
        return held

    def tail(self, owner: str, task_id: str, after: int) -> Tail | None:
        """What is told of a task here, while this process works it and knows of event number `after`."""
        held = self.held.get(task_id)
        if held is None or held.claim.lease.owner != owner or held.tail.closed or held.tail.sequence < after:
            return None
        return held.tail

    def _over(self, held: Held) -> None:
        held.end()
        task_id = held.claim.lease.task_id
        if self.held.get(task_id) is held:
            del self.held[task_id]
        if not held.worker.cancelled() and (error := held.worker.exception()):
            self._observer.fault(held.claim.lease.owner, task_id, error)
        self._idle()

    async def _hold(self, held: Held) -> None:
        try:
            await self._turn(held)
        except (TaskEnded, TaskUnknown):
            return
        except LeaseLost:
            log.warning("lease_lost", task_id=held.claim.lease.task_id)
        except TryLater as error:  # the journal is away
            log.error("turn_abandoned", task_id=held.claim.lease.task_id, reason=str(error))
            await self._give_back(held)
        except Exception as error:  # noqa: BLE001 - our own mistake must not leave a task without an end
            text = self._fault(held.claim, error)
            await self.end(held.claim, (TaskState.TASK_STATE_FAILED, text))

    async def _give_back(self, held: Held) -> None:
        """Nobody vanished over this turn: somebody goes on with it as soon as the journal answers again."""
        resting = held.queue is not None and held.queue.resting
        with contextlib.suppress(JournalDown):
            await patiently(
                lambda: self._journal.release(held.claim.lease, give_back=not resting),
                seconds=GIVE_BACK_SECONDS,
                longest_pause=1.0,
            )

    async def _turn(self, held: Held) -> None:
        claim = held.claim
        lease = claim.lease
        task = held.task or await self._read(lease)
        queue = JournalQueue(
            self._journal, self._observer, lease, task, tail=held.tail, turn=claim.number, direct=held.direct
        )
        held.begin(queue)
        end = self._verdict(claim, task)
        if end is not None:
            await self._tell_idle(claim, task, queue)
        elif not claim.over and not (claim.begun and queue.resting):
            end = await self._run(held, task, queue)
        if held.stop is Stop.LOST:
            return
        if queue.lone is not None:
            await self._answer_directly(held, queue.lone)
            return
        if end is not None:
            await self._store_end(queue, task, end)
        await queue.flush()
        if queue.state not in TERMINAL:
            await self._journal.release(lease, give_back=held.stop is Stop.SHUTDOWN and not queue.resting)

    async def _read(self, lease: Lease) -> Task:
        snapshot = await self._journal.get(lease.owner, lease.task_id)
        self._observer.taken_up(lease.task_id, snapshot.accepted)
        return snapshot.task

    async def _answer_directly(self, held: Held, message: Message) -> None:
        """No task comes of this message: its record goes, and only then may its caller be answered."""
        lease = held.claim.lease
        await self._journal.delete(lease)
        held.message = message
        self._observer.state_changed(lease.owner, lease.task_id, message.context_id, TaskState.TASK_STATE_COMPLETED)

    def _verdict(self, claim: Claim, task: Task) -> End | None:
        """How a claimed task ends without being worked; None for one that is to be worked."""
        state = task.status.state
        if claim.canceled:
            return TaskState.TASK_STATE_CANCELED, CANCELED
        if claim.seconds <= 0:
            asked = claim.over and state in INTERRUPTED
            return TaskState.TASK_STATE_FAILED, UNANSWERED if asked else _overdue(Turn.decode(claim.turn).seconds)
        if claim.lost >= POISONOUS:
            return TaskState.TASK_STATE_FAILED, POISON
        if claim.lost and not claim.over and state not in INTERRUPTED and self._resumption(task) is Resumption.NEVER:
            return TaskState.TASK_STATE_FAILED, VANISHED
        return None

    async def _run(self, held: Held, task: Task, queue: JournalQueue) -> End | None:
        """Runs the executor once; returns how the task ends if the executor did not say so itself."""
        claim = held.claim
        turn = held.turn or Turn.decode(claim.turn)
        if not claim.begun:
            await queue.begin(turn.request.message, turn.begun().encode())
        context = await self._context(turn, claim, task)
        if held.stop is not None:
            return self._interrupted(held, task)
        work = asyncio.create_task(self._traced(held, turn, context, queue))
        try:
            await held.done_or_stopped(work, claim.seconds)
        except asyncio.CancelledError:
            self._abandon(work, claim)
            raise
        if work.done():
            error = _ended_with(work)
            await queue.flush()
            return self._outcome(claim, error, queue)
        goes_on = held.stop is Stop.SHUTDOWN and self._interrupted(held, task) is None
        queue.handed_over = goes_on or held.stop is Stop.LOST
        await self._stop(work, context, queue, claim)
        if held.stop is not None:
            return self._interrupted(held, task)
        return TaskState.TASK_STATE_FAILED, _overdue(turn.seconds)

    def _interrupted(self, held: Held, task: Task) -> End | None:
        if held.stop is Stop.CANCELED:
            return TaskState.TASK_STATE_CANCELED, CANCELED
        if held.stop is Stop.SHUTDOWN and self._journal.durable and self._resumption(task) is not Resumption.NEVER:
            return None
        return TaskState.TASK_STATE_FAILED, STOPPED

    async def _traced(self, held: Held, turn: Turn, context: RequestContext, queue: JournalQueue) -> None:
        accepted_here = held.turn is not None  # then the span of its caller's request is the current one
        carrier = None if accepted_here else turn.trace
        with TaskSpan(str(context.task_id), carrier, watched=accepted_here and not turn.detached):
            await self._executor.execute(context, queue)

    def _outcome(self, claim: Claim, error: BaseException | None, queue: JournalQueue) -> End | None:
        if isinstance(error, LeaseLost | JournalDown):
            raise error
        if queue.resting or queue.lone is not None:
            if error is not None and not isinstance(error, Public):
                self._fault(claim, error)
            return None
        if error is None:
            return TaskState.TASK_STATE_FAILED, "The agent stopped without a result. Send the request again."
        if isinstance(error, Rejected):
            return TaskState.TASK_STATE_REJECTED, str(error)
        if isinstance(error, Public):
            return TaskState.TASK_STATE_FAILED, str(error)
        return TaskState.TASK_STATE_FAILED, self._fault(claim, error)

    def _fault(self, claim: Claim, error: BaseException) -> str:
        error_id = self._observer.fault(claim.lease.owner, claim.lease.task_id, error)
        return f"Something went wrong inside the agent (error {error_id}). Give this id to its operator."

    async def _stop(
        self, work: "asyncio.Task[None]", context: RequestContext, queue: JournalQueue, claim: Claim
    ) -> None:
        """Stops an executor for good: one whose clean-up does not end is left behind, and its writes are refused."""
        self._abandon(work, claim)
        await self._tell_executor(context, queue, claim)
        await asyncio.wait({work}, timeout=self._limits.cancel_seconds)
        if not work.done():
            log.error("executor_does_not_stop", task_id=context.task_id)

    def _abandon(self, work: "asyncio.Task[None]", claim: Claim) -> None:
        """Nobody waits for the executor's end any more; its faults are told whenever that comes."""

        def over(_: object) -> None:
            if not work.cancelled() and (error := work.exception()) and not isinstance(error, LeaseLost):
                self._fault(claim, error)

        work.cancel()
        work.add_done_callback(over)

    async def _tell_executor(self, context: RequestContext, queue: JournalQueue, claim: Claim) -> None:
        """Calls the executor's own `cancel()`, for executors that have something to stop beside their coroutine."""
        try:
            async with asyncio.timeout(self._limits.cancel_seconds):
                await self._executor.cancel(context, queue)
        except LeaseLost:
            return
        except Exception as error:  # noqa: BLE001 - a failing clean-up must not keep the task from ending
            self._fault(claim, error)

    async def _tell_idle(self, claim: Claim, task: Task, queue: JournalQueue) -> None:
        """Lets the executor of a task that nobody works on give up what it holds elsewhere."""
        if task.status.state == TaskState.TASK_STATE_SUBMITTED or not claim.turn:
            return
        try:
            context = await self._context(Turn.decode(claim.turn), claim, task)
        except Exception as error:  # noqa: BLE001 - as in `_tell_executor`
            self._fault(claim, error)
            return
        context.call_context.state[IDLE] = True
        await self._tell_executor(context, queue, claim)

    async def end(self, claim: Claim, end: End) -> None:
        """Ends a task that nobody works on."""
        try:
            task = await self._read(claim.lease)
            queue = JournalQueue(self._journal, self._observer, claim.lease, task)
            await self._store_end(queue, task, end)
        except (TaskUnknown, TaskEnded, LeaseLost):
            return

    async def _store_end(self, queue: JournalQueue, task: Task, end: End) -> None:
        state, text = end
        await queue.store(status_event(task.id, task.context_id, state, agent_message(task, text, new_id())))

    async def _context(self, turn: Turn, claim: Claim, task: Task) -> RequestContext:
        lease = claim.lease
        request = turn.addressed(task)
        context = turn.context()
        context.state[DEADLINE] = asyncio.get_running_loop().time() + claim.seconds
        if turn.follows or claim.resumed:  # the first run of a first turn has none
            context.state[CHECKPOINT] = await self._journal.checkpoint(lease.task_id)
        earlier = await earlier_tasks(
            self._journal, lease.owner, task, request.message, self._limits.earlier_tasks, new_context=turn.new_context
        )
        return RequestContext(
            context,
            request=request,
            task_id=task.id,
            context_id=task.context_id,
            task=copied(task) if turn.follows else None,  # an SDK executor may change what it is given
            related_tasks=earlier,
        )


def _ended_with(work: "asyncio.Task[None]") -> BaseException | None:
    return asyncio.CancelledError() if work.cancelled() else work.exception()


def _overdue(seconds: float) -> str:
    return f"The task took longer than its limit of {seconds:g} s and was stopped."
