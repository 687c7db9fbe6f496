"""The journal of one process: the embedded default of the demo and of tests."""

import asyncio
import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from a2a.types import Task
from a2a.utils.errors import InvalidParamsError
from a2a.utils.task import ListTasksCursor, decode_list_tasks_cursor, encode_list_tasks_cursor

from crossdock.tasks.events import TERMINAL, Event, fold, remember, state_of
from crossdock.tasks.journal import Entry, Snapshot, TaskEnded, TaskFilter, TaskJournal, TaskPage, TaskUnknown


@dataclass
class _Record:
    owner: str
    task: Task
    entries: list[Entry]
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    checkpoint: Any = None
    ended_at: float | None = None

    @property
    def position(self) -> ListTasksCursor:
        return ListTasksCursor(self.task.status.timestamp.ToNanoseconds(), self.task.id)


class MemoryJournal(TaskJournal):
    """Finished tasks are forgotten after `retention` seconds. Readers get copies, never live objects."""

    def __init__(self, *, retention: float = 3600.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._records: dict[str, _Record] = {}
        self._ended: dict[str, None] = {}  # in the order of their ends, which is the order in which they expire
        self._retention = retention
        self._clock = clock

    async def create(self, owner: str, task: Task) -> None:
        self._expire()
        stored = Task()
        stored.CopyFrom(task)
        first = Task()
        first.CopyFrom(task)
        self._records[task.id] = _Record(owner, stored, [Entry(first)])

    async def append(self, task_id: str, entries: Sequence[Entry]) -> int:
        record = self._record(task_id)
        if record.ended_at is not None:
            raise TaskEnded(task_id)
        for entry in entries:
            _apply(record.task, entry)
            record.entries.append(copy.deepcopy(entry))
            if state_of(entry.event) in TERMINAL:
                record.ended_at = self._clock()
                self._ended[task_id] = None
                break
        record.changed.set()
        record.changed = asyncio.Event()
        return len(record.entries)

    async def get(self, owner: str, task_id: str, upto: int | None = None) -> Snapshot:
        record = self._owned(owner, task_id)
        task = Task()
        if upto is None or upto >= len(record.entries):
            task.CopyFrom(record.task)
            return Snapshot(task, len(record.entries), owner)
        for entry in record.entries[: max(upto, 1)]:
            _apply(task, entry)
        return Snapshot(task, max(upto, 1), owner)

    async def read(self, owner: str, task_id: str, after: int, limit: int = 256) -> list[tuple[int, Event]]:
        record = self._owned(owner, task_id)
        window = record.entries[after : after + limit]
        return [(after + offset, copy.deepcopy(entry.event)) for offset, entry in enumerate(window, 1)]

    async def wait(self, task_id: str, after: int, seconds: float) -> bool:
        record = self._record(task_id)
        if len(record.entries) > after:
            return True
        try:
            async with asyncio.timeout(seconds):
                await record.changed.wait()
        except TimeoutError:
            return False
        return True

    async def list(self, owner: str, wanted: TaskFilter, page_token: str, page_size: int) -> TaskPage:
        self._expire()
        matching = [record for record in self._records.values() if record.owner == owner and _matches(record, wanted)]
        matching.sort(key=lambda record: record.position.sort_key(), reverse=True)
        rest = matching
        if page_token:
            cursor = decode_list_tasks_cursor(page_token)
            if cursor is None:
                raise InvalidParamsError("pageToken is not one that this agent gave out; list again without it")
            rest = [record for record in matching if record.position.sort_key() < cursor.sort_key()]
        page = rest[:page_size]
        token = encode_list_tasks_cursor(page[-1].position) if len(rest) > page_size else ""
        return TaskPage([copy.deepcopy(record.task) for record in page], token, len(matching))

    async def save_checkpoint(self, task_id: str, data: Any) -> None:
        self._record(task_id).checkpoint = copy.deepcopy(data)

    async def checkpoint(self, task_id: str) -> Any:
        return copy.deepcopy(self._record(task_id).checkpoint)

    async def delete(self, task_id: str) -> None:
        self._ended.pop(task_id, None)
        record = self._records.pop(task_id, None)
        if record is not None:
            record.changed.set()

    def _record(self, task_id: str) -> _Record:
        record = self._records.get(task_id)
        if record is None:
            raise TaskUnknown(task_id)
        return record

    def _owned(self, owner: str, task_id: str) -> _Record:
        self._expire()
        record = self._record(task_id)
        if record.owner != owner:
            raise TaskUnknown(task_id)
        return record

    def _expire(self) -> None:
        limit = self._clock() - self._retention
        while self._ended:
            task_id = next(iter(self._ended))
            ended_at = self._records[task_id].ended_at
            if ended_at is None or ended_at > limit:
                return
            del self._ended[task_id], self._records[task_id]


def _apply(task: Task, entry: Entry) -> None:
    if entry.message is not None:
        remember(task)
        task.history.append(entry.message)
    fold(task, entry.event)


def _matches(record: _Record, wanted: TaskFilter) -> bool:
    task = record.task
    return (
        (not wanted.context_id or task.context_id == wanted.context_id)
        and (wanted.state is None or task.status.state == wanted.state)
        and task.status.timestamp.ToNanoseconds() >= wanted.after_ns
    )
