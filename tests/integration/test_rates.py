"""How often one customer may ask: over every binding and version, and over the replicas together."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import httpx
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as old_proto
from a2a.types import ListTasksRequest, Task, TaskState
from a2a.utils.grpc_status import status_from_call
from google.rpc.error_details_pb2 import RetryInfo
from grpc_health.v1.health_pb2 import HealthCheckRequest

from crossdock.cards.building import CARD_PATHS
from crossdock.errors import Unreachable
from crossdock.tasks.events import fold
from tests.support.executors import message
from tests.support.grpc_channels import a2a_stub, channel, health_stub, old_stub, refused
from tests.support.orchestration import orchestrator
from tests.support.redis_server import RedisServer
from tests.support.system import Agent, System
from tests.support.wire import body, rpc

ONE_A_MINUTE: dict[str, Any] = {"requests_per_minute": 1, "request_burst": 4}
OLD = {"message": {"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "hello"}]}}
Ask = Callable[[System, Agent, dict[str, str]], Awaitable[Any]]


async def rest(crossdock: System, agent: Agent, headers: dict[str, str]) -> httpx.Response:
    return await crossdock.http().get(f"{agent.url}/tasks", headers=headers)


async def old_rest(crossdock: System, agent: Agent, headers: dict[str, str]) -> httpx.Response:
    return await crossdock.http().get(f"{agent.url}/v1/card", headers={**headers, "A2A-Version": "0.3"})


async def by_rpc(crossdock: System, agent: Agent, headers: dict[str, str]) -> httpx.Response:
    return await crossdock.http().post(agent.url, json=rpc("ListTasks", {}), headers=headers)


async def old_rpc(crossdock: System, agent: Agent, headers: dict[str, str]) -> httpx.Response:
    headers = {**headers, "A2A-Version": "0.3"}
    return await crossdock.http().post(agent.url, json=rpc("message/send", OLD), headers=headers)


async def malformed(crossdock: System, agent: Agent, headers: dict[str, str]) -> httpx.Response:
    return await crossdock.http().post(agent.url, content=b"{", headers=headers)


async def stream(crossdock: System, agent: Agent, headers: dict[str, str]) -> httpx.Response:
    return await crossdock.http().post(f"{agent.url}/message:stream", json=body(), headers=headers)


async def by_grpc(crossdock: System, agent: Agent, headers: dict[str, str]) -> Any:
    return await refused(a2a_stub(channel(crossdock, agent.grpc, headers)).ListTasks(ListTasksRequest()))


async def old_grpc(crossdock: System, agent: Agent, headers: dict[str, str]) -> Any:
    made = channel(crossdock, agent.grpc, {**headers, "A2A-Version": "0.3"})
    return await refused(old_stub(made).GetTask(old_proto.GetTaskRequest(name="tasks/t")))


async def pair(crossdock: System, redis: RedisServer, **settings: Any) -> list[Agent]:
    """Two replicas of one service."""
    settings = {**ONE_A_MINUTE, "redis_nodes": redis.nodes, "replicas": 2, **settings}
    return [await crossdock.agent(**settings) for _ in range(2)]


async def exhausted(crossdock: System, agents: list[Agent], headers: dict[str, str], ask: Ask = rest) -> None:
    for number in range(ONE_A_MINUTE["request_burst"]):
        answer = await ask(crossdock, agents[number % len(agents)], headers)
        assert answer.status_code != httpx.codes.TOO_MANY_REQUESTS


@pytest.mark.parametrize("ask", [rest, old_rest, by_rpc, old_rpc, malformed, stream])
async def test_replicas_and_bindings_share_a_customers_rate(crossdock: System, redis: RedisServer, ask: Ask) -> None:
    agents, acme = await pair(crossdock, redis), await crossdock.headers()
    await exhausted(crossdock, agents, acme, ask)
    acme = await crossdock.headers()  # another token of the same customer
    for agent in agents:
        for other in (ask, rest, old_rest, by_rpc, old_rpc, malformed, stream):
            answer = await other(crossdock, agent, acme)
            assert answer.status_code == httpx.codes.TOO_MANY_REQUESTS
            assert 1 <= int(answer.headers["Retry-After"]) <= 60
        for call in (by_grpc, old_grpc):
            assert (await call(crossdock, agent, acme)).code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        globex = await crossdock.headers("globex-orchestrator")
        assert (await ask(crossdock, agent, globex)).status_code != httpx.codes.TOO_MANY_REQUESTS


async def test_grpc_counts_too_and_says_when_to_come_back(crossdock: System, redis: RedisServer) -> None:
    one, other = await pair(crossdock, redis)
    acme = await crossdock.headers()
    caller = a2a_stub(channel(crossdock, one.grpc, acme))
    for _ in range(2):
        await caller.ListTasks(ListTasksRequest())
        assert (await old_grpc(crossdock, other, acme)).code() == grpc.StatusCode.NOT_FOUND
    for call in (caller.ListTasks(ListTasksRequest()), caller.SendStreamingMessage(message())):
        error = await refused(call)
        assert error.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "more than 1 requests a minute" in error.details()
        status = status_from_call(error)
        assert status is not None
        retry = RetryInfo()
        assert status.details[-1].Unpack(retry)
        assert 1 <= retry.retry_delay.seconds <= 60
    assert (await rest(crossdock, other, acme)).status_code == httpx.codes.TOO_MANY_REQUESTS


async def test_each_binding_tells_it_in_its_own_words(crossdock: System) -> None:
    agent, acme = await crossdock.agent(**ONE_A_MINUTE), await crossdock.headers()
    await exhausted(crossdock, [agent], acme)
    by_path = (await rest(crossdock, agent, acme)).json()["error"]
    assert (by_path["code"], by_path["status"]) == (429, "RESOURCE_EXHAUSTED")
    assert by_path["details"][0]["reason"] == "RATE_LIMITED"
    answer = (await by_rpc(crossdock, agent, acme)).json()
    assert (answer["id"], answer["error"]["code"]) == (1, -32044)
    assert answer["error"]["data"] == by_path["details"]
    assert (await old_rpc(crossdock, agent, acme)).json()["error"]["code"] == -32603
    value = agent.service.metrics.registry.get_sample_value
    assert value("crossdock_rate_limited_total", {"agent": "puppet-agent", "customer": "acme"}) == 3


async def test_nothing_of_what_is_refused_is_stored(crossdock: System) -> None:
    agent, acme = await crossdock.agent(**ONE_A_MINUTE), await crossdock.headers()
    await exhausted(crossdock, [agent], acme)
    for _ in range(10):
        assert (await stream(crossdock, agent, acme)).status_code == httpx.codes.TOO_MANY_REQUESTS
    assert not agent.work.requests
    assert not await agent.service.engine._journal.stranded()


async def test_what_needs_no_token_is_not_counted(crossdock: System) -> None:
    agent, acme = await crossdock.agent(**ONE_A_MINUTE), await crossdock.headers()
    health = health_stub(channel(crossdock, agent.grpc))
    for _ in range(10):
        assert (await crossdock.http().get(agent.url + CARD_PATHS[0], headers=acme)).status_code == httpx.codes.OK
        await health.Check(HealthCheckRequest())
    await exhausted(crossdock, [agent], acme)
    assert (await crossdock.http().get(agent.url + CARD_PATHS[0], headers=acme)).status_code == httpx.codes.OK


async def test_the_extended_card_tells_the_rate(crossdock: System) -> None:
    agent = await crossdock.agent(**ONE_A_MINUTE)
    answer = await crossdock.http().get(f"{agent.url}/extendedAgentCard", headers=await crossdock.headers())
    (limits,) = [
        item["params"] for item in answer.json()["capabilities"]["extensions"] if "requestsPerMinute" in str(item)
    ]
    assert (limits["requestsPerMinute"], limits["requestBurst"]) == (1, 4)


async def test_without_redis_requests_pass_and_the_journal_tells_the_outage(
    crossdock: System, redis: RedisServer
) -> None:
    agents, acme = await pair(crossdock, redis), await crossdock.headers()
    await exhausted(crossdock, agents, acme)
    redis.kill()
    async with asyncio.timeout(15):
        assert (await rest(crossdock, agents[0], acme)).status_code == httpx.codes.SERVICE_UNAVAILABLE


async def told(crossdock: System, url: str, text: str, client_id: str = "acme-orchestrator", **given: Any) -> Task:
    task = Task()
    async for event in crossdock.client(url, client_id).send(message(text).message, **given):
        fold(task, event)  # type: ignore[arg-type]
    return task


@pytest.mark.parametrize("key", ["k", ""])
async def test_our_client_waits_as_long_as_it_is_told(crossdock: System, key: str) -> None:
    agent, acme = await crossdock.agent(requests_per_minute=60, request_burst=4), await crossdock.headers()
    await exhausted(crossdock, [agent], acme)
    async with asyncio.timeout(10):
        task = await told(crossdock, agent.url, "complete", key=key)
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert len(agent.work.requests) == 1
    value = agent.service.metrics.registry.get_sample_value
    assert value("crossdock_rate_limited_total", {"agent": "puppet-agent", "customer": "acme"}) == 1


async def test_being_asked_to_wait_opens_no_circuit(crossdock: System) -> None:
    agent, acme = await crossdock.agent(requests_per_minute=60, request_burst=4), await crossdock.headers()
    await exhausted(crossdock, [agent], acme)
    client = crossdock.client(agent.url, attempts=2)
    async with asyncio.timeout(15):
        listed = await asyncio.gather(*(client.list(ListTasksRequest()) for _ in range(12)), return_exceptions=True)
    assert client.up
    for found in listed:
        assert not isinstance(found, Unreachable)


async def test_a_task_whose_orchestrator_meets_the_limit_at_an_agent_completes(crossdock: System) -> None:
    """Several at once: each waits for its turn, is given to the agent once, and ends well."""
    agent, acme = await crossdock.agent(requests_per_minute=120, request_burst=4), await crossdock.headers()
    served = await orchestrator(crossdock, puppet=agent)
    await exhausted(crossdock, [agent], acme)
    async with asyncio.timeout(30):
        tasks = await asyncio.gather(*(told(crossdock, served.url, "complete", "acme-caller") for _ in range(6)))
    assert {task.status.state for task in tasks} == {TaskState.TASK_STATE_COMPLETED}
    assert len(agent.work.requests) == 6
    value = agent.service.metrics.registry.get_sample_value
    assert value("crossdock_rate_limited_total", {"agent": "puppet-agent", "customer": "acme"})


async def test_a_task_whose_time_is_over_before_its_turn_says_so(crossdock: System) -> None:
    agent, acme = await crossdock.agent(**ONE_A_MINUTE), await crossdock.headers()
    served = await orchestrator(crossdock, puppet=agent, task_seconds=2)
    await exhausted(crossdock, [agent], acme)
    async with asyncio.timeout(20):
        task = await told(crossdock, served.url, "complete", "acme-caller")
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert "puppet-agent is busy at present" in task.status.message.parts[0].text
