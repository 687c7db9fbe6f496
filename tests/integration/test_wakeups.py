"""Readers hear at once of what another replica writes, and a process hears only of what is read in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from a2a.types import Task, TaskState, TaskStatus
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from crossdock.tasks.events import now, status_event
from crossdock.tasks.journal import Entry, JournalLimits, Lease
from crossdock.tasks.redis_journal import POLL, RedisJournal
from crossdock.tasks.wakeups import Wakeups
from tests.support.redis_server import RedisServer

WORKING = TaskState.TASK_STATE_WORKING


@pytest.fixture
async def replicas(redis: RedisServer) -> AsyncIterator[tuple[RedisJournal, RedisJournal]]:
    async with AsyncExitStack() as stack:
        made = [RedisJournal("agent", redis.address, JournalLimits(lease=60)) for _ in range(2)]
        for journal in made:
            await journal.open(lambda _: None)
            stack.push_async_callback(journal.close)
        yield made[0], made[1]


async def held(journal: RedisJournal) -> Lease:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    accepted = await journal.create("acme", Task(id="t", context_id="c", status=status), b"turn", 60, worker="w")
    assert accepted.claim is not None
    return accepted.claim.lease


async def listened(redis: RedisServer, *, tasks: int) -> None:
    async with asyncio.timeout(10), redis.client() as client:
        while len(await client.pubsub_channels("*wake:*")) != tasks:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)


async def test_a_reader_hears_at_once_of_another_replica(
    redis: RedisServer, replicas: tuple[RedisJournal, RedisJournal]
) -> None:
    here, there = replicas
    lease = await held(there)
    for number in range(1, 4):
        reader = asyncio.create_task(here.wait("t", number, 60))
        await listened(redis, tasks=1)
        async with asyncio.timeout(POLL / 2):
            await there.append(lease, [Entry(status_event("t", "c", WORKING))])
            assert await reader
        await listened(redis, tasks=0)


async def test_two_readers_of_a_task_share_what_is_heard(
    redis: RedisServer, replicas: tuple[RedisJournal, RedisJournal]
) -> None:
    here, there = replicas
    lease = await held(there)
    early, late = (asyncio.create_task(here.wait("t", number, 60)) for number in (1, 2))
    await listened(redis, tasks=1)
    await there.append(lease, [Entry(status_event("t", "c", WORKING))])
    assert await early
    await listened(redis, tasks=1)
    async with asyncio.timeout(POLL / 2):
        await there.append(lease, [Entry(status_event("t", "c", WORKING))])
        assert await late


async def test_a_reader_goes_on_hearing_after_redis_was_away(
    redis: RedisServer, replicas: tuple[RedisJournal, RedisJournal]
) -> None:
    here, there = replicas
    lease = await held(there)
    reader = asyncio.create_task(here.wait("t", 1, 60))
    await listened(redis, tasks=1)
    redis.stop()
    await redis.start()
    await listened(redis, tasks=1)
    async with asyncio.timeout(POLL / 2):
        await there.append(lease, [Entry(status_event("t", "c", WORKING))])
        assert await reader


async def subscribed(other: Redis, *, clients: int) -> None:
    async with asyncio.timeout(10):
        while len(await other.client_list(_type="pubsub")) != clients:  # noqa: ASYNC110 - Redis tells nobody
            await asyncio.sleep(0.01)


class Subscription(PubSub):
    """Asks for the channel of a task when it is let, and is lost when it is told."""

    def __init__(self, client: "SlowRedis") -> None:
        super().__init__(client.connection_pool)
        self._told = client

    async def subscribe(self, *channels: Any, **handlers: Any) -> None:
        if "wake:t" in channels:
            self._told.asked.set()
            await self._told.let.wait()
        await super().subscribe(*channels, **handlers)

    async def get_message(self, *_: Any, **__: Any) -> Any:
        hears = asyncio.create_task(super().get_message(timeout=60))
        lost = asyncio.create_task(self._told.lost.wait())
        await asyncio.wait([hears, lost], return_when=asyncio.FIRST_COMPLETED)
        for task in (hears, lost):
            task.cancel()
        if self._told.lost.is_set():
            self._told.lost.clear()
            raise ConnectionError("lost")
        return await hears


class SlowRedis(Redis):
    def __init__(self, port: int) -> None:
        super().__init__(port=port)
        self.asked, self.let, self.lost = asyncio.Event(), asyncio.Event(), asyncio.Event()

    def pubsub(self, **_: Any) -> PubSub:
        return Subscription(self)


async def test_a_subscription_that_is_lost_while_it_asks_is_not_opened_again(redis: RedisServer) -> None:
    async with redis.client() as other, SlowRedis(redis.port) as client:
        wakeups = Wakeups(client, ["all"], "wake:{}".format)
        wakeups.start(lambda _: None)
        with wakeups.watching("t"):
            async with asyncio.timeout(10):
                await client.asked.wait()
            client.lost.set()
            await subscribed(other, clients=0)
            client.let.set()
            await listened(redis, tasks=1)
            assert len(await other.client_list(_type="pubsub")) == 1
        await wakeups.close()
        await subscribed(other, clients=0)
