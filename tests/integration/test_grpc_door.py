"""The gRPC port from outside: who may call what, health, reflection, sizes, and how it closes."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import grpc
import pytest
from a2a.server.context import ServerCallContext
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.grpc_status import status_from_call
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest

from crossdock.cards.building import CARD_PATHS
from crossdock.server.grpc_methods import GRPC_METHODS
from tests.support.executors import message
from tests.support.grpc_channels import a2a_stub, adding, channel, health_stub, reflection_stub, refused, stub
from tests.support.obligations import obliges
from tests.support.orchestration import orchestrator
from tests.support.system import Agent, System
from tests.support.wire import GRPC, card_at

Code = grpc.StatusCode
REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"
METHODS = [*GRPC_METHODS, "/grpc.health.v1.Health/Watch", REFLECTION, "/lf.a2a.v1.A2AService/Nothing", "/x.Y/Z"]


@pytest.fixture
async def agent(crossdock: System) -> Agent:
    return await crossdock.agent(grpc_reflection=True)


async def answered(crossdock: System, agent: Agent, path: str, **metadata: str) -> Any:
    """The status that a call without a message gets."""
    call = channel(crossdock, agent.grpc).unary_stream(path)(b"", metadata=list(metadata.items()))
    return await refused(call)


@obliges("7.4-every")
async def test_no_method_is_forgotten(crossdock: System, agent: Agent) -> None:
    foreign = await crossdock.issuer.mint("globex-orchestrator", claims={"aud": ["another-agent"]})
    expired = await crossdock.issuer.mint(claims={"exp": 1, "iat": 0})
    assert len(METHODS) > 20
    for path in METHODS:
        for token in ("", "Bearer a.b.c", "Basic YTpi", f"Bearer {foreign}", f"Bearer {expired}"):
            error = await answered(crossdock, agent, path, **({"authorization": token} if token else {}))
            assert (error.code(), path) == (Code.UNAUTHENTICATED, path)
            challenge = dict(error.trailing_metadata())["www-authenticate"]
            assert challenge.startswith('Bearer realm="puppet-agent"')


async def test_two_tokens_are_none(crossdock: System, agent: Agent) -> None:
    token = (await crossdock.headers())["Authorization"]
    twice = [("authorization", token), ("authorization", token), ("a2a-version", "1.0")]
    call = channel(crossdock, agent.grpc).unary_stream("/lf.a2a.v1.A2AService/ListTasks")(b"", metadata=twice)
    assert (await refused(call)).code() == Code.UNAUTHENTICATED


async def test_a_missing_role_is_a_denied_permission(crossdock: System, agent: Agent) -> None:
    token = await crossdock.issuer.mint(claims={"realm_access": {"roles": ["something-else"]}})
    for path in METHODS:
        error = await answered(crossdock, agent, path, authorization=f"Bearer {token}")
        assert (error.code(), path) == (Code.PERMISSION_DENIED, path)


async def test_refusals_are_counted(crossdock: System, agent: Agent) -> None:
    await answered(crossdock, agent, METHODS[0])
    value = agent.service.metrics.registry.get_sample_value
    assert value("crossdock_auth_rejections_total", {"agent": "puppet-agent", "reason": "missing"}) == 1


async def test_an_issuer_that_is_down_is_worth_another_try(crossdock: System, agent: Agent) -> None:
    token = (await crossdock.headers())["Authorization"]
    crossdock.issuer.down = True
    error = await answered(crossdock, agent, METHODS[0], authorization=token)
    assert error.code() == Code.UNAVAILABLE
    status = status_from_call(error)
    assert status is not None
    assert [detail.TypeName() for detail in status.details] == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]


async def test_an_unknown_method_is_unimplemented(crossdock: System, agent: Agent) -> None:
    token = (await crossdock.headers())["Authorization"]
    assert (await answered(crossdock, agent, "/x.Y/Z", authorization=token)).code() == Code.UNIMPLEMENTED


@obliges("13.1-scope", "3.3.2-hidden")
async def test_another_customers_tasks_do_not_exist(crossdock: System, agent: Agent) -> None:
    owner, other = await stub(crossdock, agent), await stub(crossdock, agent, "globex-orchestrator")
    resuming = await stub(crossdock, agent, "globex-orchestrator", last_event_id="1")
    task_id = (await owner.SendMessage(message("ask"))).task.id
    follow_up = message("answer", task_id=task_id)
    for call in (
        other.GetTask(GetTaskRequest(id=task_id)),
        other.CancelTask(CancelTaskRequest(id=task_id)),
        other.SubscribeToTask(SubscribeToTaskRequest(id=task_id)),
        resuming.SubscribeToTask(SubscribeToTaskRequest(id=task_id)),
        other.SendMessage(follow_up),
        other.SendStreamingMessage(follow_up),
    ):
        error = await refused(call)
        assert (error.code(), error.details()[:14]) == (Code.NOT_FOUND, "Task not found")
    assert (await other.ListTasks(ListTasksRequest())).total_size == 0
    assert (await owner.GetTask(GetTaskRequest(id=task_id))).id == task_id


async def test_a_tenant_is_the_tokens_customer(crossdock: System, agent: Agent) -> None:
    caller = await stub(crossdock, agent)
    assert (await caller.ListTasks(ListTasksRequest(tenant="acme"))).total_size == 0
    error = await refused(caller.ListTasks(ListTasksRequest(tenant="globex")))
    assert error.code() == Code.PERMISSION_DENIED


async def test_a_missing_skill_right_is_a_denied_permission(crossdock: System, agent: Agent) -> None:
    token = await crossdock.issuer.mint(claims={"realm_access": {"roles": ["agent-access", "skill:puppet.act"]}})
    named = message("complete")
    named.message.metadata["urn:crossdock:skill:v1"] = "other"
    metadata = [("authorization", f"Bearer {token}"), ("a2a-version", "1.0")]
    path = "/lf.a2a.v1.A2AService/SendStreamingMessage"
    error = await refused(
        channel(crossdock, agent.grpc).unary_stream(path)(named.SerializeToString(), metadata=metadata)
    )
    assert error.code() == Code.PERMISSION_DENIED
    assert "skill:puppet.other" in error.details()


async def test_health_needs_no_token_and_tells_of_the_end(crossdock: System, agent: Agent) -> None:
    check = health_stub(channel(crossdock, agent.grpc)).Check
    for service in ("", "lf.a2a.v1.A2AService"):
        assert (await check(HealthCheckRequest(service=service))).status == HealthCheckResponse.SERVING
    assert (await refused(check(HealthCheckRequest(service="x")))).code() == Code.NOT_FOUND
    watching = health_stub(channel(crossdock, agent.grpc, await crossdock.headers())).Watch(HealthCheckRequest())
    assert (await watching.read()).status == HealthCheckResponse.SERVING
    await agent.service.drain()
    assert (await watching.read()).status == HealthCheckResponse.NOT_SERVING
    assert (await check(HealthCheckRequest())).status == HealthCheckResponse.NOT_SERVING
    watching.cancel()


async def test_reflection_is_there_when_it_is_switched_on(crossdock: System, agent: Agent) -> None:
    for served, expected in ((agent, None), (await crossdock.agent(name="second-agent"), Code.UNIMPLEMENTED)):
        token = await crossdock.issuer.mint(claims={"aud": ["puppet-agent", "second-agent"]})
        asked = reflection_stub(channel(crossdock, served.grpc)).ServerReflectionInfo(
            iter([ServerReflectionRequest(list_services="")]), metadata=[("authorization", f"Bearer {token}")]
        )
        if expected is not None:
            assert (await refused(asked)).code() == expected
            continue
        (answer,) = [answer async for answer in asked]
        found = {service.name for service in answer.list_services_response.service}
        assert {"lf.a2a.v1.A2AService", "grpc.health.v1.Health"} <= found


async def test_it_can_be_switched_off(crossdock: System) -> None:
    agent = await crossdock.agent(grpc=False)
    assert agent.service.grpc is None
    card = await card_at(crossdock.http(), agent.url)
    assert GRPC not in {item.protocol_binding for item in card.supported_interfaces}
    assert "event-number" not in (await crossdock.http().get(agent.url + CARD_PATHS[0])).text


@pytest.mark.parametrize("size", [21_000, 41_000, 400_000])
@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
async def test_a_message_has_a_largest_size(crossdock: System, size: int, compression: grpc.Compression) -> None:
    agent = await crossdock.agent(max_body=20_000)
    caller = await stub(crossdock, agent)
    for method in (caller.SendMessage, caller.SendStreamingMessage):
        error = await refused(method(message("x" * size), compression=compression))
        assert error.code() == Code.RESOURCE_EXHAUSTED
        assert "larger than" in error.details()
    assert (await caller.SendMessage(message("x" * 10_000), compression=compression)).task.id
    assert [len(request.text) for request in agent.work.requests] == [10_000]


async def test_a_stream_ends_on_drain_and_new_work_is_refused(crossdock: System, agent: Agent) -> None:
    caller = await stub(crossdock, agent)
    stream = caller.SendStreamingMessage(message("wait"))
    await stream.read()
    await agent.work.working.wait()
    async with asyncio.timeout(5):
        await agent.service.drain()
        last = [response async for response in stream][-1]
    assert last.status_update.status.state == TaskState.TASK_STATE_FAILED
    error = await refused(caller.SendMessage(message()))
    assert error.code() == Code.UNAVAILABLE


async def test_a_stream_that_is_left_frees_its_place(crossdock: System) -> None:
    agent = await crossdock.agent(streams_per_customer=1)
    caller = await stub(crossdock, agent)
    first = caller.SendStreamingMessage(message("wait"))
    await first.read()
    error = await refused(caller.SendStreamingMessage(message()))
    assert error.code() == Code.UNAVAILABLE
    status = status_from_call(error)
    assert status is not None
    assert [detail.TypeName() for detail in status.details] == ["google.rpc.ErrorInfo", "google.rpc.RetryInfo"]
    first.cancel()
    value = agent.service.metrics.registry.get_sample_value
    async with asyncio.timeout(5):
        while value("crossdock_open_streams", {"agent": "puppet-agent", "customer": "acme"}):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert [response async for response in caller.SendStreamingMessage(SendMessageRequest(message=message().message))]


class Slow:
    """A request handler that takes as long as the test wants, and then fails."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.finished: list[str] = []

    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task:
        self.begun.put_nowait("cancel")
        await self.gate.wait()
        self.finished.append("cancel")
        raise RuntimeError("db password=hunter2")

    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Task]:
        self.begun.put_nowait("send")
        await self.gate.wait()
        self.finished.append("send")
        yield Task(id="one")
        raise RuntimeError("db password=hunter2")


async def test_who_goes_away_leaves_no_half_of_a_change(crossdock: System, agent: Agent) -> None:
    slow, caller = Slow(), await stub(crossdock, agent)
    agent.service.grpc.binding._handler = slow  # type: ignore[union-attr]
    calls = [caller.CancelTask(CancelTaskRequest(id="x")), caller.SendStreamingMessage(message())]
    for _ in calls:
        await slow.begun.get()
    for call in calls:
        call.cancel()
    await refused(caller.GetTask(GetTaskRequest(id="x")))  # on the same connection: the service knows of it by now
    slow.gate.set()
    async with asyncio.timeout(5):
        while len(slow.finished) < 2:  # noqa: ASYNC110 - nobody is left who could be told
            await asyncio.sleep(0.01)
    assert sorted(slow.finished) == ["cancel", "send"]


async def test_an_exceptions_text_reaches_nobody(crossdock: System, agent: Agent) -> None:
    slow, caller = Slow(), await stub(crossdock, agent)
    slow.gate.set()
    agent.service.grpc.binding._handler = slow  # type: ignore[union-attr]
    for call in (caller.CancelTask(CancelTaskRequest(id="x")), caller.SendStreamingMessage(message())):
        error = await refused(call)
        assert error.code() == Code.INTERNAL
        assert error.details().startswith("Something went wrong (error ")
        assert "hunter2" not in str(error.trailing_metadata())


async def test_an_orchestrator_answers_its_own_customer_only(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    address = served.service.settings.public_grpc
    theirs = await crossdock.issuer.mint("globex-caller", claims={"aud": ["acme-orchestrator"]})
    own = await crossdock.issuer.token("acme-caller")
    for token, code in (("", Code.UNAUTHENTICATED), (theirs, Code.PERMISSION_DENIED), (own, None)):
        metadata = {"a2a-version": "1.0", **({"authorization": f"Bearer {token}"} if token else {})}
        call = a2a_stub(channel(crossdock, address, metadata)).SendMessage(message("complete"))
        if code is None:
            assert (await call).task.status.state == TaskState.TASK_STATE_COMPLETED
        else:
            assert (await refused(call)).code() == code


async def test_a_page_of_tasks_fits_into_what_clients_take(crossdock: System, agent: Agent) -> None:
    """4 MiB, where nobody told them more; the rest is on the next page."""
    metadata = adding({name.lower(): value for name, value in (await crossdock.headers()).items()})
    async with grpc.aio.insecure_channel(agent.grpc, interceptors=metadata) as made:
        client = a2a_stub(made)
        for _ in range(6):
            await client.SendMessage(message("x" * 1024 * 1024))
        page = await client.ListTasks(ListTasksRequest(page_size=100))
        listed = list(page.tasks)
        while page.next_page_token:
            assert page.tasks
            page = await client.ListTasks(ListTasksRequest(page_size=100, page_token=page.next_page_token))
            listed += page.tasks
        assert len({task.id for task in listed}) == len(listed) == page.total_size == 6
