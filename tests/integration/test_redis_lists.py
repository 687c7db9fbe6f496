"""A list by context and state goes through a large context in steps, however few tasks match."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from a2a.types import Task, TaskState, TaskStatus
from google.protobuf.timestamp_pb2 import Timestamp

from crossdock.tasks.journal import JournalLimits, TaskFilter
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.redis_server import RedisServer

CANCELED = TaskState.TASK_STATE_CANCELED
SUBMITTED = TaskState.TASK_STATE_SUBMITTED
TASKS = 3000
STEP = 1000
FIRST = 1_760_000_000
SAME = 40
"""So many tasks have each time."""
MATCHING = 150
WANTED = TaskFilter("c", CANCELED)


@pytest.fixture
async def journal(redis: RedisServer) -> AsyncIterator[RedisJournal]:
    made = RedisJournal("test", redis.address, JournalLimits(queued=TASKS))
    await made.open(lambda _: None)
    yield made
    await made.close()


async def fill(journal: RedisJournal, matching: int) -> None:
    """As many in the context as in the state, `matching` in both; some have the same time."""
    for start in range(0, TASKS, 500):
        await asyncio.gather(*(_create(journal, number, matching) for number in range(start, start + 500)))


async def _create(journal: RedisJournal, number: int, matching: int) -> None:
    both = number % (TASKS // matching) == 0 if matching else False
    context, state = ("c", CANCELED) if both else ("c", SUBMITTED) if number % 2 else ("d", CANCELED)
    status = TaskStatus(state=state, timestamp=Timestamp(seconds=FIRST + number // SAME))
    task = Task(id=f"t{number:04}{'-both' if both else ''}", context_id=context, status=status)
    await journal.create("acme", task, b"turn", 60)


async def calls(redis: RedisServer) -> Counter[str]:
    async with redis.client() as client:
        stats = await client.info("commandstats")
    return Counter({name.removeprefix("cmdstat_"): figures["calls"] for name, figures in stats.items()})


async def test_no_script_looks_at_more_than_a_step(journal: RedisJournal, redis: RedisServer) -> None:
    await fill(journal, 0)
    before = await calls(redis)
    page = await journal.list("acme", WANTED, "", 1)
    made = await calls(redis) - before
    assert (page.tasks, page.total) == ([], 0)
    assert made["hget"] / made["evalsha"] <= STEP
    assert made["hget"] <= TASKS
    assert (made["zrevrange"] + made["zrevrangebyscore"]) / made["evalsha"] <= 10


async def listed(journal: RedisJournal, wanted: TaskFilter, total: int) -> list[str]:
    """From all pages."""
    page = await journal.list("acme", wanted, "", 7)
    found = [task.id for task in page.tasks]
    while page.next_token:
        assert page.total == total
        page = await journal.list("acme", wanted, page.next_token, 7)
        found += [task.id for task in page.tasks]
    return found


async def test_the_pages_have_each_match_once_in_their_order(journal: RedisJournal) -> None:
    await fill(journal, MATCHING)
    found = await listed(journal, WANTED, MATCHING)
    assert found == sorted(found, reverse=True)
    assert len(found) == MATCHING
    assert all(name.endswith("-both") for name in found)
    latest = TaskFilter(after_ns=(FIRST + TASKS // SAME - 3) * 10**9)
    found = await listed(journal, latest, 3 * SAME)
    assert found == sorted(found, reverse=True)
    assert len(found) == 3 * SAME
