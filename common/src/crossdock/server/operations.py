"""A2A's operations (section 3.1), and how the words of one binding and version become calls of the request handler."""

import re
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import RequestHandler
from a2a.types import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTasksRequest,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import VersionNotSupportedError
from google.protobuf.message import Message

from crossdock.server.call import VERSION_HEADER
from crossdock.server.decoding import decode
from crossdock.server.encoding import encode, encode_choice, encode_page
from crossdock.server.loop import off_loop

VERSION = re.compile(r"(\d+)(\.\d+)*")
V1, V0_3 = "1.0", "0.3"


@dataclass(frozen=True, slots=True)
class Operation:
    """`handler` is the name of the request handler's method."""

    name: str
    params: type[Message]
    handler: str
    streaming: bool = False


_PUSH = "TaskPushNotificationConfig"
OPERATIONS = {
    operation.name: operation
    for operation in (
        Operation("SendMessage", SendMessageRequest, "on_message_send"),
        Operation("SendStreamingMessage", SendMessageRequest, "on_message_send_stream", streaming=True),
        Operation("GetTask", GetTaskRequest, "on_get_task"),
        Operation("ListTasks", ListTasksRequest, "on_list_tasks"),
        Operation("CancelTask", CancelTaskRequest, "on_cancel_task"),
        Operation("SubscribeToTask", SubscribeToTaskRequest, "on_subscribe_to_task", streaming=True),
        Operation(f"Create{_PUSH}", TaskPushNotificationConfig, "on_create_task_push_notification_config"),
        Operation(f"Get{_PUSH}", GetTaskPushNotificationConfigRequest, "on_get_task_push_notification_config"),
        Operation(f"List{_PUSH}s", ListTaskPushNotificationConfigsRequest, "on_list_task_push_notification_configs"),
        Operation(f"Delete{_PUSH}", DeleteTaskPushNotificationConfigRequest, "on_delete_task_push_notification_config"),
        Operation("GetExtendedAgentCard", GetExtendedAgentCardRequest, "on_get_extended_agent_card"),
    )
}


@dataclass(frozen=True, slots=True)
class Method:
    """An operation in one version's words: `decode` takes its parameters, `encode` an answer or an event of it."""

    operation: Operation
    version: str
    decode: Callable[[Any], Message]
    encode: Callable[[Any], bytes]

    def check_version(self, asked: str | None) -> None:
        """Section 3.6: without a version it is 0.3. A patch number does not count."""
        asked = asked or V0_3
        found = VERSION.fullmatch(asked.strip())
        if found is None or found[1] != self.version[0]:
            raise VersionNotSupportedError(
                f"This is a method of A2A {self.version}, but {VERSION_HEADER} says {asked[:20]!r}. Send the header "
                f"{VERSION_HEADER}: {self.version}, or call that version's own method."
            )

    async def answer(self, handler: RequestHandler, params: Message, context: ServerCallContext) -> bytes:
        """The answer as JSON."""
        return await self.encoded(await getattr(handler, self.operation.handler)(params, context))

    def events(self, handler: RequestHandler, params: Message, context: ServerCallContext) -> AsyncGenerator[Any]:
        """The answer of a streaming operation."""
        events: AsyncGenerator[Any] = getattr(handler, self.operation.handler)(params, context)
        return events

    async def encoded(self, result: Any) -> bytes:
        return await off_loop(result.ByteSize() if isinstance(result, Message) else 0, self.encode, result)


ENCODERS: dict[str, Callable[[Any], bytes]] = {
    "SendMessage": encode_choice,
    "SendStreamingMessage": encode_choice,
    "SubscribeToTask": encode_choice,
    "ListTasks": encode_page,
    f"Delete{_PUSH}": lambda _: b"{}",
}


def _current(operation: Operation) -> Method:
    def decoded(value: Any) -> Message:
        return decode(value, operation.params())

    return Method(operation, V1, decoded, ENCODERS.get(operation.name, encode))


METHODS = {name: _current(operation) for name, operation in OPERATIONS.items()}
"""A2A 1.0's."""
