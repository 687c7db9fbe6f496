"""The door of the gRPC port: every method needs a token, whatever serves it, but for those that are named."""

from collections.abc import Awaitable, Callable, Collection, Mapping
from contextvars import ContextVar
from typing import Any, TypeAlias

import grpc
from google.rpc.code_pb2 import Code
from google.rpc.status_pb2 import Status

from crossdock.auth.bearer import BearerCheck
from crossdock.auth.caller import Caller
from crossdock.auth.refusals import Refusal
from crossdock.errors import TryLater
from crossdock.server.faults import as_a2a, grpc_error
from crossdock.server.grpc_answers import abort

CALLER: ContextVar[Caller] = ContextVar("caller")
"""Who makes the call that is being served: gRPC runs each call, with its interceptors, in a task of its own."""

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"


class AuthenticationInterceptor(grpc.aio.ServerInterceptor):
    """Refuses before a message is read. `public` are paths of methods."""

    def __init__(self, check: BearerCheck, public: Collection[str]) -> None:
        self._check = check
        self._public = frozenset(public)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        path = handler_call_details.method
        if path not in self._public:
            metadata: Any = handler_call_details.invocation_metadata
            try:
                CALLER.set(await self._check.caller([value for name, value in metadata if name == "authorization"]))
            except (Refusal, TryLater) as refusal:
                answer = self._check.answer(refusal, "gRPC", path)
                if isinstance(refusal, TryLater):
                    return _refusing(grpc_error(as_a2a(refusal)), answer.headers)
                return _refusing(Status(code=Code.Value(answer.name), message=answer.text), answer.headers)
            except Exception as error:  # noqa: BLE001 - gRPC would tell the caller the exception's text
                return _refusing(grpc_error(as_a2a(error)), {})
        return await continuation(handler_call_details)


def _refusing(status: Status, headers: Mapping[str, str]) -> Handler:
    """Fits every kind of method: a single message is a stream of one."""

    async def refuse(_: object, rpc: Any) -> None:
        await abort(rpc, status, headers)

    return grpc.stream_stream_rpc_method_handler(refuse)
