"""One HTTP request as our handler and the SDK's routes share it.

The SDK's dispatchers build their answers themselves. What they leave out is added on the way out: the number of each
event as the SSE field `id`, and the HTTP status of an answer that JSON-RPC would send with 200.
"""

from collections import deque
from dataclasses import dataclass, field

from a2a.extensions.common import HTTP_EXTENSION_HEADER, get_requested_extensions
from a2a.server.context import ServerCallContext
from a2a.server.routes.common import ServerCallContextBuilder
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CALL = "crossdock.call"


@dataclass
class Call:
    """`status`, where set, replaces the HTTP status; `headers` are added; `numbers` are those of the next events."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    numbers: deque[int] = field(default_factory=deque)


class CallMiddleware:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        call = Call()
        scope[CALL] = call

        async def finished(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = _start(message, call)
            elif message["type"] == "http.response.body" and call.numbers:
                message = _numbered(message, call)
            await send(message)

        await self._app(scope, receive, finished)


def _start(message: Message, call: Call) -> Message:
    headers = [*message.get("headers", []), *((k.lower().encode(), v.encode()) for k, v in call.headers.items())]
    return {**message, "status": call.status or message["status"], "headers": headers}


def _numbered(message: Message, call: Call) -> Message:
    # sse-starlette sends one event a message; comments (pings) begin with a colon, errors have no number.
    if not message.get("body", b"").startswith(b"data:"):
        return message
    return {**message, "body": b"id: %d\r\n" % call.numbers.popleft() + message["body"]}


class CallContextBuilder(ServerCallContextBuilder):
    """Hands the authenticated caller and the `Call` to the request handler."""

    def build(self, request: Request) -> ServerCallContext:
        return ServerCallContext(
            user=request.scope["user"],
            state={"headers": dict(request.headers), CALL: request.scope.get(CALL) or Call()},
            requested_extensions=get_requested_extensions(request.headers.getlist(HTTP_EXTENSION_HEADER)),
        )
