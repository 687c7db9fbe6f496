"""A turn as it waits in the journal: one message of a caller, and what its executor must know of the call."""

import json
import struct
from dataclasses import dataclass, field, fields
from typing import Any

from a2a.server.context import ServerCallContext
from a2a.types import Message, Role, SendMessageRequest, Task
from opentelemetry import propagate

from crossdock.auth.caller import Caller
from crossdock.auth.claims import Principal
from crossdock.extensions import HOPS_HEADER

KEPT_HEADERS = ("a2a-version", HOPS_HEADER)
LENGTH = struct.Struct(">I")


@dataclass(frozen=True, slots=True)
class Turn:
    """`request` has no message once that is in the task's log: `message_id` finds it there. `seconds`: its limit.

    `new_context`: the caller named no context, so nothing came before.
    """

    request: SendMessageRequest
    message_id: str
    follows: bool
    seconds: float
    new_context: bool = False
    caller: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)
    trace: dict[str, str] = field(default_factory=dict)
    tenant: str = ""
    extensions: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        request: SendMessageRequest,
        context: ServerCallContext,
        seconds: float,
        *,
        follows: bool,
        new_context: bool = False,
    ) -> "Turn":
        trace: dict[str, str] = {}
        propagate.inject(trace)
        headers = context.state.get("headers", {})
        user = context.user
        return cls(
            request,
            request.message.message_id,
            follows,
            seconds,
            new_context,
            _described(user.principal) if isinstance(user, Caller) else None,
            {name: headers[name] for name in KEPT_HEADERS if name in headers},
            trace,
            context.tenant,
            tuple(sorted(context.requested_extensions)),
        )

    def encode(self, *, with_message: bool) -> bytes:
        given = self.request
        request = SendMessageRequest(
            tenant=given.tenant,
            metadata=given.metadata,
            configuration=given.configuration,
            message=given.message if with_message else None,
        )
        # The outbox keeps it, and no executor needs its secrets.
        request.configuration.ClearField("task_push_notification_config")
        rest = {
            "messageId": self.message_id,
            "follows": self.follows,
            "seconds": self.seconds,
            "newContext": self.new_context,
            "caller": self.caller,
            "headers": self.headers,
            "trace": self.trace,
            "tenant": self.tenant,
            "extensions": self.extensions,
        }
        text = json.dumps(rest).encode()
        return LENGTH.pack(len(text)) + text + request.SerializeToString()

    @classmethod
    def decode(cls, data: bytes) -> "Turn":
        (length,) = LENGTH.unpack_from(data)
        rest = json.loads(data[LENGTH.size : LENGTH.size + length])
        return cls(
            SendMessageRequest.FromString(data[LENGTH.size + length :]),
            rest["messageId"],
            rest["follows"],
            rest["seconds"],
            rest["newContext"],
            rest["caller"],
            rest["headers"],
            rest["trace"],
            rest["tenant"],
            tuple(rest["extensions"]),
        )

    def addressed(self, task: Task) -> SendMessageRequest:
        """The request with its message, which may have joined the task's history already."""
        request = SendMessageRequest()
        request.CopyFrom(self.request)
        if not request.HasField("message"):
            request.message.CopyFrom(_said(task, self.message_id))
        return request

    def context(self) -> ServerCallContext:
        context = ServerCallContext(
            tenant=self.tenant, state={"headers": dict(self.headers)}, requested_extensions=set(self.extensions)
        )
        if self.caller is not None:
            known = {item.name: self.caller[item.name] for item in fields(Principal) if item.name in self.caller}
            context.user = Caller(Principal(**{**known, "roles": frozenset(known["roles"])}))
        return context


def _described(principal: Principal) -> dict[str, Any]:
    return {
        "subject": principal.subject,
        "customer": principal.customer,
        "client_id": principal.client_id,
        "roles": sorted(principal.roles),
        "expires_at": principal.expires_at,
    }


def _said(task: Task, message_id: str) -> Message:
    """The caller's latest message with this id."""
    for message in reversed(task.history):
        if message.message_id == message_id and message.role != Role.ROLE_AGENT:
            return message
    raise LookupError(f"the task {task.id} has lost the message of its turn")
