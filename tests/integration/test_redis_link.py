"""Many callers on one connection to Redis: each gets its own answer, in bounded time, whatever the others do."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis import exceptions

from crossdock.tasks.redis_connection import RedisAddress, disconnect
from crossdock.tasks.redis_link import RedisLink
from tests.support.redis_server import RedisServer

SECONDS = 0.5


@pytest.fixture
async def link(redis: RedisServer) -> AsyncIterator[RedisLink]:
    address = RedisAddress((("127.0.0.1", redis.port),), timeout=SECONDS)
    client = address.client()
    made = address.link(client)
    yield made
    await made.close()
    await disconnect(client)


async def test_each_caller_gets_its_own_answer_over_one_connection(link: RedisLink, redis: RedisServer) -> None:
    said = await asyncio.gather(*(link.send("ECHO", number) for number in range(500)))
    assert said == [str(number).encode() for number in range(500)]
    async with redis.client() as client:
        assert len(await client.client_list()) == 2


async def test_an_error_is_that_of_its_command_alone(link: RedisLink) -> None:
    answers = await asyncio.gather(
        link.send("ECHO", "before"),
        link.send("EVALSHA", "0" * 40, 0),
        link.send("HGET", "too few"),
        link.send("ECHO", "behind"),
        return_exceptions=True,
    )
    assert (answers[0], answers[3]) == (b"before", b"behind")
    assert isinstance(answers[1], exceptions.NoScriptError)
    assert isinstance(answers[2], exceptions.ResponseError)


async def test_who_gives_up_leaves_its_answer_to_nobody(link: RedisLink, redis: RedisServer) -> None:
    await link.send("ECHO", "connected")
    redis.pause()
    impatient = asyncio.create_task(link.send("ECHO", "impatient"))
    patient = asyncio.create_task(link.send("ECHO", "patient"))
    await asyncio.sleep(0)
    impatient.cancel()
    redis.go_on()
    assert await patient == b"patient"
    assert await link.send("ECHO", "next") == b"next"


async def test_a_server_that_says_nothing_keeps_nobody_waiting(link: RedisLink, redis: RedisServer) -> None:
    await link.send("ECHO", "connected")
    redis.pause()
    began = asyncio.get_running_loop().time()
    answers = await asyncio.gather(*(link.send("ECHO", number) for number in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [exceptions.TimeoutError] * 3
    assert asyncio.get_running_loop().time() - began < 4 * SECONDS
    redis.go_on()
    assert await link.send("ECHO", "again") == b"again"


async def test_time_spent_behind_others_does_not_count(link: RedisLink) -> None:
    turns = [link.send("BLPOP", "nothing", 0.6 * SECONDS) for _ in range(4)]
    assert await asyncio.gather(*turns, link.send("ECHO", "behind")) == [None] * 4 + [b"behind"]


async def test_an_answer_that_came_while_the_loop_stood_still_is_in_time(link: RedisLink) -> None:
    await link.send("ECHO", "connected")
    answer = asyncio.create_task(link.send("ECHO", "slow"))
    await asyncio.sleep(0.001)  # it is sent
    until = asyncio.get_running_loop().time() + 2 * SECONDS
    while asyncio.get_running_loop().time() < until:
        pass
    assert await answer == b"slow"


async def test_a_new_connection_follows_a_lost_one(link: RedisLink, redis: RedisServer) -> None:
    await link.send("ECHO", "connected")
    redis.stop()
    with pytest.raises(exceptions.ConnectionError):
        await link.send("ECHO", "lost")
    await redis.start()
    assert await link.send("ECHO", "again") == b"again"
