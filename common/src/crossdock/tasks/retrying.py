"""Trying again while the journal does not answer."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_random_exponential

from crossdock.tasks.journal import JournalDown

T = TypeVar("T")


async def patiently(call: Callable[[], Awaitable[T]], *, seconds: float, longest_pause: float) -> T:
    """What `call` returns, tried again for so many seconds. Raises the last `JournalDown`."""
    async for attempt in AsyncRetrying(
        stop=stop_after_delay(seconds),
        wait=wait_random_exponential(multiplier=0.05, max=longest_pause),
        retry=retry_if_exception_type(JournalDown),
        reraise=True,
    ):
        with attempt:
            return await call()
    raise AssertionError("tenacity ends with a result or an error")
