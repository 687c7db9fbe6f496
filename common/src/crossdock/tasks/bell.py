"""Wakes whoever waits for a change: lighter than `asyncio.Condition`, for there are many that wait."""

import asyncio


class Bell:
    """Heard by those that wait at that moment, and by those that say which `count` they knew before they looked."""

    __slots__ = ("_waiting", "count")

    def __init__(self) -> None:
        self.count = 0
        self._waiting: list[asyncio.Future[bool]] = []

    def ring(self) -> None:
        self.count += 1
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            _answer(waiter, heard=True)

    async def wait(self, seconds: float | None = None, *, known: int | None = None) -> bool:
        """Whether it rang, within `seconds`."""
        if known is not None and known != self.count:
            return True
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[bool] = loop.create_future()
        self._waiting.append(waiter)
        timer = None if seconds is None else loop.call_later(seconds, _answer, waiter)
        try:
            return await waiter
        finally:
            if timer is not None:
                timer.cancel()
            if waiter in self._waiting:
                self._waiting.remove(waiter)


def _answer(waiter: "asyncio.Future[bool]", heard: bool = False) -> None:
    if not waiter.done():
        waiter.set_result(heard)
