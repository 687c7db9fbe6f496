"""How often an owner may ask, on every store."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from crossdock.tasks.journal import JournalLimits, TaskJournal
from crossdock.tasks.rates import Rate, Rates
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.redis_server import RedisServer

SLOW = Rate(per_minute=6, burst=5)
FAST = Rate(per_minute=1_200, burst=3)


async def taken(rates: Rates, rate: Rate, owner: str = "acme", most: int = 100) -> tuple[int, float]:
    """How many requests pass at once, and how long the next one has to wait."""
    for passed in range(most):
        if wait := await rates.take(owner, rate):
            return passed, wait
    raise AssertionError(f"{most} requests passed")


async def test_a_burst_passes_and_no_more(journal: TaskJournal) -> None:
    passed, wait = await taken(journal.rates, SLOW)
    assert passed == 5
    assert 5.0 < wait <= 10.0
    assert await journal.rates.take("acme", SLOW) <= wait, "what is refused takes no place"


async def test_places_are_free_again_at_the_rate(journal: TaskJournal) -> None:
    rates = journal.rates
    began = time.monotonic()
    passed, wait = await taken(rates, FAST)
    for _ in range(10):
        await asyncio.sleep(wait)
        more, wait = await taken(rates, FAST)
        assert more >= 1, "the store named this moment"
        passed += more
    assert passed <= 3 + (time.monotonic() - began) / FAST.interval + 1


async def test_rates_that_are_no_whole_number_of_milliseconds_are_kept(journal: TaskJournal) -> None:
    assert (await taken(journal.rates, Rate(per_minute=7, burst=200), most=300))[0] == 200


async def test_each_owner_has_its_own(journal: TaskJournal) -> None:
    await taken(journal.rates, SLOW)
    assert (await taken(journal.rates, SLOW, "globex"))[0] == 5


@asynccontextmanager
async def replicas(server: RedisServer, shards: int) -> AsyncIterator[tuple[RedisJournal, RedisJournal]]:
    one, other = (RedisJournal(f"rates-{shards}", server.address, JournalLimits(), shards=shards) for _ in range(2))
    try:
        yield one, other
    finally:
        await one.close()
        await other.close()


@pytest.mark.parametrize("shards", [1, 4])
async def test_two_replicas_share_one_rate_that_expires_by_itself(redis: RedisServer, shards: int) -> None:
    async with replicas(redis, shards) as (one, other), redis.client() as client:
        for _ in range(2):
            assert await one.rates.take("acme", SLOW) == await other.rates.take("acme", SLOW) == 0
        assert (await taken(other.rates, SLOW))[0] == 1
        assert await one.rates.take("acme", SLOW) > 5
        (key,) = await client.keys(f"xd:rates-{shards}:*")
        assert f"xd:rates-{shards}:{{rates-{shards}:" in str(key)
        assert ":r:acme" in str(key)
        assert 40_000 < await client.pttl(key) <= 50_000


async def test_a_store_that_is_away_refuses_nobody_and_soon() -> None:
    journal = RedisJournal("rates", RedisServer.nowhere())
    try:
        async with asyncio.timeout(2):
            for _ in range(100):
                assert await journal.rates.take("acme", Rate(per_minute=1, burst=1)) == 0
    finally:
        await journal.close()


async def test_a_store_that_is_silent_holds_nobody_up(redis: RedisServer) -> None:
    async with replicas(redis, 2) as (one, _):
        assert (await taken(one.rates, SLOW, "silent"))[0] == 5
        redis.pause()
        try:
            async with asyncio.timeout(2):
                assert not any(await asyncio.gather(*(one.rates.take("silent", SLOW) for _ in range(100))))
        finally:
            redis.go_on()
        async with asyncio.timeout(10):
            while not await one.rates.take("silent", SLOW):  # noqa: ASYNC110 - until it is asked again
                await asyncio.sleep(0.05)


async def test_a_full_store_counts_all_the_same(redis: RedisServer) -> None:
    async with replicas(redis, 1) as (one, _), redis.client() as client:
        await client.config_set("maxmemory", 1)
        try:
            assert (await taken(one.rates, SLOW, "full"))[0] == 5
        finally:
            await client.config_set("maxmemory", 0)
