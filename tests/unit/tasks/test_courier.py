"""How notifications are carried: order, pauses, fairness, and what happens when a courier or its store goes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from a2a.types import Task, TaskPushNotificationConfig, TaskState, TaskStatus

from crossdock.tasks.courier import Courier, CourierPolicy, NotTaken
from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import Entry, JournalDown, Lease, Logged
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.outbox import Delivery

WORKING = TaskState.TASK_STATE_WORKING
QUICK = CourierPolicy(first_wait=0.01, seconds=5.0, margin=5.0, poll=0.01, farewell=0.0)


@dataclass
class Place:
    """Where everything arrives; `fail` may raise what a webhook says, `shut` names those that hang."""

    arrived: list[tuple[str, int]] = field(default_factory=list)
    shut: set[str] = field(default_factory=set)
    fail: Callable[[str, int], None] = lambda _, __: None
    failures: list[tuple[str, int, bool]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def post(self, config: TaskPushNotificationConfig, logged: Logged) -> None:
        self.arrived.append((config.task_id, logged.number))
        self.changed.set()
        if config.task_id in self.shut:
            await asyncio.Event().wait()
        self.fail(config.task_id, logged.number)

    def delivered(self, delivery: Delivery, number: int) -> None:
        self.changed.set()

    def failed(self, delivery: Delivery, reason: str, *, attempts: int, dead: bool) -> None:
        self.failures.append((reason, attempts, dead))
        self.changed.set()

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not holds():
                self.changed.clear()
                await self.changed.wait()

    def of(self, task_id: str) -> list[int]:
        return [number for task, number in self.arrived if task == task_id]


@asynccontextmanager
async def courier(journal: MemoryJournal, place: Place, policy: CourierPolicy = QUICK) -> AsyncIterator[Courier]:
    made = Courier(journal, place.post, place, policy)
    running = asyncio.create_task(made.run())
    await asyncio.sleep(0)  # a task that is cancelled before its first step has no end either
    try:
        yield made
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def begun(journal: MemoryJournal, task_id: str = "t", owner: str = "acme") -> Lease:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    config = TaskPushNotificationConfig(id="c", task_id=task_id, url="https://hook.example")
    await journal.create(owner, Task(id=task_id, context_id="c", status=status), b"turn", 60.0, push=config)
    return (await journal.seize(task_id, "w")).lease


async def append(journal: MemoryJournal, lease: Lease, count: int = 1) -> None:
    for _ in range(count):
        await journal.append(lease, [Entry(status_event(lease.task_id, "c", WORKING))])


async def test_more_events_than_a_batch_arrive_once_each_in_order() -> None:
    journal, place = MemoryJournal(), Place()
    await append(journal, await begun(journal), 30)
    async with courier(journal, place):
        await place.until(lambda: len(place.arrived) >= 31)
    assert place.of("t") == list(range(1, 32))


async def test_what_fails_is_tried_again_before_what_follows() -> None:
    journal, place, answers = MemoryJournal(), Place(), iter([True, False, True, True])

    def fail(task_id: str, number: int) -> None:
        if number == 2 and next(answers, False):
            raise NotTaken("answered 500")

    place.fail = fail
    await append(journal, await begun(journal), 2)
    async with courier(journal, place):
        await place.until(lambda: place.of("t")[-1:] == [3])
    assert place.of("t") == [1, 2, 2, 3]
    assert place.failures == [("answered 500", 1, False)]


async def test_after_so_many_failures_in_a_row_it_is_dead() -> None:
    journal, place = MemoryJournal(), Place()

    def fail(task_id: str, number: int) -> None:
        raise NotTaken("answered 500")

    place.fail = fail
    await begun(journal)
    async with courier(journal, place, replace(QUICK, attempts=3)):
        await place.until(lambda: len(place.failures) == 3)
        while await journal.outbox.list("acme", "t"):
            await journal.outbox.work(0.01)
    assert place.failures == [("answered 500", number, number == 3) for number in (1, 2, 3)]
    assert await journal.outbox.claim(1.0) is None


async def test_a_courier_that_hangs_is_cut_off() -> None:
    journal, place = MemoryJournal(), Place(shut={"t"})
    await begun(journal)
    async with courier(journal, place, replace(QUICK, seconds=0.05)):
        await place.until(lambda: len(place.failures) >= 2)
    assert place.failures[0] == ("no answer within 0.05 s", 1, False)


async def test_one_owners_hanging_webhooks_leave_room_for_others() -> None:
    journal, place = MemoryJournal(), Place(shut={f"loud-{number}" for number in range(9)})
    for number in range(9):
        await begun(journal, f"loud-{number}")
    await begun(journal, "quiet", "globex")
    async with courier(journal, place, replace(QUICK, running=3, per_owner=2)):
        await place.until(lambda: place.of("quiet") == [1])
        assert len(place.arrived) == 3


async def test_what_a_killed_courier_held_goes_to_another() -> None:
    journal, place = MemoryJournal(), Place()
    await append(journal, await begun(journal), 2)
    held = await journal.outbox.claim(0.1)
    assert held is not None
    assert await journal.outbox.advance(held, 1, 0.1)  # and dies
    async with courier(journal, place):
        await place.until(lambda: place.of("t") == [2, 3])


async def test_a_courier_that_is_stopped_gives_back_what_it_holds() -> None:
    journal, place, second = MemoryJournal(), Place(shut={"t"}), Place()
    await begun(journal)
    async with courier(journal, place):
        await place.until(lambda: place.of("t") == [1])
    async with courier(journal, second):
        await second.until(lambda: second.of("t") == [1])


async def test_a_farewell_delivers_what_is_due() -> None:
    journal, place = MemoryJournal(), Place()
    async with courier(journal, place, replace(QUICK, poll=30.0, farewell=5.0)):
        await append(journal, await begun(journal), 3)
    assert place.of("t") == [1, 2, 3, 4]


async def test_a_store_that_is_away_for_a_while_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    journal, place = MemoryJournal(), Place()
    claim, away = journal.outbox.claim, iter([JournalDown(), RuntimeError("a mistake of ours")])

    async def claimed(*args: object) -> Delivery | None:
        if (error := next(away, None)) is not None:
            raise error
        return await claim(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(journal.outbox, "claim", claimed)
    await begun(journal)
    async with courier(journal, place):
        await place.until(lambda: place.of("t") == [1])


@pytest.mark.parametrize(
    ("attempts", "after", "least", "most"),
    [(1, 0, 1, 1.25), (2, 0, 2, 2.5), (5, 0, 16, 20), (99, 0, 300, 375), (1, 30, 30, 30), (1, 9e8, 300, 300)],
)
def test_pauses_grow_and_heed_the_webhook(attempts: int, after: float, least: float, most: float) -> None:
    assert least <= CourierPolicy().wait(attempts, after) <= most
