"""Sections 3.6, 7 and 8: what an agent says of itself, to whom, and in which version."""

from typing import Any

import pytest
from a2a.client import ClientConfig, ClientFactory
from a2a.server.context import ServerCallContext
from a2a.types import AgentCard, GetExtendedAgentCardRequest, Message, Part, Role, SendMessageRequest, TaskState
from a2a.utils.errors import ExtendedAgentCardNotConfiguredError
from google.protobuf.json_format import ParseDict

from crossdock.auth.caller import Caller as Authenticated
from crossdock.auth.claims import Principal
from crossdock.server.admission import Admission
from crossdock.server.faults import rest_error, rpc_error
from crossdock.server.handler import JournalRequestHandler
from crossdock.tasks.engine import EngineLimits, TaskEngine
from crossdock.tasks.memory import MemoryJournal
from crossdock.telemetry.metrics import Metrics
from crossdock.telemetry.tasks import TaskTelemetry
from tests.support.conformance_behaviours import Conformance
from tests.support.conformance_service import conformance_card
from tests.support.grpc_channels import channel
from tests.support.obligations import obliges
from tests.support.operations import UNAUTHENTICATED, Caller, RestCaller, RpcCaller, sent
from tests.support.system import System
from tests.support.wire import JSONRPC, card_at, finish, rpc

pytestmark = pytest.mark.asyncio(loop_scope="module")
CARD = "/.well-known/agent-card.json"
PLEASE = [{"kind": "text", "text": "please"}]
OLD: dict[str, Any] = {
    "message": {"kind": "message", "messageId": "tck-input-required", "role": "user", "parts": PLEASE}
}
OLD_REST: dict[str, Any] = {
    "message": {"messageId": "tck-input-required", "role": "ROLE_USER", "content": [{"text": "please"}]}
}


@pytest.fixture(scope="module", params=["memory"])
def kind(request: pytest.FixtureRequest) -> str:
    """Cards do not depend on where tasks are kept."""
    return str(request.param)


@obliges("8.2-published", "5.7-required")
async def test_the_card_is_there_for_everyone_and_whole(crossdock: System, agent_url: str) -> None:
    answer = await crossdock.http().get(agent_url + CARD)
    card = answer.json()
    assert answer.headers["content-type"] == "application/json"
    for name in ("name", "description", "version"):
        assert card[name]
    for name in ("supportedInterfaces", "defaultInputModes", "defaultOutputModes", "skills"):
        assert len(card[name]) >= 1
    assert "capabilities" in card
    for skill in card["skills"]:
        assert all(skill[name] for name in ("id", "name", "description", "tags"))


@obliges("5.2-declared", "5.1-equal")
async def test_each_interface_is_served_as_declared(crossdock: System, agent_url: str) -> None:
    card = await card_at(crossdock.http(), agent_url)
    authorized = {"Authorization": (await crossdock.headers())["Authorization"]}
    http = crossdock.http(headers=authorized)
    assert [(item.protocol_binding, item.protocol_version) for item in card.supported_interfaces] == [
        ("JSONRPC", "1.0"),
        ("HTTP+JSON", "1.0"),
        ("GRPC", "1.0"),
        ("JSONRPC", "0.3"),
        ("HTTP+JSON", "0.3"),
        ("GRPC", "0.3"),
    ]
    message = Message(message_id="tck-artifact-text", role=Role.ROLE_USER, parts=[Part(text="please")])
    for interface in card.supported_interfaces:
        alone = AgentCard()
        alone.CopyFrom(card)
        del alone.supported_interfaces[:]
        alone.supported_interfaces.append(interface)
        config = ClientConfig(
            httpx_client=http,
            grpc_channel_factory=lambda address: channel(crossdock, address.removeprefix("http://"), authorized),
            supported_protocol_bindings=[interface.protocol_binding],
        )
        task = await finish(ClientFactory(config).create(alone), SendMessageRequest(message=message))
        assert task.status.state == TaskState.TASK_STATE_COMPLETED
        assert task.artifacts[0].parts[0].text == "Generated text content"


@obliges("3.6.2-empty")
@pytest.mark.parametrize("headers", [{}, {"A2A-Version": ""}, {"A2A-Version": "0.3"}])
async def test_without_a_version_it_is_0_3(
    rpc_caller: RpcCaller, rest_caller: RestCaller, headers: dict[str, str]
) -> None:
    authorized = {"Authorization": rpc_caller.headers["Authorization"], **headers}
    http = rpc_caller.http
    by_rpc = (await http.post(rpc_caller.url, json=rpc("message/send", OLD), headers=authorized)).json()["result"]
    assert (by_rpc["kind"], by_rpc["status"]["state"]) == ("task", "input-required")
    by_rest = await http.post(f"{rest_caller.url}/v1/message:send", json=OLD_REST, headers=authorized)
    assert by_rest.json()["task"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    current = {rpc_caller.url: rpc("SendMessage", sent("a")), f"{rest_caller.url}/message:send": sent("a")}
    for url, content in current.items():
        refused = (await http.post(url, json=content, headers=authorized)).json()["error"]
        assert "VERSION_NOT_SUPPORTED" in str(refused)


@obliges("3.6.2-empty")
async def test_a_lone_message_reaches_clients_of_0_3(rpc_caller: RpcCaller, rest_caller: RestCaller) -> None:
    http, authorized = rpc_caller.http, {"Authorization": rpc_caller.headers["Authorization"]}
    said = {"message": {**OLD["message"], "messageId": "tck-message-response"}}
    for method in ("message/send", "message/stream"):
        answer = await http.post(rpc_caller.url, json=rpc(method, said), headers=authorized)
        assert '"kind":"message"' in answer.text
        assert "Direct message response" in answer.text
    said_rest = {"message": {**OLD_REST["message"], "messageId": "tck-message-response"}}
    for method in ("send", "stream"):
        answer = await http.post(f"{rest_caller.url}/v1/message:{method}", json=said_rest, headers=authorized)
        assert "Direct message response" in answer.text
        assert '"task":' not in answer.text


@obliges("7.4-every")
async def test_every_operation_needs_a_token(caller: Caller) -> None:
    for operation, params in OPERATIONS.items():
        for given in ("", "Bearer nonsense"):
            answer = await caller.call(operation, params, Authorization=given)
            assert (answer.status in UNAUTHENTICATED, operation) == (True, operation)
            assert answer.headers["www-authenticate"].startswith("Bearer ")


CONFIG: dict[str, Any] = {"taskId": "t", "id": "c", "url": "https://example.com/hook"}
OPERATIONS: dict[str, dict[str, Any]] = {
    "SendMessage": sent("a"),
    "SendStreamingMessage": sent("a"),
    "GetTask": {"id": "t"},
    "ListTasks": {},
    "CancelTask": {"id": "t"},
    "SubscribeToTask": {"id": "t"},
    "CreateTaskPushNotificationConfig": CONFIG,
    "GetTaskPushNotificationConfig": {"taskId": "t", "id": "c"},
    "ListTaskPushNotificationConfigs": {"taskId": "t"},
    "DeleteTaskPushNotificationConfig": {"taskId": "t", "id": "c"},
    "GetExtendedAgentCard": {},
}


@obliges("13.3-extended")
async def test_the_extended_card_is_for_those_who_authenticate(
    crossdock: System, caller: Caller, agent_url: str
) -> None:
    assert (await caller.call("GetExtendedAgentCard", Authorization="")).status in UNAUTHENTICATED
    extended = ParseDict((await caller.call("GetExtendedAgentCard")).result, AgentCard(), ignore_unknown_fields=True)
    public = await card_at(crossdock.http(), agent_url)
    assert len(extended.capabilities.extensions) > len(public.capabilities.extensions)


@obliges("3.3.4-extended")
async def test_an_agent_without_an_extended_card_says_so(bare: Caller) -> None:
    assert (await bare.call("GetExtendedAgentCard")).reason == "UNSUPPORTED_OPERATION"


@obliges("3.3.4-unset")
async def test_a_declared_extended_card_that_is_not_there_is_told() -> None:
    """Services always have one; what is asked here is the request handler that others may build on."""
    journal, metrics = MemoryJournal(), Metrics("bare-agent")
    engine = TaskEngine(Conformance(), journal, TaskTelemetry(metrics), EngineLimits())
    card = conformance_card("http://agent.test", "http://issuer.test")
    handler = JournalRequestHandler(engine, journal, Admission("bare", card, 8), metrics)
    principal = Principal(subject="s", customer="acme", client_id="c", roles=frozenset(), expires_at=0.0)
    context = ServerCallContext(user=Authenticated(principal))
    with pytest.raises(ExtendedAgentCardNotConfiguredError) as raised:
        await handler.on_get_extended_agent_card(GetExtendedAgentCardRequest(), context)
    assert rpc_error(raised.value)["code"] == -32007
    assert (rest_error(raised.value)["code"], rest_error(raised.value)["status"]) == (400, "FAILED_PRECONDITION")


async def test_json_rpc_comes_first(crossdock: System, agent_url: str) -> None:
    """Section 8.3.1: the order is that of preference."""
    assert (await card_at(crossdock.http(), agent_url)).supported_interfaces[0].protocol_binding == JSONRPC
