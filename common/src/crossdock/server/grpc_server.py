"""The gRPC port of a service: what listens there, how it is limited, and how it stops."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
from a2a.types import a2a_pb2
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import DESCRIPTOR as HEALTH
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server
from grpc_reflection.v1alpha import reflection

from crossdock.server.grpc_binding import GrpcBinding
from crossdock.server.grpc_door import AuthenticationInterceptor
from crossdock.server.grpc_methods import OLD_SERVICE, SERVICE
from crossdock.server.ports import bound, taken

PUBLIC_METHODS = ("/grpc.health.v1.Health/Check",)
"""Those who check health have no token. `Watch` keeps a stream open and needs one."""

METADATA = 64 * 1024
MINUTE = 60_000


@dataclass
class GrpcServer:
    """`limit` is that of a message's bytes. Use `bind`, `start` and `stop` in one event loop."""

    host: str
    port: int
    binding: GrpcBinding
    door: AuthenticationInterceptor
    limit: int
    reflects: bool = False
    _server: Any = field(default=None, init=False)
    _health: Any = field(default=None, init=False)

    def bind(self) -> None:
        """Idempotent. Raises `ConfigError` for a port that cannot be had."""
        if self._server is not None:
            return
        bound(self.host, self.port).close()  # gRPC itself would tell no reason, but write into the log
        server = grpc.aio.server(interceptors=[self.door], options=_options(self.limit))
        address = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        try:
            server.add_insecure_port(address)
        except RuntimeError:
            raise taken(self.host, self.port, "it cannot be bound") from None
        server.add_generic_rpc_handlers((self.binding,))
        self._health = health.aio.HealthServicer()
        add_HealthServicer_to_server(self._health, server)
        if self.reflects:
            reflection.enable_server_reflection(_services(), server)
        self._server = server

    async def start(self) -> None:
        self.bind()
        await self._server.start()
        for name in ("", SERVICE, OLD_SERVICE):
            await self._health.set(name, HealthCheckResponse.SERVING)

    async def leave(self) -> None:
        """Tells those who watch that this process is about to stop."""
        if self._health is not None:
            await self._health.enter_graceful_shutdown()

    async def stop(self, seconds: float) -> None:
        """Takes no new calls, and gives those that are open some time to end."""
        if self._server is not None:
            await self._server.stop(seconds)
            self._server = None


def _services() -> Sequence[str]:
    current = a2a_pb2.DESCRIPTOR.services_by_name["A2AService"].full_name
    return (current, HEALTH.services_by_name["Health"].full_name, reflection.SERVICE_NAME)


def _options(limit: int) -> list[tuple[str, int]]:
    """Messages up to twice the limit are read, so that the refusal says what to do; larger ones gRPC refuses itself.

    A silent peer is asked three times a minute whether it still lives, however long the silence: the stream of a dead
    one ends, and that of one that rests is not cut by nginx, whose limit for gRPC is a minute.
    """
    return [
        ("grpc.so_reuseport", 0),
        ("grpc.max_receive_message_length", min(2 * limit, 2**31 - 1)),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", METADATA),
        ("grpc.absolute_max_metadata_size", METADATA),
        ("grpc.keepalive_time_ms", MINUTE // 3),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.keepalive_timeout_ms", MINUTE // 3),
        ("grpc.http2.min_ping_interval_without_data_ms", MINUTE // 6),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
