"""The units of work: a turn is one caller's message to a task, a job the turns of one task in order."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum

from a2a.server.context import ServerCallContext
from a2a.types import SendMessageRequest


class Stop(Enum):
    """Why a running turn is interrupted from outside."""

    CANCELED = "canceled"
    SHUTDOWN = "shutdown"


@dataclass
class Turn:
    """`started` resolves to the number of the last event before this turn, when its work begins or never will."""

    owner: str
    request: SendMessageRequest
    call_context: ServerCallContext
    seconds: float
    follows: bool
    started: asyncio.Future[int] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def start(self, sequence: int) -> None:
        if not self.started.done():
            self.started.set_result(sequence)


class Job:
    """One task's turns; the first of them is the one that runs."""

    worker: asyncio.Task[None]

    def __init__(self, owner: str, turns: deque[Turn]) -> None:
        self.owner = owner
        self.turns = turns
        self.stop: Stop | None = None

    def begin(self, work: Coroutine[None, None, None], finished: Callable[[], None]) -> None:
        """Starts `work`; `finished` is called however it ends, also when it is cancelled before its first step."""
        self.worker = asyncio.create_task(work)
        self.worker.add_done_callback(lambda _: finished())

    def interrupt(self, reason: Stop) -> None:
        """The first reason stands."""
        if self.stop is None:
            self.stop = reason
            self.worker.cancel()
