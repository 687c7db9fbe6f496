"""Redis did what it was told and the answer was lost: the command is sent again, and must not count twice."""

import asyncio
import uuid
from asyncio import StreamWriter
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvloop
from a2a.types import Artifact, Part, Task, TaskArtifactUpdateEvent, TaskState, TaskStatus
from redis.asyncio import Redis
from redis.asyncio.client import PubSub

from crossdock.tasks import wakeups
from crossdock.tasks.events import agent_message, now, status_event
from crossdock.tasks.journal import Entry, JournalDown, JournalLimits, LeaseLost
from crossdock.tasks.outage import Outage
from crossdock.tasks.queue import JournalQueue
from crossdock.tasks.redis_connection import RedisAddress, answered
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.executors import Recorder
from tests.support.line import Line, line
from tests.support.redis_server import RedisServer

ASKS = TaskState.TASK_STATE_INPUT_REQUIRED
LEASE = 0.5


@pytest.fixture
async def lossy(redis: RedisServer) -> AsyncIterator[Line]:
    async with line(redis.port) as made:
        yield made


@pytest.fixture
async def journal(lossy: Line) -> AsyncIterator[RedisJournal]:
    address = RedisAddress((("127.0.0.1", lossy.port),), timeout=1.0)
    made = RedisJournal(f"test-{uuid.uuid4().hex[:8]}", address, JournalLimits(lease=LEASE))
    await made.open(lambda _: None)
    await teach(made)
    yield made
    await made.close()


def new_task(task_id: str = "t") -> Task:
    status = TaskStatus(state=TaskState.TASK_STATE_SUBMITTED, timestamp=now())
    return Task(id=task_id, context_id="c", status=status)


async def teach(journal: RedisJournal) -> None:
    """Redis knows the scripts: otherwise the answer that is lost only says that it does not, and nothing was done."""
    accepted = await journal.create("first", new_task("first"), b"turn", 60, worker="first")
    assert accepted.claim is not None
    await journal.follow("first", "first", b"turn-2", 60)
    await journal.append(accepted.claim.lease, [Entry(status_event("first", "c", TaskState.TASK_STATE_COMPLETED))])
    assert await journal.claim("first") is None


async def test_a_claim(journal: RedisJournal, lossy: Line) -> None:
    for task_id in ("one", "two"):
        await journal.create("acme", new_task(task_id), b"turn", 60)
    lossy.lose = [b"\r\nw\r\n"]
    claims = [await journal.claim("w"), await journal.claim("w")]
    assert [claim and claim.lease.task_id for claim in claims] == ["one", "two"]
    assert [claim and claim.lost for claim in claims] == [0, 0]
    assert not lossy.lose


async def test_a_claim_with_a_new_task_and_with_a_further_message(journal: RedisJournal, lossy: Line) -> None:
    lossy.lose = [b"\r\nw\r\n"]
    accepted = await journal.create("acme", new_task(), b"turn", 60, worker="w")
    assert accepted.claim is not None
    await journal.append(accepted.claim.lease, [Entry(status_event("t", "c", ASKS))])
    await journal.release(accepted.claim.lease)
    lossy.lose = [b"\r\nw\r\n"]
    followed = await journal.follow("acme", "t", b"turn-2", 60, worker="w")
    assert followed.claim is not None
    assert (followed.turn, followed.claim.number, followed.claim.turn) == (2, 2, b"turn-2")
    await journal.append(followed.claim.lease, [Entry(status_event("t", "c", ASKS))])


async def test_a_further_message_that_waits(journal: RedisJournal, lossy: Line) -> None:
    accepted = await journal.create("acme", new_task(), b"turn", 60, worker="w")
    assert accepted.claim is not None
    lossy.lose = [b"turn-2"]
    followed = await journal.follow("acme", "t", b"turn-2", 60)
    assert (followed.turn, (await journal.follow("acme", "t", b"turn-3", 60)).turn) == (2, 3)
    assert not lossy.lose


async def test_a_further_message_behind_which_others_came(redis: RedisServer, lossy: Line) -> None:
    """What another replica accepts before the message is sent again does not let it count twice."""
    address = RedisAddress((("127.0.0.1", lossy.port),), timeout=1.0)
    here, there = RedisJournal("both", address), RedisJournal("both", redis.address)
    for journal in (here, there):
        await journal.open(lambda _: None)
    await teach(here)

    async def others() -> None:
        for number in (3, 4, 5):
            assert (await there.follow("acme", "t", b"other", 60)).turn == number

    await here.create("acme", new_task(), b"turn", 60, worker="w")
    lossy.lose, lossy.lost = [b"turn-2"], others
    assert (await here.follow("acme", "t", b"turn-2", 60)).turn == 2
    assert (await there.follow("acme", "t", b"turn-6", 60)).turn == 6
    for journal in (here, there):
        await journal.close()


async def test_a_write(journal: RedisJournal, lossy: Line) -> None:
    accepted = await journal.create("acme", new_task(), b"turn", 60, worker="w")
    assert accepted.claim is not None
    lossy.lose = [b"asked twice"]
    entry = Entry(status_event("t", "c", ASKS, agent_message(new_task(), "asked twice", "m")))
    assert await journal.append(accepted.claim.lease, [entry]) == 2
    assert [item.number for item in await journal.read("acme", "t", 0)] == [1, 2]
    assert not lossy.lose


class Patient(RedisJournal):
    """`tried` is set once several attempts at one write have been given up."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tried = asyncio.Event()
        self._failed = 0

    async def append(self, *args: Any, **options: Any) -> int:
        try:
            return await super().append(*args, **options)
        except JournalDown:
            self._failed += 1
            if self._failed >= 3:
                self.tried.set()
            raise


async def test_a_write_that_waits_for_long(redis: RedisServer) -> None:
    """The store answers so late that the write is given up below and begun anew above: it is stored once."""
    address = RedisAddress((("127.0.0.1", redis.port),), timeout=0.2)
    journal = Patient("late", address, JournalLimits(lease=60), patience=0.1)
    await journal.open(lambda _: None)
    await teach(journal)
    accepted = await journal.create("acme", new_task(), b"turn", 60, worker="w")
    assert accepted.claim is not None
    queue = JournalQueue(journal, Recorder(), accepted.claim.lease, new_task())
    redis.pause()
    for number in range(3):
        artifact = Artifact(artifact_id=str(number), parts=[Part(text="x")])
        await queue.enqueue_event(TaskArtifactUpdateEvent(artifact=artifact))
    async with asyncio.timeout(10):
        await journal.tried.wait()
    redis.go_on()
    await queue.enqueue_event(status_event("", "", TaskState.TASK_STATE_COMPLETED))
    logged = await journal.read("acme", "t", 0)
    assert [item.number for item in logged] == [1, 2, 3, 4, 5]
    await journal.close()


async def milliseconds(client: Redis) -> int:
    """Redis' own clock."""
    seconds, micros = await client.time()
    return int(seconds) * 1000 + int(micros) // 1000


async def test_a_store_that_lost_its_last_second_gives_no_fence_out_twice(redis: RedisServer) -> None:
    journal = RedisJournal("second", redis.address, JournalLimits(lease=60))
    await journal.open(lambda _: None)
    await journal.create("acme", new_task(), b"turn", 60)
    async with redis.client() as client:
        before = await client.dump(f"{journal.shard_of('t')}t:t")
        assert before
        forgotten = (await journal.seize("t", "w")).lease
        await client.restore(f"{journal.shard_of('t')}t:t", 0, before, replace=True)
        while await milliseconds(client) <= forgotten.fence:  # no restart is faster
            pass
    await journal.seize("t", "other")
    with pytest.raises(LeaseLost):
        await journal.append(forgotten, [Entry(status_event("t", "c", ASKS))])
    await journal.close()


async def test_a_shard_that_is_away_takes_no_lease_from_the_others(redis: RedisServer) -> None:
    class Torn(RedisJournal):
        away = ""

        async def _run(self, name: str, prefix: str, *args: Any, **options: Any) -> Any:
            if prefix == self.away:
                raise JournalDown
            return await super()._run(name, prefix, *args, **options)

    journal = Torn("torn", redis.address, JournalLimits(lease=LEASE), shards=4)
    await journal.open(lambda _: None)
    leases = []
    for number in range(12):
        await journal.create("acme", new_task(f"t{number}"), b"turn", 60)
        leases.append((await journal.seize(f"t{number}", "w")).lease)
    journal.away = journal.shard_of("t0")
    here = [lease for lease in leases if journal.shard_of(lease.task_id) != journal.away]
    for _ in range(4):
        await asyncio.sleep(LEASE / 2)
        assert not (await journal.renew(leases)).lost
        await journal.sweep()
    journal.away = ""
    assert not (await journal.renew(here)).lost
    await journal.close()


async def test_a_subscription_that_nobody_serves_any_more(
    redis: RedisServer, lossy: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wakeups, "QUIET", 0.2)
    told = asyncio.Event()
    address = RedisAddress((("127.0.0.1", lossy.port),), timeout=0.5)
    limits = JournalLimits(lease=60)
    here, there = RedisJournal("deaf", address, limits), RedisJournal("deaf", redis.address, limits)
    await here.open(lambda _: told.set())
    await there.open(lambda _: None)
    await there.create("acme", new_task(), b"turn", 60)
    await there.seize("t", "w")
    lossy.forget()
    async with asyncio.timeout(10):
        while not told.is_set():
            await there.cancel("acme", "t", "other")
            await asyncio.sleep(0.1)
    await here.close()
    await there.close()


def test_a_write_on_a_connection_that_uvloop_has_closed(redis: RedisServer) -> None:
    """It is the one error that a transport raises, and no `OSError`: the command is sent again on another line."""

    async def work() -> int:
        writers: list[StreamWriter] = []

        async def ping() -> int:
            writer = (await asyncio.open_connection("127.0.0.1", redis.port))[1]
            if not writers:
                writer.transport.abort()
                await asyncio.sleep(0)
            writers.append(writer)
            writer.writelines([b"PING\r\n"])
            return len(writers)

        tries = await answered(ping, Outage("away", "back"), seconds=5.0)
        for writer in writers:
            writer.close()
        return tries

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(work()) == 2


async def test_a_mistake_does_not_end_the_subscription(redis: RedisServer) -> None:
    client = redis.client()
    subscribe, heard = client.pubsub, asyncio.Event()

    def failing_once(**_: Any) -> PubSub:
        client.pubsub = subscribe  # type: ignore[method-assign]
        raise RuntimeError

    client.pubsub = failing_once  # type: ignore[method-assign]
    made = wakeups.Wakeups(client, ["wake"])
    made.start(lambda _: heard.set())
    async with asyncio.timeout(10):
        while not heard.is_set():
            await client.publish("wake", "c:t")
            await asyncio.sleep(0.05)
    await made.close()
    await client.aclose()


async def test_several_channels_are_heard_all_the_time(redis: RedisServer) -> None:
    client = redis.client()
    told: list[str] = []
    made = wakeups.Wakeups(client, ["one", "other"])
    made.start(told.append)
    async with asyncio.timeout(10):
        while not told:
            await client.publish("one", "c:first")
            await asyncio.sleep(0.01)
        for number in range(20):
            await client.publish("one" if number % 2 else "other", f"c:{number}")
            await asyncio.sleep(0.02)
        while told[-1] != "19":  # noqa: ASYNC110 - the callback is all that there is
            await asyncio.sleep(0.01)
    assert [text for text in told if text != "first"] == [*map(str, range(20))]
    await made.close()
    await client.aclose()
