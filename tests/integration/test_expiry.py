"""Tasks are forgotten as fast as they come: a sweep goes on while it finds more, for a bounded time."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from a2a.types import Task, TaskState, TaskStatus

from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import Entry, JournalLimits, TaskFilter
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.redis_server import RedisServer

EXPIRED = 2500


class Counting(RedisJournal):
    """How often each script ran."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.ran: Counter[str] = Counter()

    async def _run(self, name: str, prefix: str, *args: Any, **options: Any) -> Any:
        self.ran[name] += 1
        return await super()._run(name, prefix, *args, **options)

    async def kept(self) -> int:
        return (await self.list("acme", TaskFilter(), "", 1)).total


@asynccontextmanager
async def expired(redis: RedisServer, lease: float, shards: int = 1) -> AsyncIterator[Counting]:
    """Holds `EXPIRED` tasks that are over their retention."""
    journal = Counting("expiry", redis.address, JournalLimits(lease=lease, retention=0.0), shards=shards)
    await journal.open(lambda _: None)
    for start in range(0, EXPIRED, 100):
        await asyncio.gather(*(ended(journal, f"t{number}") for number in range(start, start + 100)))
    assert await journal.kept() == EXPIRED
    yield journal
    await journal.close()


async def ended(journal: RedisJournal, task_id: str) -> None:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    accepted = await journal.create("acme", Task(id=task_id, context_id="c", status=status), b"", 60, worker="w")
    assert accepted.claim is not None
    await journal.append(accepted.claim.lease, [Entry(status_event(task_id, "c", TaskState.TASK_STATE_COMPLETED))])


async def test_one_beat_forgets_all_that_is_over(redis: RedisServer) -> None:
    async with expired(redis, lease=600) as journal:
        await journal.sweep()
        assert await journal.kept() == 0
        assert journal.ran["sweep"] <= EXPIRED / 100 + 1


async def test_so_does_one_over_several_shards(redis: RedisServer) -> None:
    async with expired(redis, lease=600, shards=4) as journal:
        await journal.sweep()
        assert await journal.kept() == 0
        assert journal.ran["sweep"] <= EXPIRED / 100 + 2 * 4


async def test_a_beat_ends_with_its_time(redis: RedisServer) -> None:
    async with expired(redis, lease=0) as journal:
        await journal.sweep()
        assert (journal.ran["sweep"], await journal.kept()) == (1, EXPIRED - 100)


async def test_what_else_there_is_to_do_goes_on_meanwhile(redis: RedisServer) -> None:
    async with expired(redis, lease=600) as journal:
        order: list[str] = []

        async def noted(work: Callable[[], Awaitable[Any]], name: str) -> None:
            await work()
            order.append(name)

        await asyncio.gather(noted(journal.sweep, "sweep"), noted(journal.kept, "list"))
        assert order == ["list", "sweep"]
