"""The engine's promise: whatever an executor does, its task ends exactly once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from a2a.server.agent_execution import RequestContext
from a2a.server.events import EventQueue
from a2a.types import Artifact, Message, Part, Role, Task, TaskArtifactUpdateEvent, TaskState
from a2a.utils.errors import InvalidParamsError, TaskNotCancelableError, UnsupportedOperationError

from crossdock.errors import Failed, Rejected, TryLater
from crossdock.tasks import engine
from crossdock.tasks.engine import EngineLimits, TaskEngine, Ticket
from crossdock.tasks.events import TERMINAL, Event, state_of
from crossdock.tasks.journal import (
    Entry,
    IdempotencyKey,
    JournalDown,
    JournalLimits,
    Lease,
    Logged,
    Snapshot,
    TaskFilter,
    TaskUnknown,
)
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.queue import JournalQueue
from crossdock.tasks.resumption import Resumption, Resumptions
from crossdock.tasks.worker import Held, Worker
from tests.support.executors import Behaviour, Recorder, Scripted, call_context, complete, message, state
from tests.support.replicas import crash

COMPLETED = TaskState.TASK_STATE_COMPLETED
FAILED = TaskState.TASK_STATE_FAILED
CANCELED = TaskState.TASK_STATE_CANCELED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED


class Bench:
    """An engine with one scripted executor and all that a test looks at."""

    def __init__(
        self,
        behaviour: Behaviour,
        *,
        journal: MemoryJournal | None = None,
        kept: JournalLimits | None = None,
        resumption: Resumptions | None = None,
        direct: bool = False,
        **limits: float,
    ) -> None:
        self.executor = Scripted(behaviour)
        self.journal = journal or MemoryJournal(kept or JournalLimits(lease=0.2))
        self.recorder = Recorder()
        limits.setdefault("cancel_seconds", 0.3)
        self.engine = TaskEngine(
            self.executor,
            self.journal,
            self.recorder,
            EngineLimits(**limits),  # type: ignore[arg-type]
            resumption or Resumptions({}),
            direct_messages=direct,
        )
        self._started = False

    async def submit(self, text: str = "hello", owner: str = "acme", **ids: str) -> Ticket:
        if not self._started:
            self._started = True
            await self.engine.start()
        return await self.engine.submit(owner, message(text, **ids), call_context())

    async def answer(self, text: str = "hello", **ids: str) -> Task:
        async with asyncio.timeout(10):
            return await self.engine.answer(await self.submit(text, **ids))

    async def log(self, task_id: str) -> list[tuple[int, Event]]:
        return [(logged.number, logged.event) for logged in await self.journal.read("acme", task_id, 0)]

    async def ends(self, task_id: str) -> int:
        return sum(state_of(event) in TERMINAL for _, event in await self.log(task_id))


def text_of(task: Task) -> str:
    return task.status.message.parts[0].text


async def forever(context: RequestContext, queue: EventQueue) -> None:
    await asyncio.Event().wait()


async def test_artifacts_come_before_the_one_end_and_numbers_have_no_gap() -> None:
    bench = Bench(complete)
    task = await bench.answer()
    log = await bench.log(task.id)
    assert task.status.state == COMPLETED
    assert [number for number, _ in log] == [1, 2, 3, 4]
    assert [type(event).__name__ for _, event in log] == [
        "Task",
        "TaskStatusUpdateEvent",
        "TaskArtifactUpdateEvent",
        "TaskStatusUpdateEvent",
    ]


async def test_an_exception_ends_the_task_and_its_text_stays_inside() -> None:
    async def crash(context: RequestContext, queue: EventQueue) -> None:
        raise RuntimeError("db password=hunter2")

    bench = Bench(crash)
    task = await bench.answer()
    assert task.status.state == FAILED
    assert "hunter2" not in str(task)
    assert "abc123" in text_of(task)
    assert str(bench.recorder.faults[0]) == "db password=hunter2"
    assert await bench.ends(task.id) == 1


@pytest.mark.parametrize(
    ("error", "expected"), [(Rejected("Send a file."), TaskState.TASK_STATE_REJECTED), (Failed("No luck."), FAILED)]
)
async def test_a_public_error_reaches_the_caller_in_its_own_words(error: Exception, expected: TaskState) -> None:
    async def refuse(context: RequestContext, queue: EventQueue) -> None:
        raise error

    task = await Bench(refuse).answer()
    assert (task.status.state, text_of(task)) == (expected, str(error))


async def test_an_executor_that_says_nothing_fails() -> None:
    async def silent(context: RequestContext, queue: EventQueue) -> None:
        return

    assert (await Bench(silent).answer()).status.state == FAILED


async def test_an_exception_after_the_end_changes_nothing() -> None:
    async def late(context: RequestContext, queue: EventQueue) -> None:
        await complete(context, queue)
        await state(queue, FAILED)
        raise RuntimeError("too late")

    bench = Bench(late)
    task = await bench.answer()
    assert task.status.state == COMPLETED
    assert await bench.ends(task.id) == 1


class Flaky(MemoryJournal):
    """Refuses the first `failures` writes of a terminal state, with `error`."""

    failures = 2
    error: type[Exception] = JournalDown

    async def append(self, lease: Lease, entries: Sequence[Entry], **options: Any) -> int:
        if self.failures and state_of(entries[0].event) in TERMINAL:
            self.failures -= 1
            raise self.error
        return await super().append(lease, entries, **options)


async def test_an_end_that_the_journal_does_not_take_at_first_is_written_again() -> None:
    bench = Bench(crash_twice, journal=Flaky())
    assert (await bench.answer()).status.state == FAILED


class Failing(Flaky):
    failures = 1
    error = RuntimeError


async def crash_twice(context: RequestContext, queue: EventQueue) -> None:
    try:
        raise RuntimeError("first")
    except RuntimeError as error:
        raise RuntimeError("while it told of the first") from error


async def failed_once(seconds: float) -> None:
    """Of an executor whose own error path fails, and then what tells of that fails as well."""
    bench = Bench(crash_twice, journal=Failing(JournalLimits(lease=60.0)))
    async with asyncio.timeout(seconds):
        task = await bench.answer()
    assert task.status.state == FAILED
    assert await bench.ends(task.id) == 1


async def test_an_error_in_the_error_path_leaves_no_zombie() -> None:
    await failed_once(seconds=5.0)


class Unguarded(Worker):
    """Without the net below a turn, as in servers whose error path is one more call that can fail."""

    async def _hold(self, held: Held) -> None:
        await self._turn(held)


async def test_without_the_net_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: the test above fails, and the task would be at work until its lease ends."""
    monkeypatch.setattr(engine, "Worker", Unguarded)
    with pytest.raises(TimeoutError):
        await failed_once(seconds=1.0)


async def test_a_journal_that_fails_in_the_middle_ends_the_task() -> None:
    class Forgetful(MemoryJournal):
        async def append(self, lease: Lease, entries: Sequence[Entry], **options: Any) -> int:
            if state_of(entries[0].event) not in TERMINAL:
                raise ConnectionError("redis://:secret@host went away")
            return await super().append(lease, entries, **options)

    task = await Bench(complete, journal=Forgetful()).answer()
    assert task.status.state == FAILED
    assert "secret" not in str(task)


async def test_a_chunk_of_nothing_ends_the_task_and_nobody_stumbles_over_it() -> None:
    async def append(context: RequestContext, queue: EventQueue) -> None:
        await queue.enqueue_event(TaskArtifactUpdateEvent(artifact=Artifact(artifact_id="none"), append=True))

    bench = Bench(append)
    task = await bench.answer()
    assert task.status.state == FAILED
    assert await bench.ends(task.id) == 1


async def test_the_deadline_ends_the_task() -> None:
    bench = Bench(forever, task_seconds=0.05)
    task = await bench.answer()
    assert task.status.state == FAILED
    assert "limit of 0.05 s" in text_of(task)
    assert bench.executor.canceled.is_set()


async def unmoved(release: asyncio.Event) -> None:
    """Waits, whoever cancels it."""
    while not release.is_set():
        try:
            await release.wait()
        except asyncio.CancelledError:
            continue


async def test_an_executor_that_cannot_be_stopped_is_left_behind() -> None:
    release = asyncio.Event()

    async def stubborn(context: RequestContext, queue: EventQueue) -> None:
        await unmoved(release)
        await state(queue, COMPLETED)

    bench = Bench(stubborn, task_seconds=0.05, cancel_seconds=0.05)
    task = await bench.answer()
    release.set()
    await asyncio.sleep(0)
    assert (await bench.journal.get("acme", task.id)).task.status.state == FAILED
    assert await bench.ends(task.id) == 1


async def test_the_fault_of_an_executor_left_behind_is_told() -> None:
    release = asyncio.Event()

    async def stubborn(context: RequestContext, queue: EventQueue) -> None:
        await unmoved(release)
        raise RuntimeError("late")

    bench = Bench(stubborn, task_seconds=0.05, cancel_seconds=0.05)
    await bench.answer()
    assert bench.recorder.faults == []
    release.set()
    async with asyncio.timeout(10):
        while not bench.recorder.faults:  # noqa: ASYNC110 - nobody waits for it any more
            await asyncio.sleep(0.01)
    assert [str(error) for error in bench.recorder.faults] == ["late"]


async def test_no_executor_outlives_its_worker() -> None:
    cleaned = asyncio.Event()

    async def work(context: RequestContext, queue: EventQueue) -> None:
        try:
            await forever(context, queue)
        finally:
            cleaned.set()

    bench = Bench(work)
    await bench.submit()
    await bench.executor.started.wait()
    await crash(bench.engine, bench.journal)
    async with asyncio.timeout(10):
        await cleaned.wait()


async def test_cancel_reaches_the_executor_and_is_final() -> None:
    cleaned = asyncio.Event()

    async def work(context: RequestContext, queue: EventQueue) -> None:
        try:
            await forever(context, queue)
        finally:
            cleaned.set()
            await state(queue, COMPLETED)
            raise RuntimeError("in the clean-up")

    async def broken(context: RequestContext, queue: EventQueue) -> None:
        raise RuntimeError("in cancel()")

    bench = Bench(work)
    bench.executor.on_cancel = broken
    ticket = await bench.submit()
    await bench.executor.started.wait()
    task_id = ticket.snapshot.task.id
    first, second = await asyncio.gather(
        bench.engine.cancel("acme", task_id), bench.engine.cancel("acme", task_id), return_exceptions=True
    )
    states = {item.task.status.state for item in (first, second) if not isinstance(item, BaseException)}
    assert cleaned.is_set()
    assert bench.executor.canceled.is_set()
    # The executor said COMPLETED while it was being stopped: whichever was stored first stands, alone.
    final = (await bench.journal.get("acme", task_id)).task.status.state
    assert states <= {final}
    assert await bench.ends(task_id) == 1


async def test_cancel_of_a_waiting_executor_says_canceled() -> None:
    bench = Bench(forever)
    ticket = await bench.submit()
    await bench.executor.started.wait()
    snapshot = await bench.engine.cancel("acme", ticket.snapshot.task.id)
    assert snapshot.task.status.state == CANCELED
    assert await bench.engine.cancel("acme", ticket.snapshot.task.id) == snapshot


async def test_cancel_of_a_task_that_ended_by_itself_is_refused() -> None:
    bench = Bench(complete)
    task = await bench.answer()
    with pytest.raises(TaskNotCancelableError):
        await bench.engine.cancel("acme", task.id)


async def test_cancels_of_a_task_whose_holder_is_silent_end_it_once() -> None:
    """Each gives the holder up at the same time; only one of them ends the task."""
    bench = Bench(forever, cancel_seconds=0.02)
    ticket = await bench.submit()
    task_id = ticket.snapshot.task.id
    await bench.executor.started.wait()
    await bench.journal.seize(task_id, "silent")
    found = await asyncio.gather(*(bench.engine.cancel("acme", task_id) for _ in range(4)))
    assert {snapshot.task.status.state for snapshot in found} == {CANCELED}
    assert await bench.ends(task_id) == 1


async def test_cancel_before_the_first_step_never_starts_the_executor() -> None:
    bench = Bench(complete, running=1)
    ticket = await bench.submit()
    snapshot = await bench.engine.cancel("acme", ticket.snapshot.task.id)
    assert snapshot.task.status.state == CANCELED
    assert bench.executor.runs == 0
    assert (await bench.engine.answer(ticket)).status.state == CANCELED


async def test_a_queued_task_is_canceled_without_a_start() -> None:
    bench = Bench(forever, running=1)
    await bench.submit()
    await bench.executor.started.wait()
    queued = await bench.submit()
    await bench.engine.cancel("acme", queued.snapshot.task.id)
    assert bench.executor.runs == 1


async def test_a_full_queue_says_try_later() -> None:
    bench = Bench(forever, running=1, kept=JournalLimits(queued=2))
    for _ in range(3):
        await bench.submit()
    with pytest.raises(TryLater):
        await bench.submit()


async def test_a_stop_ends_running_queued_and_waiting_tasks() -> None:
    async def ask_or_wait(context: RequestContext, queue: EventQueue) -> None:
        if context.get_user_input() == "ask":
            await state(queue, ASKS)
        else:
            await forever(context, queue)

    bench = Bench(ask_or_wait, running=1)
    asked = await bench.answer("ask")
    running = await bench.submit("wait")
    queued = await bench.submit("wait")
    await bench.engine.drain(0.05)
    for task_id in (asked.id, running.snapshot.task.id, queued.snapshot.task.id):
        task = (await bench.journal.get("acme", task_id)).task
        assert (task.status.state, "stopped" in text_of(task)) == (FAILED, True)
        assert await bench.ends(task_id) == 1
    with pytest.raises(TryLater):
        await bench.submit()


async def test_a_stop_lets_running_tasks_finish() -> None:
    go = asyncio.Event()

    async def finish(context: RequestContext, queue: EventQueue) -> None:
        await go.wait()
        await complete(context, queue)

    bench = Bench(finish)
    ticket = await bench.submit()
    drain = asyncio.create_task(bench.engine.drain(5))
    go.set()
    await drain
    assert (await bench.engine.answer(ticket)).status.state == COMPLETED


async def test_an_unanswered_question_ends_the_task() -> None:
    async def ask(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, ASKS)

    bench = Bench(ask, kept=JournalLimits(lease=0.2, interrupted=0.05))
    task = await bench.answer()
    assert task.status.state == ASKS
    async with asyncio.timeout(5):
        states = [state_of(logged.event) async for logged in bench.engine.events("acme", task.id, 0)]
    assert states[-1] == FAILED


async def test_a_second_message_waits_for_the_first_and_both_are_answered() -> None:
    go = asyncio.Event()

    async def echo(context: RequestContext, queue: EventQueue) -> None:
        if context.get_user_input() == "first":
            await go.wait()
            await state(queue, ASKS)
        else:
            await complete(context, queue)

    bench = Bench(echo)
    first = await bench.submit("first")
    second = await bench.submit("second", task_id=first.snapshot.task.id)
    go.set()
    assert (await bench.engine.answer(first)).id == first.snapshot.task.id
    task = await bench.engine.answer(second)
    assert task.status.state == COMPLETED
    said = [part.text for item in task.history for part in item.parts if item.role == Role.ROLE_USER]
    assert said == ["first", "second"]


async def test_messages_to_ended_strange_and_other_contexts_tasks_are_refused() -> None:
    bench = Bench(complete)
    task = await bench.answer()
    with pytest.raises(UnsupportedOperationError):
        await bench.submit(task_id=task.id)
    with pytest.raises(TaskUnknown):
        await bench.submit(task_id="unknown")
    with pytest.raises(TaskUnknown):
        await bench.submit(owner="globex", task_id=task.id)


async def test_another_tasks_context_is_refused() -> None:
    async def ask(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, ASKS)

    bench = Bench(ask)
    task = await bench.answer()
    with pytest.raises(InvalidParamsError):
        await bench.submit(task_id=task.id, context_id="another")
    assert (await bench.answer(task_id=task.id)).context_id == task.context_id


async def test_a_lone_message_completes_the_task() -> None:
    async def reply(context: RequestContext, queue: EventQueue) -> None:
        await queue.enqueue_event(Message(message_id="r", role=Role.ROLE_AGENT, parts=[Part(text="hi")]))

    task = await Bench(reply).answer()
    assert (task.status.state, text_of(task)) == (COMPLETED, "hi")


async def say(context: RequestContext, queue: EventQueue) -> None:
    await queue.enqueue_event(Message(message_id="r", role=Role.ROLE_AGENT, parts=[Part(text="hi")]))
    await complete(context, queue)  # too late: the message was the answer


async def test_a_lone_message_leaves_no_task_where_it_is_declared() -> None:
    bench = Bench(say, direct=True)
    ticket = await bench.submit()
    async with asyncio.timeout(5):
        answer = await bench.engine.lone_message(ticket)
    assert answer is not None
    assert (answer.parts[0].text, answer.task_id) == ("hi", "")
    assert answer.context_id == ticket.snapshot.task.context_id
    assert (await bench.journal.list("acme", TaskFilter(), "", 10)).total == 0
    assert bench.recorder.states[-1] == (ticket.snapshot.task.id, COMPLETED)


async def test_work_that_begins_with_an_event_is_a_task_although_messages_are_declared() -> None:
    bench = Bench(complete, direct=True)
    ticket = await bench.submit()
    async with asyncio.timeout(5):
        assert await bench.engine.lone_message(ticket) is None
        assert (await bench.engine.answer(ticket)).status.state == COMPLETED


async def test_who_is_answered_at_once_gets_a_task_for_a_message_that_comes_late() -> None:
    go = asyncio.Event()

    async def late(context: RequestContext, queue: EventQueue) -> None:
        await go.wait()
        await say(context, queue)

    bench = Bench(late, direct=True)
    ticket = await bench.submit()
    async with asyncio.timeout(5):
        assert await bench.engine.lone_message(ticket, at_once=True) is None
        go.set()
        task = await bench.engine.answer(ticket)
    assert (task.status.state, text_of(task)) == (COMPLETED, "hi")


async def test_a_message_that_waits_for_a_free_worker_becomes_a_task() -> None:
    go = asyncio.Event()

    async def wait(context: RequestContext, queue: EventQueue) -> None:
        await go.wait()
        await say(context, queue)

    bench = Bench(wait, direct=True, running=1)
    first, second = await bench.submit(), await bench.submit()
    assert second.held is None
    go.set()
    async with asyncio.timeout(5):
        assert await bench.engine.lone_message(first) is not None
        assert await bench.engine.lone_message(second) is None
        task = await bench.engine.answer(second)
    assert (task.status.state, text_of(task)) == (COMPLETED, "hi")


async def test_a_cancel_in_front_of_the_message_leaves_a_canceled_task() -> None:
    async def never(context: RequestContext, queue: EventQueue) -> None:
        await asyncio.Event().wait()

    bench = Bench(never, direct=True)
    ticket = await bench.submit()
    await bench.executor.started.wait()
    async with asyncio.timeout(5):
        lone, canceled = await asyncio.gather(
            bench.engine.lone_message(ticket), bench.engine.cancel("acme", ticket.snapshot.task.id)
        )
    assert (lone, canceled.task.status.state) == (None, CANCELED)
    assert (await bench.engine.answer(ticket)).status.state == CANCELED


async def test_an_answer_under_a_key_stays_a_task() -> None:
    bench = Bench(say, direct=True)
    await bench.engine.start()
    key = IdempotencyKey("k", "digest")
    async with asyncio.timeout(5):
        tickets = [await bench.engine.submit("acme", message(), call_context(), key=key) for _ in range(2)]
        answers = [await bench.engine.answer(ticket) for ticket in tickets]
    assert answers[0] == answers[1]
    assert bench.executor.runs == 1


async def test_a_message_whose_record_cannot_be_deleted_is_not_told_twice() -> None:
    bench = Bench(say, direct=True)
    ticket = await bench.submit()
    await bench.journal.seize(ticket.snapshot.task.id, "another")
    async with asyncio.timeout(5):
        assert await bench.engine.lone_message(ticket) is None
    assert (await bench.journal.get("acme", ticket.snapshot.task.id)).sequence == 1


async def test_earlier_tasks_of_the_context_are_given_to_their_owner_only() -> None:
    seen: list[list[str]] = []

    async def remember(context: RequestContext, queue: EventQueue) -> None:
        seen.append([task.history[0].parts[0].text for task in context.related_tasks])
        await complete(context, queue)

    bench = Bench(remember)
    await bench.answer("one", context_id="c")
    await bench.engine.answer(await bench.submit("theirs", owner="globex", context_id="c"))
    await bench.answer("two", context_id="c")
    assert seen == [[], [], ["one"]]


async def test_nothing_is_left_behind() -> None:
    bench = Bench(complete)
    await asyncio.gather(*(bench.answer() for _ in range(20)))
    async with asyncio.timeout(5):
        await asyncio.gather(*(held.worker for held in bench.engine._worker.held.values()))
        await asyncio.sleep(0)
    assert not bench.engine._worker.held
    page = await bench.journal.list("acme", TaskFilter(), "", 100)
    assert page.total == 20


async def test_messages_that_wait_behind_the_end_of_a_task_are_answered() -> None:
    go = asyncio.Event()

    async def finish(context: RequestContext, queue: EventQueue) -> None:
        await go.wait()
        await complete(context, queue)

    bench = Bench(finish)
    first = await bench.submit("first")
    late = [await bench.submit("late", task_id=first.snapshot.task.id) for _ in range(3)]
    go.set()
    async with asyncio.timeout(5):
        answers = [await bench.engine.answer(ticket) for ticket in (first, *late)]
    assert {task.status.state for task in answers} == {COMPLETED}


class Shared(MemoryJournal):
    """Of those that outlive a process."""

    durable = True

    async def stranded(self) -> list[str]:
        return []


@pytest.mark.parametrize(
    ("resumption", "left"), [(Resumption.NEVER, FAILED), (Resumption.RESTART, TaskState.TASK_STATE_WORKING)]
)
async def test_a_stop_gives_back_what_may_be_run_again_only(resumption: Resumption, left: TaskState) -> None:
    handed_over: list[bool] = []

    async def work(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, TaskState.TASK_STATE_WORKING)
        try:
            await asyncio.Event().wait()
        finally:
            assert isinstance(queue, JournalQueue)
            handed_over.append(queue.handed_over)

    bench = Bench(work, journal=Shared(JournalLimits(lease=0.2)), resumption=Resumptions({"*": resumption}))
    ticket = await bench.submit()
    await bench.executor.started.wait()
    await bench.engine.drain(0.1)
    snapshot = await bench.journal.get("acme", ticket.snapshot.task.id)
    assert snapshot.task.status.state == left
    assert handed_over == [left != FAILED]
    await bench.engine.close()


async def test_an_executor_is_told_that_somebody_else_goes_on() -> None:
    seen: list[bool] = []

    async def work(context: RequestContext, queue: EventQueue) -> None:
        assert isinstance(queue, JournalQueue)
        await state(queue, TaskState.TASK_STATE_WORKING)
        await bench.journal.seize(str(context.task_id), "another")
        try:
            await state(queue, TaskState.TASK_STATE_COMPLETED)
        finally:
            seen.append(queue.handed_over)

    bench = Bench(work)
    ticket = await bench.submit()
    async with asyncio.timeout(10):
        while not seen:  # noqa: ASYNC110 - nobody tells when a former holder is done
            await asyncio.sleep(0.01)
    snapshot = await bench.journal.get("acme", ticket.snapshot.task.id)
    assert (seen, snapshot.task.status.state == COMPLETED) == ([True], False)
    await bench.engine.drain(0.1)
    await bench.engine.close()


async def test_a_repeated_message_begins_before_its_turns_end() -> None:
    async def ask(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, ASKS)

    bench = Bench(ask)
    first = await bench.submit()
    await bench.engine.answer(first)
    task_id, key = first.snapshot.task.id, IdempotencyKey("k", "digest")

    async def answered() -> Ticket:
        return await bench.engine.submit("acme", message("yes", task_id=task_id), call_context(), key=key)

    await bench.engine.answer(await answered())
    again = await answered()
    beginning = await bench.engine.beginning(again)
    assert (again.again, again.turn) == (True, 2)
    assert (beginning.sequence, beginning.task.status.state) == (
        again.snapshot.sequence - 1,
        TaskState.TASK_STATE_WORKING,
    )
    await bench.engine.cancel("acme", task_id)
    ended = await bench.engine.beginning(await answered())
    assert ended.task.status.state == CANCELED
    assert (await bench.engine.answer(await answered())).status.state == CANCELED


class Deaf(MemoryJournal):
    """Can be written, but not read."""

    async def read(self, owner: str, task_id: str, after: int, limit: int = 256) -> list[Logged]:
        raise AssertionError("the journal was read")

    async def get(self, owner: str, task_id: str, upto: int | None = None) -> Snapshot:
        raise AssertionError("the journal was read")


@pytest.mark.parametrize("slow", [False, True])
async def test_a_callers_own_replica_answers_from_memory(slow: bool) -> None:
    async def work(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, TaskState.TASK_STATE_WORKING)
        if slow:
            await asyncio.sleep(0.02)
        await complete(context, queue)

    bench = Bench(work, journal=Deaf())
    async with asyncio.timeout(10):
        ticket = await bench.submit()
        seen = [logged async for logged in bench.engine.events("acme", ticket.snapshot.task.id, 1, ticket)]
        assert (await bench.engine.answer(ticket)).status.state == COMPLETED
    assert [logged.number for logged in seen] == list(range(2, len(seen) + 2))
    assert state_of(seen[-1].event) == COMPLETED
