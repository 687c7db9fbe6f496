"""The methods of the gRPC services: A2A 1.0's (section 10), and those of 0.3, whose names and messages differ."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from a2a.compat.v0_3 import a2a_v0_3_pb2 as proto
from a2a.compat.v0_3 import conversions, types
from a2a.compat.v0_3.proto_utils import FromProto, ToProto
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    SendMessageResponse,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
)
from a2a.utils.proto_utils import to_stream_response
from google.protobuf.message import Message

from crossdock.server import legacy
from crossdock.server.decoding import unfit
from crossdock.server.operations import OPERATIONS, V0_3, V1, Method, Operation
from crossdock.server.protobuf import received

SERVICE, OLD_SERVICE = "lf.a2a.v1.A2AService", "a2a.v1.A2AService"
TASK = re.compile(r"tasks/([^/]+)")
CONFIG = re.compile(r"tasks/([^/]+)/pushNotificationConfigs/([^/]+)")


def _sent(result: Any) -> bytes:
    answer = SendMessageResponse(task=result) if isinstance(result, Task) else SendMessageResponse(message=result)
    return answer.SerializeToString()


def _event(event: Any) -> bytes:
    return to_stream_response(event).SerializeToString()


def _plain(result: Message) -> bytes:
    return result.SerializeToString()


def _empty(_: None) -> bytes:
    return b""


def _current(operation: Operation) -> Method:
    def decoded(body: bytes) -> Message:
        return received(body, operation.params)

    encoders: dict[str, Callable[[Any], bytes]] = {"SendMessage": _sent, "DeleteTaskPushNotificationConfig": _empty}
    encoded = _event if operation.streaming else encoders.get(operation.name, _plain)
    return Method(operation, V1, decoded, encoded)


def _old(name: str, kind: type[Message], core: Callable[[Any], Message], told: Callable[[Any], Message]) -> Method:
    def decoded(body: bytes) -> Message:
        return core(received(body, kind))

    def encoded(result: Any) -> bytes:
        return told(result).SerializeToString()

    return Method(OPERATIONS[name], V0_3, decoded, encoded)


def _task(name: str) -> str:
    found = TASK.fullmatch(name)
    if found is None:
        raise unfit("name", "must be tasks/ and the task's id")
    return found[1]


def _config(name: str) -> dict[str, str]:
    found = CONFIG.fullmatch(name)
    if found is None:
        raise unfit("name", "must be tasks/TASK/pushNotificationConfigs/CONFIG")
    return {"task_id": found[1], "id": found[2]}


def _core_get(request: proto.GetTaskRequest) -> Message:
    # 0.3 has no other word for "all of it" than 0
    return GetTaskRequest(id=_task(request.name), history_length=request.history_length or None)


def _core_create(request: proto.CreateTaskPushNotificationConfigRequest) -> Message:
    _task(request.parent)
    params = FromProto.task_push_notification_config_request(request)
    asked = types.SetTaskPushNotificationConfigRequest(id=0, params=params)
    return conversions.to_core_create_task_push_notification_config_request(asked)


def _old_config(config: TaskPushNotificationConfig) -> Message:
    return ToProto.task_push_notification_config(conversions.to_compat_task_push_notification_config(config))


def _old_configs(found: ListTaskPushNotificationConfigsResponse) -> Message:
    configs: Any = [_old_config(config) for config in found.configs]
    return proto.ListTaskPushNotificationConfigResponse(configs=configs)


def _old_card(card: AgentCard) -> Message:
    return ToProto.agent_card(conversions.to_compat_agent_card(card))


_PUSH = "TaskPushNotificationConfig"
OLD: dict[str, Method] = {
    "SendMessage": _old("SendMessage", proto.SendMessageRequest, legacy.core_send, legacy.proto_sent),
    "SendStreamingMessage": _old(
        "SendStreamingMessage", proto.SendMessageRequest, legacy.core_send, legacy.proto_event
    ),
    "GetTask": _old("GetTask", proto.GetTaskRequest, _core_get, legacy.proto_task),
    "CancelTask": _old(
        "CancelTask",
        proto.CancelTaskRequest,
        lambda request: CancelTaskRequest(id=_task(request.name)),
        legacy.proto_task,
    ),
    "TaskSubscription": _old(
        "SubscribeToTask",
        proto.TaskSubscriptionRequest,
        lambda request: SubscribeToTaskRequest(id=_task(request.name)),
        legacy.proto_event,
    ),
    f"Create{_PUSH}": _old(f"Create{_PUSH}", proto.CreateTaskPushNotificationConfigRequest, _core_create, _old_config),
    f"Get{_PUSH}": _old(
        f"Get{_PUSH}",
        proto.GetTaskPushNotificationConfigRequest,
        lambda request: GetTaskPushNotificationConfigRequest(**_config(request.name)),
        _old_config,
    ),
    f"List{_PUSH}": _old(
        f"List{_PUSH}s",
        proto.ListTaskPushNotificationConfigRequest,
        lambda request: ListTaskPushNotificationConfigsRequest(task_id=_task(request.parent)),
        _old_configs,
    ),
    f"Delete{_PUSH}": Method(
        OPERATIONS[f"Delete{_PUSH}"],
        V0_3,
        lambda body: DeleteTaskPushNotificationConfigRequest(
            **_config(received(body, proto.DeleteTaskPushNotificationConfigRequest).name)
        ),
        _empty,
    ),
    "GetAgentCard": _old(
        "GetExtendedAgentCard", proto.GetAgentCardRequest, lambda _: GetExtendedAgentCardRequest(), _old_card
    ),
}
GRPC_METHODS: Mapping[str, Method] = {
    **{f"/{SERVICE}/{name}": _current(operation) for name, operation in OPERATIONS.items()},
    **{f"/{OLD_SERVICE}/{name}": method for name, method in OLD.items()},
}
"""By the path of the request."""
