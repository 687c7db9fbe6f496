"""Two replicas over one Redis: one accepts a task, the other works, streams, cancels it and takes it over."""

import asyncio
import gc
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from a2a.server.agent_execution import RequestContext
from a2a.server.events import EventQueue
from a2a.types import TaskState
from structlog.testing import capture_logs

from crossdock.errors import TryLater
from crossdock.tasks.events import state_of
from crossdock.tasks.journal import JournalDown
from crossdock.tasks.queue import JournalQueue
from crossdock.tasks.resumption import Resumption
from crossdock.tasks.stopping import ended
from crossdock.tasks.worker import CHECKPOINT
from tests.support.executors import complete, state
from tests.support.fleet import LEASE, Fleet, ask, forever, log, one_end
from tests.support.redis_server import RedisServer
from tests.support.replicas import stop_heart

WORKING = TaskState.TASK_STATE_WORKING
COMPLETED = TaskState.TASK_STATE_COMPLETED
CANCELED = TaskState.TASK_STATE_CANCELED
FAILED = TaskState.TASK_STATE_FAILED
ASKS = TaskState.TASK_STATE_INPUT_REQUIRED


@pytest.fixture
async def fleet(redis: RedisServer) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        yield Fleet(redis, stack, f"test-{uuid.uuid4().hex[:8]}")


async def test_any_replica_works_answers_and_streams(fleet: Fleet) -> None:
    front = await fleet.replica(complete, works=False)
    back = await fleet.replica(complete)
    ticket = await front.submit()
    streamed = [logged.number async for logged in front.engine.events("acme", ticket.snapshot.task.id, 0)]
    task = await front.answer(ticket)
    assert (task.status.state, streamed) == (COMPLETED, [1, 2, 3, 4])
    assert (front.executor.runs, back.executor.runs) == (0, 1)


async def test_a_cancel_on_another_replica_reaches_the_executor(fleet: Fleet) -> None:
    front = await fleet.replica(forever, works=False)
    back = await fleet.replica(forever)
    ticket = await front.submit()
    await back.executor.started.wait()
    async with asyncio.timeout(1):
        snapshot = await front.engine.cancel("acme", ticket.snapshot.task.id)
    assert snapshot.task.status.state == CANCELED
    assert back.executor.canceled.is_set()
    assert await one_end(front, snapshot.task.id)


async def test_a_cancel_of_a_question_reaches_an_executor(fleet: Fleet) -> None:
    front = await fleet.replica(ask, works=False)
    back = await fleet.replica(ask)
    task = await front.answer(await front.submit())
    assert task.status.state == ASKS
    assert (await front.engine.cancel("acme", task.id)).task.status.state == CANCELED
    assert back.executor.canceled.is_set()


async def test_a_question_is_answered_through_another_replica(fleet: Fleet) -> None:
    first = await fleet.replica(ask)
    second = await fleet.replica(ask)
    task = await first.answer(await first.submit("question"))
    task = await second.answer(await second.submit("answer", task_id=task.id))
    assert task.status.state == COMPLETED
    assert [part.text for said in task.history for part in said.parts] == ["question", "answer"]


async def test_a_vanished_replicas_task_is_run_again(fleet: Fleet) -> None:
    first = await fleet.replica(forever)
    ticket = await first.submit()
    await first.executor.started.wait()
    second = await fleet.replica(complete)
    await first.crash()
    async with asyncio.timeout(5 * LEASE):
        task = await second.answer(ticket)
    assert task.status.state == COMPLETED
    assert await one_end(second, task.id)


async def test_a_task_that_cannot_be_run_again_fails_with_a_reason(fleet: Fleet) -> None:
    first = await fleet.replica(forever, resumption=Resumption.NEVER)
    ticket = await first.submit()
    await first.executor.started.wait()
    second = await fleet.replica(complete, resumption=Resumption.NEVER)
    await first.crash()
    task = await second.answer(ticket)
    assert (task.status.state, second.executor.runs) == (FAILED, 0)
    assert "Send the request again" in task.status.message.parts[0].text


async def test_a_task_that_takes_three_replicas_along_is_given_up(fleet: Fleet) -> None:
    ticket = None
    for _ in range(3):
        doomed = await fleet.replica(forever)
        ticket = ticket or await doomed.submit()
        async with asyncio.timeout(10):
            await doomed.executor.started.wait()
        await doomed.crash()
    assert ticket is not None
    last = await fleet.replica(complete)
    task = await last.answer(ticket)
    assert (task.status.state, last.executor.runs) == (FAILED, 0)
    assert "three times" in task.status.message.parts[0].text


async def test_a_holder_that_slept_writes_nothing_more(fleet: Fleet) -> None:
    go = asyncio.Event()

    async def late(context: RequestContext, queue: EventQueue) -> None:
        await go.wait()
        await complete(context, queue)

    sleeper = await fleet.replica(late)
    ticket = await sleeper.submit()
    await sleeper.executor.started.wait()
    await ended(*sleeper.engine._background)  # its heart stops, as under SIGSTOP
    awake = await fleet.replica(complete)
    task = await awake.answer(ticket)
    before = await log(awake, task.id)
    go.set()
    await asyncio.gather(*(held.worker for held in sleeper.engine._worker.held.values()))
    assert await log(awake, task.id) == before
    assert task.status.state == COMPLETED


async def test_a_lost_lease_is_no_complaint_in_the_log(fleet: Fleet) -> None:
    go = asyncio.Event()
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))

    async def late(context: RequestContext, queue: EventQueue) -> None:
        await go.wait()
        await complete(context, queue)

    sleeper = await fleet.replica(late)
    await sleeper.submit()
    await sleeper.executor.started.wait()
    await ended(*sleeper.engine._background)
    awake = await fleet.replica(forever)
    await awake.executor.started.wait()
    held = list(sleeper.engine._worker.held.values())
    go.set()
    await asyncio.gather(*(item.worker for item in held))
    held.clear()
    gc.collect()
    assert not complaints


async def test_a_stopping_replica_gives_its_work_to_another(fleet: Fleet) -> None:
    first = await fleet.replica(forever, running=1)
    running, queued = await first.submit(), await first.submit()
    await first.executor.started.wait()
    second = await fleet.replica(complete)
    reader = asyncio.create_task(first.engine.answer(running))
    await first.engine.drain(0.05)
    async with asyncio.timeout(2):
        await reader  # its stream ends, and goes on elsewhere
    tasks = [await second.answer(ticket) for ticket in (running, queued)]
    assert [task.status.state for task in tasks] == [COMPLETED, COMPLETED]
    with pytest.raises(TryLater):
        await first.submit()


async def test_work_is_taken_in_turns_by_owner(fleet: Fleet) -> None:
    served: list[str] = []
    go = asyncio.Event()

    async def note(context: RequestContext, queue: EventQueue) -> None:
        await go.wait()
        served.append(context.get_user_input())
        await complete(context, queue)

    one = await fleet.replica(note, running=1, shards=1)
    tickets = [await one.submit(f"acme {number}") for number in range(30)]
    quiet = await one.submit("globex", owner="globex")
    go.set()
    for ticket in (*tickets, quiet):
        await one.answer(ticket)
    assert served.index("globex") <= 2


async def test_redis_may_restart_in_the_middle(fleet: Fleet, redis: RedisServer) -> None:
    go = asyncio.Event()

    async def halves(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, WORKING)
        await go.wait()
        await complete(context, queue)

    replica = await fleet.replica(halves, patience=10.0)
    async with redis.client() as client:
        await client.config_set("appendfsync", "always")  # what is answered is in its file
    tickets = [await replica.submit() for _ in range(5)]
    redis.kill()
    go.set()
    await redis.start()
    for ticket in tickets:
        task = await replica.answer(ticket)
        assert task.status.state == COMPLETED
        assert await one_end(replica, task.id)


async def test_a_turn_that_was_given_up_because_redis_was_away_is_no_poison(fleet: Fleet) -> None:
    tries: list[int] = []

    async def unlucky(context: RequestContext, queue: EventQueue) -> None:
        tries.append(1)
        if len(tries) <= 4:
            raise JournalDown
        await complete(context, queue)

    replica = await fleet.replica(unlucky)
    task = await replica.answer(await replica.submit())
    assert task.status.state == COMPLETED
    assert await one_end(replica, task.id)


async def test_a_redis_that_is_away_is_told_in_bounded_time(fleet: Fleet, redis: RedisServer) -> None:
    replica = await fleet.replica(complete, patience=0.5)
    await replica.answer(await replica.submit())
    redis.kill()
    async with asyncio.timeout(5):
        with pytest.raises(TryLater, match="task store"):
            await replica.submit()
    await redis.start()
    assert (await replica.answer(await replica.submit())).status.state == COMPLETED


async def test_an_outage_is_told_once_however_many_miss_redis(fleet: Fleet, redis: RedisServer) -> None:
    replica = await fleet.replica(forever, patience=0.3)
    for _ in range(8):
        await replica.submit()
    with capture_logs() as lines:
        redis.kill()
        missed = await asyncio.gather(*(replica.submit() for _ in range(30)), return_exceptions=True)
        assert all(isinstance(error, JournalDown) for error in missed)
        told = Counter((line["event"], line["error"]) for line in lines)
        assert {event for event, _ in told} == {"redis_away", "wakeups_lost"}
        assert set(told.values()) == {1}
        await redis.start()
        async with asyncio.timeout(15):
            while "redis_back" not in [line["event"] for line in lines]:  # noqa: ASYNC110 - the log tells nobody
                await asyncio.sleep(0.05)


async def test_a_replica_starts_before_its_redis(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "late")
    async with AsyncExitStack() as stack:
        replica = await Fleet(server, stack, "late").replica(complete, patience=0.3)
        with pytest.raises(TryLater):
            await replica.submit()
        await server.start()
        stack.callback(server.stop)
        assert (await replica.answer(await replica.submit())).status.state == COMPLETED


async def test_nothing_of_a_finished_task_is_left_behind(fleet: Fleet, redis: RedisServer) -> None:
    replica = await fleet.replica(ask, retention=0.5)
    for number in range(10):
        task = await replica.answer(await replica.submit(f"question {number}"))
        if number % 2:
            await replica.engine.cancel("acme", task.id)
        else:
            await replica.answer(await replica.submit("answer", task_id=task.id))
    async with asyncio.timeout(10), redis.client() as client:
        while await client.dbsize() > 2:  # noqa: ASYNC110 - keys tell nobody
            await asyncio.sleep(0.05)


async def test_a_question_survives_its_replica_and_its_answer_is_heard(fleet: Fleet) -> None:
    first = await fleet.replica(forever)
    ticket = await first.submit("question")
    await first.executor.started.wait()
    second = await fleet.replica(ask)
    await first.crash()
    task = await second.answer(ticket)
    assert task.status.state == ASKS
    task = await second.answer(await second.submit("answer", task_id=task.id))
    assert task.status.state == COMPLETED


async def test_an_answer_whose_replica_vanished_before_it_was_begun_is_heard(fleet: Fleet) -> None:
    front = await fleet.replica(ask, works=False)
    first = await fleet.replica(ask)
    task = await front.answer(await front.submit("question"))
    await first.crash()
    ticket = await front.submit("answer", task_id=task.id)
    assert await front.journal.claim("a replica that dies at once") is not None
    second = await fleet.replica(ask)
    assert (await second.answer(ticket)).status.state == COMPLETED


async def test_a_stopping_replicas_checkpoint_goes_to_the_next(fleet: Fleet) -> None:
    found: list[object] = []

    async def keep(context: RequestContext, queue: EventQueue) -> None:
        assert isinstance(queue, JournalQueue)
        await queue.checkpoint({"step": 1})
        await forever(context, queue)

    async def find(context: RequestContext, queue: EventQueue) -> None:
        assert context.call_context
        found.append(context.call_context.state.get(CHECKPOINT))
        await complete(context, queue)

    first = await fleet.replica(keep)
    ticket = await first.submit()
    async for logged in first.engine.events("acme", ticket.snapshot.task.id, 0):
        if state_of(logged.event) == WORKING:
            break
    second = await fleet.replica(find)
    await first.engine.drain(0.05)
    await second.answer(ticket)
    assert found == [{"step": 1}]


async def test_a_replica_that_slept_and_gets_its_task_back_works_it_once(fleet: Fleet) -> None:
    stopped = asyncio.Event()

    async def endless(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, WORKING)
        if sleeper.executor.runs > 1:
            return await state(queue, COMPLETED)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    sleeper = await fleet.replica(endless)
    ticket = await sleeper.submit()
    await sleeper.executor.started.wait()
    stop_heart(sleeper.engine)
    task = await sleeper.answer(ticket)
    async with asyncio.timeout(2):
        await stopped.wait()
    assert task.status.state == COMPLETED
    assert await one_end(sleeper, task.id)


async def test_what_is_accepted_in_the_moment_of_a_stop_is_given_back(fleet: Fleet) -> None:
    first = await fleet.replica(forever)
    second = await fleet.replica(complete)
    sending = asyncio.create_task(first.submit())
    await asyncio.sleep(0)
    assert first.engine._accepting
    await first.engine.drain(0)
    assert not first.engine._worker.held
    async with asyncio.timeout(LEASE / 2):  # at once, not when the lease runs out
        assert (await second.answer(await sending)).status.state == COMPLETED
