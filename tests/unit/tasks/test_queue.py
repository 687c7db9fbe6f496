"""What an executor sends is stored once, also where the executor is stopped in the middle of a write."""

import asyncio
from collections.abc import Sequence
from typing import Any

from a2a.types import Artifact, Part, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus

from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import Entry, Lease
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.queue import JournalQueue
from crossdock.tasks.tail import Tail
from tests.support.executors import Recorder

COMPLETED = TaskState.TASK_STATE_COMPLETED
CANCELED = TaskState.TASK_STATE_CANCELED


class Mute(MemoryJournal):
    """Stores what it is given, and keeps the first answer back."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.appends = 0

    async def append(self, lease: Lease, entries: Sequence[Entry], **options: Any) -> int:
        self.appends += 1
        number = await super().append(lease, entries, **options)
        if not self.asked.is_set():
            self.asked.set()
            await asyncio.Event().wait()
        return number


def chunk() -> TaskArtifactUpdateEvent:
    return TaskArtifactUpdateEvent(artifact=Artifact(artifact_id="a", parts=[Part(text="x")]))


async def working(journal: MemoryJournal) -> tuple[JournalQueue, Recorder, Tail]:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    task = Task(id="t", context_id="c", status=status)
    claim = (await journal.create("acme", task, b"turn", 60, worker="w")).claim
    assert claim is not None
    recorder, tail = Recorder(), Tail(claim.sequence)
    return JournalQueue(journal, recorder, claim.lease, task, tail=tail), recorder, tail


async def stopped_while_it_writes(journal: Mute, queue: JournalQueue, state: TaskState) -> None:
    async def execute() -> None:
        await queue.enqueue_event(chunk())
        await queue.enqueue_event(status_event("", "", state))

    executor = asyncio.create_task(execute())
    await journal.asked.wait()
    executor.cancel()
    await asyncio.wait({executor})


async def test_what_was_written_when_the_executor_was_stopped_counts_once() -> None:
    journal = Mute()
    queue, _, tail = await working(journal)
    await stopped_while_it_writes(journal, queue, TaskState.TASK_STATE_INPUT_REQUIRED)
    await queue.store(status_event("t", "c", CANCELED))
    log = await journal.read("acme", "t", 0)
    assert [item.number for item in log] == [1, 2, 3, 4]
    assert [item.number for item in tail.since(1) or []] == [2, 3, 4]
    assert queue.task == (await journal.get("acme", "t")).task
    assert queue.task.status.state == CANCELED


async def test_an_end_that_was_stored_when_the_executor_was_stopped_stands() -> None:
    journal = Mute()
    queue, _, _ = await working(journal)
    await stopped_while_it_writes(journal, queue, COMPLETED)
    await queue.store(status_event("t", "c", CANCELED))
    assert queue.state == COMPLETED
    assert queue.rested
    assert (await journal.get("acme", "t")).task == queue.task


async def test_what_is_ready_together_is_one_append() -> None:
    journal = Mute()
    journal.asked.set()
    queue, _, _ = await working(journal)
    for _ in range(3):
        await queue.enqueue_event(chunk())
    await queue.enqueue_event(status_event("", "", COMPLETED))
    assert journal.appends == 1
    assert len(await journal.read("acme", "t", 0)) == 5


async def test_events_before_something_slow_are_stored_meanwhile() -> None:
    journal = Mute()
    journal.asked.set()
    queue, _, tail = await working(journal)
    await queue.enqueue_event(chunk())
    async with asyncio.timeout(5):
        assert await tail.wait(1, 5)
    assert journal.appends == 1


async def test_a_write_that_is_given_up_is_made_all_the_same() -> None:
    journal = Mute()
    queue, _, tail = await working(journal)
    await stopped_while_it_writes(journal, queue, TaskState.TASK_STATE_INPUT_REQUIRED)
    assert await tail.wait(1, 5)
    assert [item.number for item in tail.since(1) or []] == [2, 3]


async def test_a_checkpoint_goes_with_the_events_before_it() -> None:
    journal = Mute()
    journal.asked.set()
    queue, _, _ = await working(journal)
    await queue.enqueue_event(chunk())
    await queue.checkpoint({"step": 1})
    assert journal.appends == 1
    assert await journal.checkpoint("t") == {"step": 1}


async def test_a_lazy_checkpoint_goes_with_the_next_event_or_after_a_moment() -> None:
    journal = Mute()
    journal.asked.set()
    queue, _, _ = await working(journal)
    await queue.checkpoint({"step": 1}, lazy=True)
    assert await journal.checkpoint("t") is None
    await queue.enqueue_event(status_event("", "", TaskState.TASK_STATE_INPUT_REQUIRED))
    assert (journal.appends, await journal.checkpoint("t")) == (1, {"step": 1})
    await queue.checkpoint({"step": 2}, lazy=True)
    async with asyncio.timeout(5):
        while await journal.checkpoint("t") != {"step": 2}:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)


async def test_a_background_write_that_is_cancelled_with_its_loop_is_not_begun_again() -> None:
    journal = Mute()
    queue, *_ = await working(journal)
    await queue.enqueue_event(chunk())
    await journal.asked.wait()
    (writing,) = asyncio.all_tasks() - {asyncio.current_task()}
    writing.cancel()
    await asyncio.wait([writing])
    for _ in range(3):
        await asyncio.sleep(0)
    assert journal.appends == 1
