"""The gRPC binding (section 10), of A2A 1.0 and 0.3, over the same table of operations as the others.

The handlers take and give bytes: what is wrong with a message is told as on the other bindings.
"""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

import grpc
from a2a.server.context import ServerCallContext
from a2a.server.request_handlers import RequestHandler
from a2a.utils.errors import A2AError
from google.protobuf.message import Message
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status
from opentelemetry import trace

from crossdock.extensions import EVENT_NUMBER
from crossdock.parts import fill
from crossdock.server.call import CALL, VERSION_HEADER, Call, extension_header, once, requested_extensions
from crossdock.server.faults import TooLargeError, as_a2a, grpc_error
from crossdock.server.grpc_answers import abort
from crossdock.server.grpc_door import CALLER
from crossdock.server.grpc_methods import GRPC_METHODS
from crossdock.server.limits import too_large
from crossdock.server.loop import off_loop
from crossdock.server.operations import V0_3, Method
from crossdock.server.rate_gate import RateGate
from crossdock.server.responses import begun
from crossdock.tasks.events import copied
from crossdock.telemetry.tracing import ServerSpan

T = TypeVar("T")
Rpc = Any  # grpc.aio's context, whose stubs know no handlers of bytes
Answer = Callable[[Method, Message, ServerCallContext, Rpc], Awaitable[bytes | None]]


class GrpcBinding(grpc.GenericRpcHandler):
    """`extensions` are the agent's. A message over `limit` bytes is refused."""

    def __init__(
        self, handler: RequestHandler, extensions: Collection[str], limit: int, gate: RateGate | None = None
    ) -> None:
        self._handler = handler
        self._extensions = frozenset(extensions)
        self._limit = limit
        self._gate = gate
        self._going: set[asyncio.Task[Any]] = set()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        path = handler_call_details.method
        method = GRPC_METHODS.get(path)
        if method is None:
            return None
        if method.operation.streaming:
            stream: Any = functools.partial(self._served, path, method, self._stream)
            return grpc.unary_stream_rpc_method_handler(stream)
        unary: Any = functools.partial(self._served, path, method, self._unary)
        return grpc.unary_unary_rpc_method_handler(unary)

    async def _served(self, path: str, method: Method, answer: Answer, body: bytes, rpc: Rpc) -> bytes | None:
        metadata = _texts(rpc)
        headers = {name: values[0] for name, values in metadata.items()}
        with ServerSpan(path.removeprefix("/"), headers):
            try:
                if self._gate:
                    await self._gate.enter(CALLER.get(), Call())
                if len(body) > self._limit:
                    raise TooLargeError(too_large(self._limit))
                version = VERSION_HEADER.lower()
                method.check_version(once(version, metadata.get(version, [])))
                params = await off_loop(len(body), method.decode, body)
                context = _context(metadata, headers, getattr(params, "tenant", ""))
                told = extension_header(context.requested_extensions & self._extensions)
                await rpc.send_initial_metadata([(name.lower(), value) for name, value in told.items()])
                return await answer(method, params, context, rpc)
            except Exception as error:  # noqa: BLE001 - every error is an answer
                status = _status(as_a2a(error), method)
        return await abort(rpc, status, {})

    async def _unary(self, method: Method, params: Message, context: ServerCallContext, rpc: Rpc) -> bytes:
        return await self._whole(method.answer(self._handler, params, context))

    async def _stream(self, method: Method, params: Message, context: ServerCallContext, rpc: Rpc) -> None:
        numbered = EVENT_NUMBER in context.requested_extensions
        call: Call = context.state[CALL]
        begins = begun(method.events(self._handler, params, context))
        async with aclosing(await self._whole(begins)) as events:
            async for event in events:
                number = call.numbers.pop(0) if call.numbers else None
                told = _numbered(event, number) if numbered and number else event
                await rpc.write(await method.encoded(told))

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """`work`, to its end: gRPC cancels the call of who goes away, and half of a change must not stay behind."""
        task = asyncio.create_task(work)
        self._going.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: "asyncio.Task[Any]") -> None:
        self._going.discard(task)
        if not task.cancelled():
            task.exception()  # told by `_served`, or to nobody


def _texts(rpc: Rpc) -> dict[str, list[str]]:
    texts: dict[str, list[str]] = {}
    for name, value in rpc.invocation_metadata() or ():
        if isinstance(value, str):
            texts.setdefault(name, []).append(value)
    return texts


def _context(metadata: dict[str, list[str]], headers: dict[str, str], tenant: str) -> ServerCallContext:
    """As `Head.context` makes it of an HTTP request."""

    def values(name: str) -> list[str]:
        return metadata.get(name, [])

    return ServerCallContext(
        user=CALLER.get(),
        tenant=tenant,
        state={"headers": headers, CALL: Call(values=values)},
        requested_extensions=requested_extensions(values),
    )


def _numbered(event: Any, number: int) -> Any:
    """A copy: other readers share the event."""
    numbered = copied(event)
    fill(numbered.metadata.fields[EVENT_NUMBER], number)
    return numbered


def _status(error: A2AError, method: Method) -> Status:
    status = grpc_error(error)
    if method.version == V0_3:
        status.message = f"{type(error).__name__}: {status.message}"  # by the name clients of 0.3 know an error
    trace.get_current_span().set_attribute("rpc.grpc.status_code", status.code)
    if status.code in {Code.INTERNAL, Code.UNAVAILABLE}:
        trace.get_current_span().set_status(trace.Status(trace.StatusCode.ERROR))
    return status
