"""What is large, to read or to send, is in nobody else's way: leases are kept and small tasks read meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from a2a.types import Message, Part, Task, TaskState, TaskStatus

from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import MIB, Entry, Lease, TaskFilter
from crossdock.tasks.redis_connection import RedisAddress
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.line import Line, line
from tests.support.redis_server import RedisServer

SIZE = 4 * MIB


@pytest.fixture
async def way(redis: RedisServer) -> AsyncIterator[Line]:
    async with line(redis.port) as made:
        yield made


@pytest.fixture
async def journal(way: Line) -> AsyncIterator[RedisJournal]:
    made = RedisJournal("test", RedisAddress((("127.0.0.1", way.port),), timeout=5.0))
    await made.open(lambda _: None)
    yield made
    way.free()
    await made.close()


def task(task_id: str, size: int = 0) -> Task:
    made = Task(id=task_id, context_id="c", status=TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now()))
    made.history.append(Message(message_id="m", parts=[Part(raw=bytes(size))]))
    return made


async def held(journal: RedisJournal) -> Lease:
    claim = (await journal.create("acme", task("small"), b"turn", 60, worker="w")).claim
    assert claim is not None
    return claim.lease


async def all_goes_on(journal: RedisJournal, lease: Lease) -> None:
    async with asyncio.timeout(2):
        assert not (await journal.renew([lease])).lost
        await journal.append(lease, [Entry(status_event("small", "c", TaskState.TASK_STATE_WORKING))])
        assert (await journal.get("acme", "small")).sequence >= 2
        assert [item.id for item in (await journal.list("acme", TaskFilter(), "", 10)).tasks] == ["small"]
        await journal.release(lease, give_back=True)
        assert await journal.claim("other")


async def test_a_large_answer_is_in_nobodys_way(journal: RedisJournal, way: Line, redis: RedisServer) -> None:
    lease = await held(journal)
    await journal.create("globex", task("large", SIZE), b"turn", 60)
    way.narrow = SIZE // 2
    readers = [asyncio.create_task(journal.get("globex", "large")) for _ in range(5)]
    batch = asyncio.create_task(journal.read("globex", "large", 0))
    lists = [asyncio.create_task(journal.list("globex", TaskFilter(), "", 10)) for _ in range(5)]
    await way.still.wait()
    await all_goes_on(journal, lease)
    assert way.answered < SIZE  # one is on its way, and not all
    way.free()
    assert {snapshot.sequence for snapshot in await asyncio.gather(*readers)} == {1}
    assert [len(page.tasks) for page in await asyncio.gather(*lists)] == [1] * 5
    assert len(await batch) == 1


async def test_what_is_large_to_send_is_in_nobodys_way(journal: RedisJournal, way: Line) -> None:
    lease = await held(journal)
    way.narrow = SIZE // 2
    sent = asyncio.create_task(journal.create("globex", task("large", SIZE), b"turn", 60))
    await way.still.wait()
    await all_goes_on(journal, lease)
    way.free()
    assert (await sent).task_id == "large"


async def test_a_page_of_large_tasks_reads_no_more_than_it_shows(journal: RedisJournal, way: Line) -> None:
    for number in range(5):
        await journal.create("globex", task(f"large-{number}", SIZE), b"turn", 60)
    before = way.answered
    page = await journal.list("globex", TaskFilter(), "", 10)
    assert [item.id for item in page.tasks] == ["large-4"]
    assert way.answered - before < 2 * SIZE
