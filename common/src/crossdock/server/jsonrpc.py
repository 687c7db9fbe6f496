"""The JSON-RPC binding (section 9), of A2A 1.0 and 0.3 on the same paths."""

import json
from collections.abc import AsyncGenerator, Collection, Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring as quoted
from typing import Any

from a2a.server.request_handlers import RequestHandler
from a2a.utils.errors import A2AError, InvalidParamsError, InvalidRequestError, MethodNotFoundError
from google.protobuf.message import Message
from starlette.types import Receive, Scope, Send

from crossdock.errors import Rejected
from crossdock.server import legacy
from crossdock.server.bodies import NotJson, parsed
from crossdock.server.call import Call, Head
from crossdock.server.faults import as_a2a, rpc_error
from crossdock.server.limits import whole_body
from crossdock.server.loop import off_loop
from crossdock.server.operations import METHODS, V0_3, Method
from crossdock.server.rate_gate import RateGate
from crossdock.server.responses import Begun, EventStream, JsonResponse, begun, event_frames

ALL_METHODS: Mapping[str, Method] = {**METHODS, **legacy.RPC_METHODS}


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its id as JSON, the method, and its parameters or why there are none."""

    request_id: bytes
    method: Method | None = None
    params: Message | None = None
    refused: Exception | None = None


class JsonRpc:
    """An ASGI app of its own: what Starlette does around an endpoint costs as much as all of this."""

    def __init__(self, handler: RequestHandler, extensions: Collection[str], gate: RateGate | None = None) -> None:
        self._handler = handler
        self._extensions = extensions
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self._answer(Head(scope), await whole_body(receive))
        await response(scope, receive, send)

    async def _answer(self, head: Head, body: bytes) -> JsonResponse | EventStream:
        asked = await off_loop(len(body), _asked, body, head)
        call = head.call(self._extensions)
        try:
            if self._gate:
                await self._gate.enter(head.scope["user"], call)
            if asked.method is None or asked.params is None:
                raise asked.refused or InvalidRequestError
            context = head.context(call, getattr(asked.params, "tenant", ""))
            if asked.method.operation.streaming:
                events = await begun(asked.method.events(self._handler, asked.params, context))
                return EventStream(_frames(asked, asked.method, events, call), call)
            result = await asked.method.answer(self._handler, asked.params, context)
        except Exception as error:  # noqa: BLE001 - every error is an answer
            return _refusal(asked, as_a2a(error), call)
        return JsonResponse(_success(asked.request_id, result), headers=call.headers)


def _asked(body: bytes, head: Head) -> Asked:
    """Never raises: a request's id goes with its refusal."""
    request_id, method = b"null", None
    try:
        envelope = _envelope(body)
        request_id = _request_id(envelope)
        method = _method(envelope)
        _check_answerable(envelope)
        method.check_version(head.version)
        params = envelope.get("params", {})
        if not isinstance(params, dict):
            raise InvalidParamsError("params must hold fields by their names: {...}.")
        return Asked(request_id, method, method.decode(params))
    except Exception as error:  # noqa: BLE001 - told by `answer`
        return Asked(request_id, method, refused=error)


def _envelope(body: bytes) -> dict[str, Any]:
    try:
        envelope = parsed(body)
    except NotJson:
        raise
    except Rejected as error:
        raise InvalidRequestError(str(error)) from None
    if isinstance(envelope, list):
        raise InvalidRequestError("Batches are not served here. Send one request at a time.")
    if not isinstance(envelope, dict):
        raise InvalidRequestError("The body must be a JSON-RPC request: {...}.")
    return envelope


def _request_id(envelope: dict[str, Any]) -> bytes:
    request_id = envelope.get("id")
    if isinstance(request_id, bool) or not isinstance(request_id, str | int | None):
        raise InvalidRequestError("id must be a string, a whole number or null.")
    if isinstance(request_id, int):
        return b"%d" % request_id
    return b"null" if request_id is None else quoted(request_id).encode()


def _check_answerable(envelope: dict[str, Any]) -> None:
    """A request without an id is a notification, which JSON-RPC forbids to answer. A2A has none (section 9.3)."""
    if "id" not in envelope:
        raise InvalidRequestError("id is missing. Send one: each of A2A's methods has an answer, which carries it.")


def _method(envelope: dict[str, Any]) -> Method:
    if envelope.get("jsonrpc") != "2.0":
        raise InvalidRequestError('jsonrpc must be "2.0".')
    name = envelope.get("method")
    if not isinstance(name, str) or not name:
        raise InvalidRequestError(f"method must be the name of a method. There are: {', '.join(METHODS)}.")
    if name not in ALL_METHODS:
        raise MethodNotFoundError(f"There is no method of this name. There are: {', '.join(METHODS)}.")
    return ALL_METHODS[name]


def _success(request_id: bytes, result: bytes) -> bytes:
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}' % (request_id, result)


def _frames(asked: Asked, method: Method, events: Begun, call: Call) -> AsyncGenerator[bytes]:
    asked = Asked(asked.request_id, method)  # a large request need not stay for as long as its stream
    return event_frames(
        method,
        events,
        call,
        wrap=lambda result: _success(asked.request_id, result),
        refuse=lambda error: _failure(asked, error),
    )


def _failure(asked: Asked, error: A2AError) -> bytes:
    tell = legacy.rpc_error if asked.method is not None and asked.method.version == V0_3 else rpc_error
    told = json.dumps(tell(error), ensure_ascii=False, separators=(",", ":")).encode()
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}' % (asked.request_id, told)


def _refusal(asked: Asked, error: A2AError, call: Call) -> JsonResponse | EventStream:
    text = _failure(asked, error)
    if asked.params is not None and asked.method in legacy.RPC_STREAMS:
        return EventStream(legacy.only(text), call)  # clients of 0.3 read the answer of a stream's method as a stream
    return JsonResponse(text, call.status or 200, call.headers)
