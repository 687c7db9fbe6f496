"""The event loop, and keeping it free: what takes long for its size is done in a thread."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")
AT_ONCE = 64 * 1024
"""Bytes that are handled within about a millisecond, which a change of threads would cost too."""


async def off_loop(size: int, function: Callable[..., T], /, *args: Any) -> T:
    """`function(*args)`, in a thread if it works on more than a few bytes.

    Python code in a thread gives way every few milliseconds; a single call into C does not. What is called here keeps
    such calls short.
    """
    if size <= AT_ONCE:
        return function(*args)
    return await asyncio.to_thread(function, *args)


class Loop(uvloop.Loop):
    """uvloop's, which with httptools halves what a request costs beside the work itself."""

    async def create_connection(
        self, protocol_factory: Callable[[], Any], host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        """Looks the name up first: one who gives up meanwhile leaves uvloop's own look-up behind, and each that fails
        later is an error in the log, of a future that nobody has."""
        if host is not None:
            asked = {name: options[name] for name in ("family", "proto", "flags") if name in options}
            await self.getaddrinfo(host, port, type=socket.SOCK_STREAM, **asked)
        return await super().create_connection(protocol_factory, host, port, **options)
