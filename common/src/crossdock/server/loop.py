"""Keeping the event loop free: what takes long for its size is done in a thread."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

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
