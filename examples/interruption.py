"""Ctrl-C, SIGTERM and a closed terminal: the first ends the work in order, another one kills what is left."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(Exception):
    """`number` is that of the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"interrupted by signal {number}")
        self.number = number


async def interruptible(work: Coroutine[Any, Any, int], kill: Callable[[], None]) -> int:
    """Cancels `work` at a signal; calls `kill` at every further one. Raises `Interrupted` when the work has ended."""
    task = asyncio.ensure_future(work)
    came: list[int] = []

    def interrupt(number: int) -> None:
        if came:
            kill()
        else:
            task.cancel()
        came.append(number)

    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:  # `nohup make run` is to outlive its terminal
            loop.add_signal_handler(number, interrupt, number)
    try:
        return await task
    except asyncio.CancelledError:
        if not came:
            raise
        raise Interrupted(came[0]) from None
