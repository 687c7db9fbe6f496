"""What is refused over gRPC is refused as over HTTP+JSON; and what metadata, trace and old clients ask for holds."""

from typing import Any

import grpc
import pytest
from a2a.compat.v0_3 import a2a_v0_3_pb2 as old
from a2a.types import (
    GetTaskRequest,
    ListTasksRequest,
    Part,
    SendMessageRequest,
    TaskState,
)
from a2a.utils.grpc_status import status_from_call
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from crossdock.extensions import SKILL
from crossdock.server.grpc_methods import OLD, OLD_SERVICE
from crossdock.server.operations import OPERATIONS
from tests.integration.bindings.test_bindings_errors import CASES, NO_PUSH, put
from tests.support.executors import message
from tests.support.grpc_channels import channel, old_stub, refused, stub
from tests.support.obligations import obliges
from tests.support.system import Agent, System
from tests.support.wire import body

pytestmark = pytest.mark.asyncio(loop_scope="module")
Code = grpc.StatusCode


def sayable(case: tuple[Any, ...]) -> bool:
    """Whether the types of protobuf let a client say it at all."""
    try:
        ParseDict(case[2], OPERATIONS[case[1]].params())
    except ParseError:
        return False
    return True


SAYABLE = [case for case in CASES if case[0] != "a file that is no base64" and sayable(case)]


def told(error: Any) -> dict[str, Any]:
    """The google.rpc.Status of an error, as HTTP+JSON has it."""
    status = status_from_call(error)
    assert status is not None
    return MessageToDict(status)


@obliges("5.1-equal", "5.4-codes")
@pytest.mark.parametrize("case", SAYABLE, ids=[case[0] for case in SAYABLE])
async def test_grpc_answers_as_http_json_does(crossdock: System, agent: Agent, case: tuple[Any, ...]) -> None:
    _, method, params, verb, path, content, (reason, _, _) = case
    if case[-1] == NO_PUSH:
        agent = await crossdock.agent(push_notifications=False)
    http, headers = crossdock.http(), await crossdock.headers()
    done = (await http.post(f"{agent.url}/message:send", json=body(), headers=headers)).json()["task"]["id"]
    by_rest = await http.request(verb, agent.url + put(path, done), json=put(content, done), headers=headers)
    request = ParseDict(put(params, done), OPERATIONS[method].params())
    error = await refused(getattr(await stub(crossdock, agent), method)(request))
    expected = by_rest.json()["error"]
    assert (error.code().name, error.details()) == (expected["status"], expected["message"])
    info, *others = told(error)["details"]
    assert (info["@type"], info["domain"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "a2a-protocol.org")
    assert info["reason"] == reason == expected["details"][0]["reason"]
    assert others == expected["details"][1:]


async def test_most_refusals_can_be_compared() -> None:
    assert len(SAYABLE) > 20


@pytest.mark.parametrize("version", ["", "0.3", "2.0", "x"])
async def test_another_version_is_refused(crossdock: System, agent: Agent, version: str) -> None:
    caller = await stub(crossdock, agent, a2a_version=version)
    for call in (
        caller.SendMessage(message()),
        caller.SendStreamingMessage(message()),
        caller.ListTasks(ListTasksRequest()),
    ):
        error = await refused(call)
        assert error.code() == Code.FAILED_PRECONDITION
        assert told(error)["details"][0]["reason"] == "VERSION_NOT_SUPPORTED"
        assert "A2A-Version: 1.0" in error.details()


async def test_a_patch_number_does_not_count(crossdock: System, agent: Agent) -> None:
    caller = await stub(crossdock, agent, a2a_version="1.0.7")
    assert (await caller.SendMessage(message())).task.status.state == TaskState.TASK_STATE_COMPLETED


async def test_what_is_no_message_is_refused(crossdock: System, agent: Agent) -> None:
    metadata = list({name.lower(): value for name, value in (await crossdock.headers()).items()}.items())
    for method in ("SendMessage", "SendStreamingMessage", "GetTask"):
        call = channel(crossdock, agent.grpc).unary_stream(f"/lf.a2a.v1.A2AService/{method}")
        error = await refused(call(b"\xff\xff\xff", metadata=metadata))
        assert (error.code(), told(error)["details"][0]["reason"]) == (Code.INVALID_ARGUMENT, "INVALID_REQUEST")


async def test_a_refusal_fits_into_metadata(crossdock: System, agent: Agent) -> None:
    """Clients take 8 KiB of it; a thousand violations would be more."""
    request = message()
    request.message.parts[0].metadata["ü" * 3_000] = "x"
    request.message.metadata[SKILL] = "ü" * 3_000
    error = await refused((await stub(crossdock, agent)).SendMessage(request))
    assert (error.code(), error.details()[:17]) == (Code.INVALID_ARGUMENT, "There is no skill")
    many = SendMessageRequest(configuration={"history_length": -1})
    many.message.reference_task_ids.extend(["x"] * 2_000)
    error = await refused((await stub(crossdock, agent)).SendMessage(many))
    assert error.code() == Code.INVALID_ARGUMENT
    assert "required" in error.details()


async def test_free_json_is_held_to_what_json_is(crossdock: System, agent: Agent) -> None:
    caller = await stub(crossdock, agent)
    request = message()
    part = request.message.parts.add()
    part.data.number_value = float("nan")
    error = await refused(caller.SendMessage(request))
    assert error.details().startswith("message.parts[1].data must not hold NaN")
    deep = Part()
    inner = deep.data
    for _ in range(40):
        inner = inner.list_value.values.add()
    part.CopyFrom(deep)
    error = await refused(caller.SendMessage(request))
    assert "nested too deep" in error.details()


async def test_extensions_that_are_activated_are_told(crossdock: System, agent: Agent) -> None:
    caller = await stub(crossdock, agent, a2a_extensions=f"urn:example:unknown, {SKILL}")
    for call in (caller.SendMessage(message()), caller.SendStreamingMessage(message())):
        assert dict(await call.initial_metadata())["a2a-extensions"] == SKILL
    plain = (await stub(crossdock, agent)).SendMessage(message())
    assert "a2a-extensions" not in dict(await plain.initial_metadata())


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({"crossdock-hops": "9"}, "more than 8 agents"),
        ({"crossdock-hops": "x"}, "crossdock-hops must be a whole number"),
        ({"crossdock-timeout": "0"}, "crossdock-timeout must be a number of seconds above 0."),
    ],
)
async def test_metadata_is_checked_as_headers_are(
    crossdock: System, agent: Agent, metadata: dict[str, str], text: str
) -> None:
    error = await refused((await stub(crossdock, agent, **metadata)).SendMessage(message()))
    assert error.code() == Code.INVALID_ARGUMENT
    assert text in error.details()


async def test_hops_and_deadline_reach_the_task(crossdock: System, fresh: Agent) -> None:
    caller = await stub(crossdock, fresh, crossdock_hops="3", crossdock_timeout="0.2")
    ended = (await caller.SendMessage(message("wait"))).task
    assert ended.status.state == TaskState.TASK_STATE_FAILED
    assert "0.2 s" in str(ended.status)
    assert fresh.work.requests[-1].hops == 3


async def test_a_deadline_of_grpc_ends_the_call_and_not_the_task(crossdock: System, fresh: Agent) -> None:
    caller = await stub(crossdock, fresh)
    call = caller.SendStreamingMessage(message("wait"), timeout=1.5)
    task_id = (await call.read()).task.id
    assert (await refused(call)).code() == Code.DEADLINE_EXCEEDED
    assert (await caller.GetTask(GetTaskRequest(id=task_id))).status.state == TaskState.TASK_STATE_WORKING


async def test_the_callers_trace_goes_on(crossdock: System, agent: Agent) -> None:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    caller = await stub(crossdock, agent, traceparent=f"00-{trace_id}-{span_id}-01")
    await refused(caller.GetTask(GetTaskRequest(id="no")))
    assert [response async for response in caller.SendStreamingMessage(message())]
    await refused(caller.GetTask(GetTaskRequest(id="no")))  # by now the span before has ended
    served = [span for span in exporter.get_finished_spans() if span.name.startswith("lf.a2a.v1.A2AService/")]
    assert {"GetTask", "SendStreamingMessage"} <= {span.name.rpartition("/")[2] for span in served}
    for span in served:
        assert span.context is not None
        assert span.parent is not None
        assert (f"{span.context.trace_id:032x}", f"{span.parent.span_id:016x}") == (trace_id, span_id)
    assert {(span.attributes or {}).get("rpc.grpc.status_code") for span in served} == {None, 5}


async def old_caller(crossdock: System, agent: Agent, version: str = "0.3") -> Any:
    return old_stub(channel(crossdock, agent.grpc, await crossdock.headers(version=version)))


@obliges("3.6.2-version")
async def test_every_method_of_0_3_is_served() -> None:
    service = old.DESCRIPTOR.services_by_name["A2AService"]
    assert (service.full_name, set(service.methods_by_name)) == (OLD_SERVICE, set(OLD))


def old_message(text: str = "complete", **fields: Any) -> old.SendMessageRequest:
    content = [old.Part(text=text)]
    return old.SendMessageRequest(
        request=old.Message(message_id="m", role=old.Role.ROLE_USER, content=content, **fields)
    )


@obliges("3.6.2-version", "3.6.2-empty")
@pytest.mark.parametrize("version", ["", "0.3"])
async def test_an_old_client_gets_everything(crossdock: System, agent: Agent, version: str) -> None:
    caller = await old_caller(crossdock, agent, version)
    sent = (await caller.SendMessage(old_message())).task
    assert sent.status.state == old.TaskState.TASK_STATE_COMPLETED
    got = await caller.GetTask(old.GetTaskRequest(name=f"tasks/{sent.id}", history_length=1))
    assert (got.id, len(got.history)) == (sent.id, 1)
    asked = [response async for response in caller.SendStreamingMessage(old_message("ask"))]
    assert asked[-1].status_update.status.state == old.TaskState.TASK_STATE_INPUT_REQUIRED
    again = caller.TaskSubscription(old.TaskSubscriptionRequest(name=f"tasks/{asked[0].task.id}"))
    assert (await again.read()).task.id == asked[0].task.id
    canceled = await caller.CancelTask(old.CancelTaskRequest(name=f"tasks/{asked[0].task.id}"))
    assert canceled.status.state == old.TaskState.TASK_STATE_CANCELLED
    card = await caller.GetAgentCard(old.GetAgentCardRequest())
    assert card.name == "puppet-agent"


async def test_an_old_client_is_refused_in_its_own_words(crossdock: System) -> None:
    agent = await crossdock.agent(push_notifications=False)
    caller = await old_caller(crossdock, agent, version="")
    config = "tasks/no/pushNotificationConfigs/c"
    for call, code, text in [
        (caller.GetTask(old.GetTaskRequest(name="tasks/no")), Code.NOT_FOUND, "TaskNotFoundError: "),
        (caller.GetTask(old.GetTaskRequest(name="no")), Code.INVALID_ARGUMENT, "InvalidParamsError: name must be"),
        (caller.CancelTask(old.CancelTaskRequest(name="tasks/no")), Code.NOT_FOUND, "TaskNotFoundError: "),
        (caller.TaskSubscription(old.TaskSubscriptionRequest(name="tasks/no")), Code.NOT_FOUND, "TaskNotFoundError: "),
        (caller.SendMessage(old.SendMessageRequest()), Code.INVALID_ARGUMENT, "InvalidParamsError: "),
        (caller.SendMessage(old_message(task_id="no")), Code.NOT_FOUND, "TaskNotFoundError: "),
        (caller.SendStreamingMessage(old_message(task_id="no")), Code.NOT_FOUND, "TaskNotFoundError: "),
        *(
            (call, Code.FAILED_PRECONDITION, "PushNotificationNotSupportedError: ")
            for call in (
                caller.CreateTaskPushNotificationConfig(
                    old.CreateTaskPushNotificationConfigRequest(parent="tasks/no", config_id="c")
                ),
                caller.GetTaskPushNotificationConfig(old.GetTaskPushNotificationConfigRequest(name=config)),
                caller.ListTaskPushNotificationConfig(old.ListTaskPushNotificationConfigRequest(parent="tasks/no")),
                caller.DeleteTaskPushNotificationConfig(old.DeleteTaskPushNotificationConfigRequest(name=config)),
            )
        ),
    ]:
        error = await refused(call)
        assert (error.code(), error.details()[: len(text)]) == (code, text)


async def test_a_method_of_0_3_is_refused_in_1_0(crossdock: System, agent: Agent) -> None:
    error = await refused((await old_caller(crossdock, agent, "1.0")).GetAgentCard(old.GetAgentCardRequest()))
    assert (error.code(), "A2A-Version: 0.3" in error.details()) == (Code.FAILED_PRECONDITION, True)


async def test_an_old_file_arrives_whole(crossdock: System, fresh: Agent) -> None:
    request = old_message()
    request.request.content.add(file=old.FilePart(file_with_bytes=b"YQ==", name="a.csv", mime_type="text/csv"))
    await (await old_caller(crossdock, fresh)).SendMessage(request)
    assert [(file.name, file.content) for file in fresh.work.requests[0].files] == [("a.csv", b"a")]
