"""A Redis at its `maxmemory`: nothing new is taken, but what is there can be ended, and is kept until then."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from a2a.server.agent_execution import RequestContext
from a2a.server.events import EventQueue
from a2a.types import SendMessageRequest, TaskState
from google.protobuf.json_format import ParseDict

from crossdock.tasks.events import agent_message, status_event
from crossdock.tasks.journal import Entry, JournalFull
from tests.support.executors import complete, state
from tests.support.fleet import Fleet, ask, forever, one_end
from tests.support.grpc_channels import refused, stub
from tests.support.redis_server import RedisServer
from tests.support.system import System
from tests.support.wire import body, rpc

CANCELED = TaskState.TASK_STATE_CANCELED
COMPLETED = TaskState.TASK_STATE_COMPLETED
FAILED = TaskState.TASK_STATE_FAILED


@pytest.fixture
async def redis(tmp_path: Path) -> AsyncIterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    await server.start()
    yield server
    server.stop()


@pytest.fixture
async def fleet(redis: RedisServer) -> AsyncIterator[Fleet]:
    async with AsyncExitStack() as stack:
        yield Fleet(redis, stack, f"test-{uuid.uuid4().hex[:8]}")


@asynccontextmanager
async def full(redis: RedisServer) -> AsyncIterator[None]:
    async with redis.client() as client:
        await client.config_set("maxmemory", "1")
        yield
        await client.config_set("maxmemory", "0")


async def test_what_runs_is_canceled_through_any_replica(fleet: Fleet, redis: RedisServer) -> None:
    front = await fleet.replica(forever, works=False)
    back = await fleet.replica(forever)
    ticket = await front.submit()
    await back.executor.started.wait()
    async with full(redis), asyncio.timeout(5):
        snapshot = await front.engine.cancel("acme", ticket.snapshot.task.id)
    assert snapshot.task.status.state == CANCELED
    assert back.executor.canceled.is_set()
    assert await one_end(front, ticket.snapshot.task.id)


async def test_what_waits_is_canceled_and_never_begun(fleet: Fleet, redis: RedisServer) -> None:
    front = await fleet.replica(complete, works=False)
    ticket = await front.submit()
    async with full(redis):
        back = await fleet.replica(complete)
        snapshot = await front.engine.cancel("acme", ticket.snapshot.task.id)
    assert (snapshot.task.status.state, back.executor.runs) == (CANCELED, 0)


async def test_a_question_is_canceled_and_its_executor_is_told(fleet: Fleet, redis: RedisServer) -> None:
    front = await fleet.replica(ask, works=False)
    back = await fleet.replica(ask)
    task = await front.answer(await front.submit())
    async with full(redis):
        assert (await front.engine.cancel("acme", task.id)).task.status.state == CANCELED
    assert back.executor.canceled.is_set()


async def test_a_small_end_is_stored_and_leases_are_kept(fleet: Fleet, redis: RedisServer) -> None:
    finish = asyncio.Event()

    async def work(context: RequestContext, queue: EventQueue) -> None:
        await state(queue, TaskState.TASK_STATE_WORKING)
        await finish.wait()
        await state(queue, COMPLETED)

    replica = await fleet.replica(work)
    ticket = await replica.submit()
    await replica.executor.started.wait()
    assert ticket.held is not None
    async with full(redis):
        assert not (await replica.journal.renew([ticket.held.claim.lease])).lost
        finish.set()
        assert (await replica.answer(ticket)).status.state == COMPLETED


async def test_a_large_end_waits_for_room(fleet: Fleet, redis: RedisServer) -> None:
    replica = await fleet.replica(forever, patience=0.1)
    ticket = await replica.submit()
    await replica.executor.started.wait()
    assert ticket.held is not None
    task = ticket.snapshot.task
    said = agent_message(task, "x" * 70_000, "m")
    async with full(redis):
        with pytest.raises(JournalFull):
            await replica.journal.append(
                ticket.held.claim.lease, [Entry(status_event(task.id, task.context_id, COMPLETED, said))]
            )
    assert (await replica.engine.cancel("acme", task.id)).task.status.state == CANCELED


async def test_no_work_is_begun_until_there_is_room(fleet: Fleet, redis: RedisServer) -> None:
    front = await fleet.replica(complete, works=False)
    ticket = await front.submit()
    async with full(redis):
        back = await fleet.replica(complete)
        assert await back.journal.claim("w") is None
        assert back.executor.runs == 0
    assert (await front.answer(ticket)).status.state == COMPLETED


async def test_what_is_too_late_fails_with_the_reason(fleet: Fleet, redis: RedisServer) -> None:
    front = await fleet.replica(complete, works=False)
    ticket = await front.submit(seconds=0.2)
    async with full(redis):
        task = await front.answer(ticket)
    assert (task.status.state, "took longer" in task.status.message.parts[0].text) == (FAILED, True)


async def test_a_replica_that_starts_meanwhile_serves_what_is_there(fleet: Fleet, redis: RedisServer) -> None:
    first = await fleet.replica(ask)
    task = await first.answer(await first.submit())
    async with full(redis):
        late = await fleet.replica(ask)
        assert (await late.engine.cancel("acme", task.id)).task.status.state == CANCELED


async def test_callers_are_told_and_what_waits_goes_on_when_there_is_room(fleet: Fleet, redis: RedisServer) -> None:
    replica = await fleet.replica(ask, patience=0.3)
    task = await replica.answer(await replica.submit())
    async with full(redis):
        known: dict[str, Any] = {"task_id": task.id}
        for ids in ({}, known):
            with pytest.raises(JournalFull, match=r"task store is full.* later"):
                await replica.submit("answer", **ids)
    assert (await replica.answer(await replica.submit("answer", task_id=task.id))).status.state == COMPLETED


async def test_a_full_redis_forgets_what_is_finished(fleet: Fleet, redis: RedisServer) -> None:
    """Else nothing would ever make room again."""
    replica = await fleet.replica(complete, retention=0.5)
    for _ in range(5):
        await replica.answer(await replica.submit())
    async with asyncio.timeout(10), full(redis), redis.client() as client:
        while await client.dbsize() > 2:  # noqa: ASYNC110 - keys tell nobody
            await asyncio.sleep(0.05)
    assert (await replica.answer(await replica.submit())).status.state == COMPLETED


async def test_every_binding_says_when_to_try_again(crossdock: System, redis: RedisServer) -> None:
    agent = await crossdock.agent(redis_nodes=redis.nodes)
    http, headers = crossdock.http(), await crossdock.headers()
    caller = await stub(crossdock, agent)
    async with full(redis):
        rest = await http.post(f"{agent.url}/message:send", json=body(), headers=headers)
        remote = await http.post(agent.url, json=rpc("SendMessage", body()), headers=headers)
        error = await refused(caller.SendMessage(ParseDict(body(), SendMessageRequest())))
    for answer in (rest, remote):
        assert (answer.status_code, answer.headers["retry-after"]) == (httpx.codes.SERVICE_UNAVAILABLE, "30")
        assert "task store is full" in answer.json()["error"]["message"]
    assert (error.code().name, "task store is full" in error.details()) == ("UNAVAILABLE", True)


async def test_a_full_store_leaves_a_replica_ready_and_is_seen(crossdock: System, redis: RedisServer) -> None:
    """Were all replicas to leave, nobody could cancel either."""
    agent = await crossdock.agent(redis_nodes=redis.nodes, lease_seconds=0.3)
    transport = httpx.ASGITransport(agent.service.management)
    async with asyncio.timeout(10), httpx.AsyncClient(transport=transport, base_url="http://management") as management:

        async def told() -> tuple[Any, bool]:
            ready = await management.get("/readyz")
            assert ready.status_code == httpx.codes.OK
            metrics = (await management.get("/metrics")).text
            return ready.json()["degraded"], 'crossdock_task_store_full{agent="puppet-agent"} 1.0' in metrics

        async with full(redis):
            while await told() != (["tasks"], True):  # noqa: ASYNC110 - a gauge tells nobody
                await asyncio.sleep(0.05)
        while await told() != ([], False):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
