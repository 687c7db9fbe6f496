"""One task as the journal of one process keeps it."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

from a2a.types import TaskState

from crossdock.tasks.cursor import Position
from crossdock.tasks.record import Record


@dataclass(eq=False)
class StoredTask:
    owner: str
    task_id: str
    context_id: str
    turn: bytes
    state: TaskState
    micros: int
    due: float
    named: float = 0.0
    log: list[Record] = field(default_factory=list)
    number: int = 1
    begun: bool = True
    started: bool = False
    over: bool = False
    canceled: bool = False
    written: str = ""
    gone: set[int] = field(default_factory=set)
    fence: int = 0
    until: float | None = None
    queued: bool = False
    turns: deque[tuple[bytes, float]] = field(default_factory=deque)
    accepted: int = 1
    checkpoint: bytes = b""
    ended_at: float | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def position(self) -> Position:
        return Position(self.micros, self.task_id)

    @property
    def indexes(self) -> tuple[tuple[str, ...], ...]:
        return (self.owner,), (self.owner, self.context_id)

    @property
    def size(self) -> int:
        return sum(record.size for record in self.log) + len(self.checkpoint)
