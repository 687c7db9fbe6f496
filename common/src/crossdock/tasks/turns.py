"""A turn as it waits in the journal: one message of a caller, and what its executor must know of the call."""

import struct
from dataclasses import dataclass, field, fields, replace
from typing import Any

import orjson
from a2a.server.context import ServerCallContext
from a2a.types import Message, Role, SendMessageRequest, Task
from opentelemetry import propagate

from crossdock.auth.caller import Caller
from crossdock.auth.claims import Principal
from crossdock.extensions import HOPS_HEADER
from crossdock.tasks.events import copied

KEPT_HEADERS = ("a2a-version", HOPS_HEADER)
LENGTH = struct.Struct(">I")
ROLE_AGENT = Role.ROLE_AGENT  # an enum of protobuf looks each of its names up


@dataclass(frozen=True, slots=True)
class Turn:
    """`request` has no message where that is in the task's log: `message_id` finds it there. `seconds`: its limit.

    `new_context`: nothing came before in the task's context; always so where the caller named none.
    """

    request: SendMessageRequest
    message_id: str
    follows: bool
    seconds: float
    new_context: bool = False
    user: Caller | None = None
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
        """The turn of a follow-up has its message; a new task begins its log with it."""
        trace: dict[str, str] = {}
        propagate.inject(trace)
        headers = context.state.get("headers", {})
        user = context.user
        return cls(
            _kept(request, with_message=follows),
            request.message.message_id,
            follows,
            seconds,
            new_context,
            user if isinstance(user, Caller) else None,
            {name: headers[name] for name in KEPT_HEADERS if name in headers},
            trace,
            context.tenant,
            tuple(sorted(context.requested_extensions)),
        )

    def encode(self) -> bytes:
        rest = {
            "messageId": self.message_id,
            "follows": self.follows,
            "seconds": self.seconds,
            "newContext": self.new_context,
            "caller": None if self.user is None else _described(self.user.principal),
            "headers": self.headers,
            "trace": self.trace,
            "tenant": self.tenant,
            "extensions": self.extensions,
        }
        text = orjson.dumps(rest)
        return LENGTH.pack(len(text)) + text + self.request.SerializeToString()

    @property
    def detached(self) -> bool:
        """Whether its caller wants its answer before the work is done."""
        return bool(self.request.configuration.return_immediately)

    def begun(self) -> "Turn":
        """The turn once its message is in the log."""
        return replace(self, request=_kept(self.request, with_message=False))

    @classmethod
    def decode(cls, data: bytes) -> "Turn":
        (length,) = LENGTH.unpack_from(data)
        rest = orjson.loads(data[LENGTH.size : LENGTH.size + length])
        return cls(
            SendMessageRequest.FromString(data[LENGTH.size + length :]),
            rest["messageId"],
            rest["follows"],
            rest["seconds"],
            rest["newContext"],
            None if rest["caller"] is None else Caller(_principal(rest["caller"])),
            rest["headers"],
            rest["trace"],
            rest["tenant"],
            tuple(rest["extensions"]),
        )

    def addressed(self, task: Task) -> SendMessageRequest:
        """The request with its message, which may have joined the task's history already."""
        request = copied(self.request)
        if not request.HasField("message"):
            request.message.CopyFrom(_said(task, self.message_id))
        return request

    def context(self) -> ServerCallContext:
        context = ServerCallContext(
            tenant=self.tenant, state={"headers": dict(self.headers)}, requested_extensions=set(self.extensions)
        )
        if self.user is not None:
            context.user = self.user
        return context


def _kept(given: SendMessageRequest, *, with_message: bool) -> SendMessageRequest:
    kept = SendMessageRequest(tenant=given.tenant)
    if given.HasField("metadata"):
        kept.metadata.CopyFrom(given.metadata)
    if given.HasField("configuration"):
        kept.configuration.CopyFrom(given.configuration)
        # The outbox keeps it, and no executor needs its secrets.
        kept.configuration.ClearField("task_push_notification_config")
    if with_message:
        kept.message.CopyFrom(given.message)
    return kept


def _described(principal: Principal) -> dict[str, Any]:
    return {
        "subject": principal.subject,
        "customer": principal.customer,
        "client_id": principal.client_id,
        "roles": sorted(principal.roles),
        "expires_at": principal.expires_at,
    }


def _principal(described: dict[str, Any]) -> Principal:
    """Without what a newer release says of it."""
    known = {item.name: described[item.name] for item in fields(Principal) if item.name in described}
    return Principal(**{**known, "roles": frozenset(known["roles"])})


def _said(task: Task, message_id: str) -> Message:
    """The caller's latest message with this id."""
    for message in reversed(task.history):
        if message.message_id == message_id and message.role != ROLE_AGENT:
            return message
    raise LookupError(f"the task {task.id} has lost the message of its turn")
