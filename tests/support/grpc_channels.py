"""Channels to a service's gRPC port, with the metadata that a test wants on every call."""

from collections.abc import Callable
from typing import Any

import grpc
from a2a.compat.v0_3 import a2a_v0_3_pb2_grpc
from a2a.types import a2a_pb2_grpc
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from tests.support.system import Agent, System


def _more(details: Any, metadata: dict[str, str]) -> Any:
    added = [(name.lower(), value) for name, value in metadata.items()]
    return details._replace(metadata=grpc.aio.Metadata(*(details.metadata or ()), *added))


class UnaryMetadata(grpc.aio.UnaryUnaryClientInterceptor):
    """Puts `metadata` on every call, for gRPC sends no credentials over channels without TLS."""

    def __init__(self, metadata: dict[str, str]) -> None:
        self._metadata = metadata

    async def intercept_unary_unary(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_more(client_call_details, self._metadata), request)


class StreamMetadata(grpc.aio.UnaryStreamClientInterceptor):
    """The same for calls that are answered with a stream."""

    def __init__(self, metadata: dict[str, str]) -> None:
        self._metadata = metadata

    async def intercept_unary_stream(
        self, continuation: Callable[..., Any], client_call_details: Any, request: Any
    ) -> Any:
        return await continuation(_more(client_call_details, self._metadata), request)


def adding(metadata: dict[str, str]) -> list[Any]:
    """Interceptors for a channel."""
    return [UnaryMetadata(metadata), StreamMetadata(metadata)] if metadata else []


def channel(crossdock: System, address: str, metadata: dict[str, str] | None = None) -> Any:
    """Closed with the system. Every channel has connections of its own."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)]
    made = grpc.aio.insecure_channel(address, options=options, interceptors=adding(metadata or {}))
    crossdock.stack.push_async_callback(made.close)
    return made


async def stub(crossdock: System, agent: Agent, client_id: str = "acme-orchestrator", **metadata: str) -> Any:
    """The generated client of A2A 1.0, authenticated. Underscores in names of metadata stand for dashes."""
    added = {name.replace("_", "-").lower(): value for name, value in metadata.items()}
    usual = {name.lower(): value for name, value in (await crossdock.headers(client_id)).items()}
    made = channel(crossdock, agent.grpc, {**usual, **added})
    return a2a_stub(made)


def a2a_stub(channel: Any) -> Any:
    """Generated code has no types: neither have the clients below."""
    return a2a_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]


def old_stub(channel: Any) -> Any:
    return a2a_v0_3_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]


def health_stub(channel: Any) -> Any:
    return HealthStub(channel)


def reflection_stub(channel: Any) -> Any:
    return ServerReflectionStub(channel)


async def refused(call: Any) -> Any:
    """The error that a call of any kind ends with."""
    try:
        if hasattr(call, "read"):
            while await call.read() is not grpc.aio.EOF:
                pass
        else:
            await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError("the call was not refused")
