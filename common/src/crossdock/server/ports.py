"""Ports to listen on; who cannot have one is told so before anything starts."""

import socket

from crossdock.errors import ConfigError


def bound(host: str, port: int) -> socket.socket:
    """Raises `ConfigError` for a port that cannot be had; uvicorn would end the process with a traceback."""
    # The protocol is named because asyncio sets TCP_NODELAY only then: without, a small answer waits 40 ms for an ACK.
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except OSError as error:
        made.close()
        raise taken(host, port, error.strerror or "it cannot be bound") from error
    return made


def taken(host: str, port: int, reason: str) -> ConfigError:
    return ConfigError(
        f"Cannot listen on port {port} of {host}: {reason}. Stop what uses it, or set CROSSDOCK_PORT "
        "(health and metrics are on the port 1000 above it, gRPC 2000 above it)."
    )
