"""A2A 0.3 on every binding: its words become those of 1.0 through the SDK's conversions, and back."""

from collections.abc import AsyncGenerator, Callable
from typing import Any, get_args

from a2a.compat.v0_3 import a2a_v0_3_pb2 as proto
from a2a.compat.v0_3 import conversions, types
from a2a.compat.v0_3.proto_utils import FromProto, ToProto
from a2a.types import (
    AgentCard,
    GetTaskRequest,
    ListTaskPushNotificationConfigsResponse,
    SendMessageRequest,
    Task,
    TaskArtifactUpdateEvent,
    TaskPushNotificationConfig,
    TaskStatusUpdateEvent,
)
from a2a.types import Message as CoreMessage
from a2a.utils.errors import A2AError, InvalidParamsError, VersionNotSupportedError
from google.protobuf.message import Message
from pydantic import BaseModel, ValidationError

from crossdock.server.decoding import decode, octets, unfit, whole
from crossdock.server.encoding import encode
from crossdock.server.faults import CODES
from crossdock.server.operations import METHODS, OPERATIONS, V0_3, Method

KNOWN_CODES = {kind.model_fields["code"].default for kind in get_args(types.A2AError.model_fields["root"].annotation)}
INTERNAL_CODE = -32603
SPOKEN = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "finite_number": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list: [...]",
    "dict_type": "must hold fields: {...}",
    "model_type": "must hold fields: {...}",
    "model_attributes_type": "must hold fields: {...}",
}
"""What A2A 0.3 expects, by the kind of pydantic's error."""


def rpc_error(error: A2AError) -> dict[str, Any]:
    """The `error` of a JSON-RPC answer.

    0.3 clients do not know the codes that came later; the one about versions is for those who speak another.
    """
    code = CODES.get(type(error), INTERNAL_CODE)
    known = code in KNOWN_CODES or isinstance(error, VersionNotSupportedError)
    told = {"code": code if known else INTERNAL_CODE, "message": str(error)}
    return {**told, "data": error.data} if error.data else told


async def only(text: bytes) -> AsyncGenerator[bytes]:
    """A stream of one event."""
    yield b"data: %b\r\n\r\n" % text


def _rpc_decoder(model: type[BaseModel], convert: Callable[[Any], Message]) -> Callable[[Any], Message]:
    def decoded(params: Any) -> Message:
        try:
            request: Any = model.model_validate({"id": 0, "params": params})
        except ValidationError as error:
            raise _told(error) from None
        asked = getattr(request, "params", None)
        _check_lengths(asked)
        message = getattr(asked, "message", None)
        contents = _contents(message, "message.parts[{}].file.bytes") if message else {}
        core = convert(request)
        for index, content in contents.items():
            core.message.parts[index].raw = content  # type: ignore[attr-defined] # contents are those of a message
        return core

    return decoded


def _check_lengths(asked: Any) -> None:
    """The model takes any whole number, the messages of 1.0 take 32 bits."""
    configuration = getattr(asked, "configuration", None)
    for path, holder in {"historyLength": asked, "configuration.historyLength": configuration}.items():
        if (length := getattr(holder, "history_length", None)) is not None:
            whole(length, path)


def _told(error: ValidationError) -> InvalidParamsError:
    first = error.errors(include_url=False, include_input=False)[0]
    path, expected = "", SPOKEN.get(first["type"], "is not what A2A 0.3 expects here")
    if first["type"] in {"enum", "literal_error"}:
        expected = f"must be one of: {first['ctx']['expected']}"
    for step in first["loc"][1:]:
        if isinstance(step, str) and step[:1].isupper():  # one of several kinds that a part may be of
            expected = "must be a text, file or data part with the fields of its kind"
            break
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return unfit(path.removeprefix("."), expected)


def _contents(message: types.Message, path: str) -> dict[int, bytes]:
    """The contents of inline files by part, strictly read; the conversions would drop what is no base64."""
    contents = {}
    for index, part in enumerate(message.parts):
        file = part.root.file if isinstance(part.root, types.FilePart) else None
        if isinstance(file, types.FileWithBytes):
            contents[index] = octets(file.bytes, path.format(index))
            file.bytes = ""
        if isinstance(part.root, types.DataPart) and (part.root.metadata or {}).get("data_part_compat"):
            part.root.data.setdefault("value", None)
    return contents


TO_COMPAT: dict[type[Message], Callable[[Any], Any]] = {
    Task: conversions.to_compat_task,
    CoreMessage: conversions.to_compat_message,
    TaskStatusUpdateEvent: conversions.to_compat_task_status_update_event,
    TaskArtifactUpdateEvent: conversions.to_compat_task_artifact_update_event,
    AgentCard: conversions.to_compat_agent_card,
    TaskPushNotificationConfig: conversions.to_compat_task_push_notification_config,
}


def _rpc_encoded(result: Any) -> bytes:
    if result is None:  # a configuration was deleted
        return b"null"
    if isinstance(result, ListTaskPushNotificationConfigsResponse):
        return b"[%b]" % b",".join(map(_rpc_encoded, result.configs))
    text: str = TO_COMPAT[type(result)](result).model_dump_json(by_alias=True, exclude_none=True)
    return text.encode()


def _rpc_method(name: str, model: type[BaseModel], convert: Callable[[Any], Message]) -> Method:
    return Method(OPERATIONS[name], V0_3, _rpc_decoder(model, convert), _rpc_encoded)


_SET = conversions.to_core_create_task_push_notification_config_request
_GET = conversions.to_core_get_task_push_notification_config_request
_LIST = conversions.to_core_list_task_push_notification_config_request
_DELETE = conversions.to_core_delete_task_push_notification_config_request
_PUSH = "tasks/pushNotificationConfig"
_SEND = conversions.to_core_send_message_request
RPC_METHODS = {
    "message/send": _rpc_method("SendMessage", types.SendMessageRequest, _SEND),
    "message/stream": _rpc_method("SendStreamingMessage", types.SendStreamingMessageRequest, _SEND),
    "tasks/get": _rpc_method("GetTask", types.GetTaskRequest, conversions.to_core_get_task_request),
    "tasks/cancel": _rpc_method("CancelTask", types.CancelTaskRequest, conversions.to_core_cancel_task_request),
    "tasks/resubscribe": _rpc_method(
        "SubscribeToTask", types.TaskResubscriptionRequest, conversions.to_core_subscribe_to_task_request
    ),
    f"{_PUSH}/set": _rpc_method("CreateTaskPushNotificationConfig", types.SetTaskPushNotificationConfigRequest, _SET),
    f"{_PUSH}/get": _rpc_method("GetTaskPushNotificationConfig", types.GetTaskPushNotificationConfigRequest, _GET),
    f"{_PUSH}/list": _rpc_method("ListTaskPushNotificationConfigs", types.ListTaskPushNotificationConfigRequest, _LIST),
    f"{_PUSH}/delete": _rpc_method(
        "DeleteTaskPushNotificationConfig", types.DeleteTaskPushNotificationConfigRequest, _DELETE
    ),
    "agent/getAuthenticatedExtendedCard": _rpc_method(
        "GetExtendedAgentCard",
        types.GetAuthenticatedExtendedCardRequest,
        conversions.to_core_get_extended_agent_card_request,
    ),
}
RPC_STREAMS = [method for method in RPC_METHODS.values() if method.operation.streaming]


def _rest_send(value: Any) -> SendMessageRequest:
    return core_send(decode(value, proto.SendMessageRequest()))


def core_send(request: proto.SendMessageRequest) -> SendMessageRequest:
    """Raises `InvalidParamsError` for what the conversions would drop or stumble over."""
    for index, part in enumerate(request.request.content):
        path = f"message.content[{index}]"
        if part.WhichOneof("part") is None:
            raise unfit(path, "must hold text, file or data")
        if part.file.WhichOneof("file") is None and part.HasField("file"):
            raise unfit(f"{path}.file", "must hold fileWithBytes or fileWithUri")
        if part.file.HasField("file_with_bytes") and not part.file.file_with_bytes.isascii():
            raise unfit(f"{path}.file.fileWithBytes", "must be the base64 text of base64 text, as A2A 0.3 writes it")
    params = FromProto.message_send_params(request)
    contents = _contents(params.message, "message.content[{}].file.fileWithBytes")
    core = conversions.to_core_send_message_request(types.SendMessageRequest(id=0, params=params))
    for index, content in contents.items():
        core.message.parts[index].raw = content
    return core


def _rest_get(value: Any) -> GetTaskRequest:
    request = decode(value, GetTaskRequest())
    if request.history_length == 0:
        request.ClearField("history_length")  # 0.3 has no other word for "all of it"
    return request


def _rest_set(value: Any) -> TaskPushNotificationConfig:
    request = decode(value, proto.CreateTaskPushNotificationConfigRequest())
    config = FromProto.push_notification_config(request.config.push_notification_config)
    return conversions.to_core_push_notification_config(config)


def _rest_config(config: TaskPushNotificationConfig) -> bytes:
    compat = conversions.to_compat_task_push_notification_config(config)
    return encode(ToProto.task_push_notification_config(compat))


def _rest_configs(found: ListTaskPushNotificationConfigsResponse) -> bytes:
    return b'{"configs":[%b]}' % b",".join(map(_rest_config, found.configs))


def proto_sent(result: Any) -> Message:
    return ToProto.task_or_message(TO_COMPAT[type(result)](result))


def proto_event(event: Any) -> Message:
    return ToProto.stream_response(TO_COMPAT[type(event)](event))


def proto_task(task: Task) -> Message:
    return ToProto.task(conversions.to_compat_task(task))


def _rest_encoded(told: Callable[[Any], Message]) -> Callable[[Any], bytes]:
    return lambda result: encode(told(result))


def _rest_card(card: AgentCard) -> bytes:
    return conversions.to_compat_agent_card(card).model_dump_json(exclude_none=True).encode()


def _rest_method(name: str, decoded: Callable[[Any], Message], encoded: Callable[[Any], bytes]) -> Method:
    return Method(OPERATIONS[name], V0_3, decoded, encoded)


def _core(name: str) -> Callable[[Any], Message]:
    return METHODS[name].decode


REST_METHODS = {
    method.operation.name: method
    for method in (
        _rest_method("SendMessage", _rest_send, _rest_encoded(proto_sent)),
        _rest_method("SendStreamingMessage", _rest_send, _rest_encoded(proto_event)),
        _rest_method("GetTask", _rest_get, _rest_encoded(proto_task)),
        _rest_method("CancelTask", _core("CancelTask"), _rest_encoded(proto_task)),
        _rest_method("SubscribeToTask", _core("SubscribeToTask"), _rest_encoded(proto_event)),
        _rest_method("CreateTaskPushNotificationConfig", _rest_set, _rest_config),
        _rest_method("GetTaskPushNotificationConfig", _core("GetTaskPushNotificationConfig"), _rest_config),
        _rest_method("ListTaskPushNotificationConfigs", _core("ListTaskPushNotificationConfigs"), _rest_configs),
        _rest_method("GetExtendedAgentCard", _core("GetExtendedAgentCard"), _rest_card),
    )
}
