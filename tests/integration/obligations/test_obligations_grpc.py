"""Section 10: what gRPC alone requires. Its operations are tested with those of the other bindings."""

import contextlib
from typing import Any

import grpc
import pytest
from a2a.types import GetTaskRequest, a2a_pb2
from a2a.utils.grpc_status import status_from_call
from google.protobuf.json_format import MessageToDict
from google.rpc.error_details_pb2 import ErrorInfo

from tests.support.grpc_channels import a2a_stub, refused
from tests.support.grpc_operations import GrpcCaller
from tests.support.obligations import obliges
from tests.support.operations import Caller, sent
from tests.support.wire import GRPC

pytestmark = pytest.mark.asyncio(loop_scope="module")
SEND = "/lf.a2a.v1.A2AService/SendMessage"


@pytest.fixture(scope="module", params=["memory"])
def kind(request: pytest.FixtureRequest) -> str:
    """What is said does not depend on where tasks are kept."""
    return str(request.param)


@obliges("10.1-service")
async def test_every_method_of_the_service_is_served(grpc_caller: GrpcCaller) -> None:
    service = a2a_pb2.DESCRIPTOR.services_by_name["A2AService"]
    assert service.full_name == "lf.a2a.v1.A2AService"
    for method in service.methods:
        call = grpc_caller.channel.unary_stream(f"/{service.full_name}/{method.name}")
        code = await ending(call(b"", metadata=grpc_caller.metadata))
        empty_is_enough = method.name in {"ListTasks", "GetExtendedAgentCard"}
        assert (code, method.name) == ("OK" if empty_is_enough else "INVALID_ARGUMENT", method.name)


async def ending(call: Any) -> str:
    """The name of the status with which a call ends."""
    with contextlib.suppress(grpc.aio.AioRpcError):
        async for _ in call:
            pass
    return str((await call.code()).name)


@obliges("10.2-parameters", "4.6-activated")
@pytest.mark.parametrize("binding", [GRPC])
async def test_service_parameters_are_metadata(caller: Caller, demanding: Caller, required: str) -> None:
    answer = await demanding.call("SendMessage", sent("a"), A2A_Extensions=f"urn:example:other, {required}")
    assert answer.task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert answer.headers["a2a-extensions"] == required
    assert "a2a-extensions" not in (await caller.call("SendMessage", sent("a"))).headers


@obliges("10.2-version", "3.6.2-empty")
@pytest.mark.parametrize("binding", [GRPC])
async def test_without_a_version_it_is_not_1_0(caller: Caller) -> None:
    for version in ("", "0.3", "0.1", "2.0"):
        answer = await caller.call("SendMessage", sent("a"), A2A_Version=version)
        assert (answer.reason, answer.status) == ("VERSION_NOT_SUPPORTED", "FAILED_PRECONDITION")


@obliges("10.6-status")
async def test_errors_say_in_their_details_what_they_are(grpc_caller: GrpcCaller) -> None:
    get = a2a_stub(grpc_caller.channel).GetTask
    error = await refused(get(GetTaskRequest(id="none"), metadata=grpc_caller.metadata))
    status = status_from_call(error)
    assert status
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert MessageToDict(info)["domain"] == "a2a-protocol.org"
    assert (info.reason, error.code().name, error.details()) == ("TASK_NOT_FOUND", "NOT_FOUND", status.message)


@obliges("10.7-events")
@pytest.mark.parametrize("binding", [GRPC])
async def test_streams_are_messages_of_their_own(caller: Caller) -> None:
    events = await caller.streamed("SendStreamingMessage", sent("tck-stream-001"))
    assert [list(event) for event in events] == [["task"], ["statusUpdate"], ["artifactUpdate"], ["statusUpdate"]]


@obliges("5.7-unknown")
async def test_fields_of_a_later_version_are_ignored(grpc_caller: GrpcCaller) -> None:
    request = a2a_pb2.SendMessageRequest()
    request.message.message_id, request.message.role = "tck-complete-task", a2a_pb2.ROLE_USER
    request.message.parts.add(text="please")
    later = request.SerializeToString() + b"\xfa\x7d\x03abc"  # field 2015
    told = await grpc_caller.channel.unary_unary(SEND)(later, metadata=grpc_caller.metadata)
    answer = a2a_pb2.SendMessageResponse.FromString(told)
    assert answer.task.status.state == a2a_pb2.TASK_STATE_COMPLETED
