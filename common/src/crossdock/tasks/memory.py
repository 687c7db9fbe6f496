"""The journal of one process: the embedded default of the demo and of tests."""

import asyncio
import contextlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from a2a.types import Task, TaskPushNotificationConfig

from crossdock.tasks.cursor import position
from crossdock.tasks.events import INTERRUPTED, TERMINAL
from crossdock.tasks.journal import (
    Accepted,
    Claim,
    Entry,
    IdempotencyKey,
    JournalLimits,
    KeyedTaskExpired,
    KeyReused,
    Lease,
    LeaseLost,
    Logged,
    QueueFull,
    Renewal,
    Snapshot,
    StoreFull,
    TaskEnded,
    TaskFilter,
    TaskJournal,
    TaskPage,
    TaskUnknown,
)
from crossdock.tasks.memory_index import TaskIndex
from crossdock.tasks.memory_outbox import MemoryOutbox, Standing
from crossdock.tasks.memory_queues import OwnerQueues
from crossdock.tasks.memory_task import StoredTask
from crossdock.tasks.rates import MemoryRates
from crossdock.tasks.record import ARTIFACT, Record, bounded, checkpointed, encoded, folded, status_of

VISIBILITY = 10.0
"""An overdue task that nobody ended is named again after this many seconds."""


class MemoryJournal(TaskJournal):
    """Finished tasks are forgotten after the retention."""

    def __init__(self, limits: JournalLimits | None = None, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits = limits or JournalLimits()
        self._clock = clock
        self._bytes: Counter[str] = Counter()
        self._tasks: dict[str, StoredTask] = {}
        self._unfinished: dict[str, StoredTask] = {}
        self._index = TaskIndex(self._tasks)
        self._ended: dict[str, None] = {}  # in the order of their ends, which is the order in which they expire
        self._queues = OwnerQueues()
        self._keys: dict[tuple[str, str], tuple[str, str, int, float]] = {}
        self._waits_ended = False
        self.outbox: MemoryOutbox = MemoryOutbox(
            self._standing, self.limits.pushes, clock, self._bytes, self.limits.owner_bytes
        )
        self.rates = MemoryRates(clock)
        self._swept = math.inf
        self._spared = 0.0
        self._canceled: Callable[[str], None] = lambda _: None

    async def open(self, canceled: Callable[[str], None]) -> None:
        self._canceled = canceled

    async def stranded(self) -> list[str]:
        return list(self._unfinished)

    async def create(
        self,
        owner: str,
        task: Task,
        turn: bytes,
        seconds: float,
        *,
        worker: str = "",
        key: IdempotencyKey | None = None,
        push: TaskPushNotificationConfig | None = None,
    ) -> Accepted:
        self._expire()
        if (again := self._seen(owner, key)) is not None:
            return again
        direct = bool(worker) and not self._queues
        self._check_room(owner, direct=direct)
        first = encoded(Entry(task), 1)
        micros = task.status.timestamp.ToMicroseconds()
        due = self._clock() + seconds
        stored = StoredTask(owner, task.id, task.context_id, turn, task.status.state, micros, due)
        self._tasks[task.id] = self._unfinished[task.id] = stored
        self._log(stored, first)
        self._index.place(stored)
        self._remember(owner, key, task.id, 1)
        if push is not None:
            self.outbox.place(owner, push, 0)
        if direct:
            return Accepted(task.id, 1, 1, self._grant(stored))
        self._queues.add(stored)
        return Accepted(task.id, 1, 1)

    async def follow(
        self,
        owner: str,
        task_id: str,
        turn: bytes,
        seconds: float,
        *,
        worker: str = "",
        key: IdempotencyKey | None = None,
        push: TaskPushNotificationConfig | None = None,
    ) -> Accepted:
        stored = self._owned(owner, task_id)
        if (again := self._seen(owner, key)) is not None:
            return again
        self._open(stored)
        idle = stored.until is None and not stored.queued
        direct = bool(worker) and not self._queues and idle
        self._check_room(owner, direct=direct, waiting=len(stored.turns))
        if push is not None:
            self.outbox.place(owner, push, len(stored.log))
        stored.accepted += 1
        stored.turns.append((turn, seconds))
        self._remember(owner, key, task_id, stored.accepted)
        accepted = Accepted(task_id, stored.accepted, len(stored.log))
        if not idle:
            return accepted
        stored.due = self._clock() + seconds
        if direct:
            return Accepted(task_id, stored.accepted, len(stored.log), self._grant(stored))
        self._queues.add(stored)
        return accepted

    async def claim(self, worker: str) -> Claim | None:
        stored = self._queues.take()
        return self._grant(stored) if stored is not None else None

    async def seize(self, task_id: str, worker: str, *, overdue: bool = False) -> Claim:
        stored = self._task(task_id)
        self._open(stored)
        if overdue and (stored.until is not None or stored.due > self._clock()):
            raise LeaseLost(task_id)
        return self._grant(stored)

    async def renew(self, leases: Sequence[Lease]) -> Renewal:
        lost, canceled = set(), set()
        for lease in leases:
            stored = self._tasks.get(lease.task_id)
            if stored is None or stored.fence != lease.fence or stored.until is None:
                lost.add(lease.task_id)
                if stored is not None:
                    stored.gone.discard(lease.fence)
                continue
            stored.until = self._clock() + self.limits.lease
            if stored.canceled:
                canceled.add(lease.task_id)
        return Renewal(frozenset(lost), frozenset(canceled))

    async def release(self, lease: Lease, *, give_back: bool = False) -> None:
        stored = self._tasks.get(lease.task_id)
        if stored is None or stored.fence != lease.fence or stored.until is None:
            if stored is not None:
                stored.gone.discard(lease.fence)
            return
        stored.until = None
        if give_back:
            self._queues.add(stored, front=True)
            return
        stored.over = True
        if stored.canceled:
            self._queues.add(stored, front=True)
        elif stored.turns:
            stored.due = self._clock() + stored.turns[0][1]
            self._queues.add(stored)
        elif stored.state in INTERRUPTED:
            stored.due = self._clock() + self.limits.interrupted

    async def append(
        self,
        lease: Lease,
        entries: Sequence[Entry],
        *,
        begun: bytes | None = None,
        token: str = "",
        checkpoint: Any = None,
    ) -> int:
        if token and self._task(lease.task_id).written == token:
            return len(self._task(lease.task_id).log)
        stored = self._held(lease)
        stored.written = token
        for entry in entries:
            record = encoded(entry, stored.number)
            self._log(stored, record)
            if (status := status_of(entry.event)) is not None:
                self._index.displace(stored)
                stored.state, stored.micros = status
                self._index.place(stored)
                if stored.state in TERMINAL:
                    self._finish(stored)
                    break
        if begun is not None and stored.ended_at is None:
            stored.turn, stored.begun = begun, True
        if checkpoint is not None and stored.ended_at is None:
            self._keep(stored, checkpointed(checkpoint))
        stored.changed.set()
        stored.changed = asyncio.Event()
        self.outbox.appended(lease.task_id)
        return len(stored.log)

    async def cancel(self, owner: str, task_id: str, worker: str) -> Claim | None:
        stored = self._owned(owner, task_id)
        self._open(stored)
        stored.canceled = True
        if stored.until is not None:
            self._canceled(task_id)
            return None
        if not stored.started:
            return self._grant(stored)
        if not stored.queued:
            self._queues.add(stored, front=True)
        return None

    async def sweep(self) -> list[str]:
        self._expire()
        now = self._clock()
        if now - self._swept > self.limits.lease:
            self._spared = now + self.limits.lease
        self._swept = now
        overdue = []
        for stored in list(self._unfinished.values()):
            if stored.until is not None and stored.until <= now and now >= self._spared:
                stored.gone.add(stored.fence)
                stored.until = None
                stored.fence += 1
                self._queues.add(stored, front=True)
            if stored.until is None and max(stored.due, stored.named) <= now:
                stored.named = now + VISIBILITY
                overdue.append(stored.task_id)
        return overdue

    async def work(self, seconds: float) -> None:
        await self._queues.work(seconds)

    async def waiting(self) -> int:
        return len(self._queues)

    async def get(self, owner: str, task_id: str, upto: int | None = None) -> Snapshot:
        stored = self._owned(owner, task_id)
        log = stored.log if upto is None else stored.log[: max(upto, 1)]
        return Snapshot(folded(log), len(log), owner, log[0].event)

    async def read(self, owner: str, task_id: str, after: int, limit: int = 256) -> list[Logged]:
        window = self._owned(owner, task_id).log[after : after + limit]
        return [record.logged(number) for number, record in enumerate(window, after + 1)]

    async def wait(self, task_id: str, after: int, seconds: float) -> bool:
        stored = self._task(task_id)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while len(stored.log) <= after and not self._waits_ended and task_id in self._tasks:
                    await stored.changed.wait()
        return len(stored.log) > after

    def end_waits(self) -> None:
        self._waits_ended = True
        for stored in self._tasks.values():
            stored.changed.set()

    async def list(
        self, owner: str, wanted: TaskFilter, page_token: str, page_size: int, *, artifacts: bool = False
    ) -> TaskPage:
        self._expire()
        rest = self._index.found(owner, wanted, position(page_token), page_size + 1)
        logs = (
            [record for record in stored.log if artifacts or record.kind != ARTIFACT] for stored in rest[:page_size]
        )
        page = list(bounded(logs))
        token = rest[len(page) - 1].position.token() if len(rest) > len(page) else ""
        return TaskPage([folded(log) for log in page], token, self._index.count(owner, wanted))

    async def save_checkpoint(self, lease: Lease, data: Any) -> None:
        self._keep(self._held(lease), checkpointed(data))

    async def checkpoint(self, task_id: str) -> Any:
        data = self._task(task_id).checkpoint
        return json.loads(data) if data else None

    async def delete(self, lease: Lease) -> None:
        if lease.task_id in self._tasks:
            stored = self._held(lease)
            self._forget(stored)
            stored.changed.set()

    def _grant(self, stored: StoredTask) -> Claim:
        self._queues.remove(stored)
        if stored.over and stored.turns:
            stored.turn, _ = stored.turns.popleft()
            stored.number, stored.begun, stored.over = stored.number + 1, False, False
            stored.gone.clear()
        resumed = stored.started
        stored.fence += 1
        stored.started = True
        stored.until = self._clock() + self.limits.lease
        return Claim(
            Lease(stored.task_id, stored.owner, stored.fence),
            stored.turn,
            stored.number,
            len(stored.log),
            stored.begun,
            len(stored.gone),
            stored.canceled,
            stored.over,
            stored.due - self._clock(),
            resumed,
        )

    def _check_room(self, owner: str, *, direct: bool, waiting: int = 0) -> None:
        if not direct and self._queues.waiting(owner) + waiting >= self.limits.queued:
            raise QueueFull
        if self._bytes[owner] >= self.limits.owner_bytes:
            raise StoreFull

    def _seen(self, owner: str, key: IdempotencyKey | None) -> Accepted | None:
        if key is None:
            return None
        digest, task_id, turn, until = self._keys.get((owner, key.key), ("", "", 0, 0.0))
        if until <= self._clock():
            return None
        if digest != key.digest:
            raise KeyReused
        if task_id not in self._tasks:
            raise KeyedTaskExpired
        return Accepted(task_id, turn, len(self._tasks[task_id].log), again=True)

    def _remember(self, owner: str, key: IdempotencyKey | None, task_id: str, turn: int) -> None:
        if key is not None:
            self._keys.pop((owner, key.key), None)  # they stand in the order in which they expire
            self._keys[owner, key.key] = (key.digest, task_id, turn, self._clock() + self.limits.idempotency)

    def _log(self, stored: StoredTask, record: Record) -> None:
        stored.log.append(record)
        self._bytes[stored.owner] += record.size

    def _keep(self, stored: StoredTask, checkpoint: bytes) -> None:
        self._bytes[stored.owner] += len(checkpoint) - len(stored.checkpoint)
        stored.checkpoint = checkpoint

    def _finish(self, stored: StoredTask) -> None:
        self._queues.remove(stored)
        stored.until, stored.turn = None, b""
        self._keep(stored, b"")
        stored.turns.clear()
        stored.ended_at = self._clock()
        del self._unfinished[stored.task_id]
        self._ended[stored.task_id] = None

    def _task(self, task_id: str) -> StoredTask:
        stored = self._tasks.get(task_id)
        if stored is None:
            raise TaskUnknown(task_id)
        return stored

    def _owned(self, owner: str, task_id: str) -> StoredTask:
        self._expire()
        stored = self._task(task_id)
        if stored.owner != owner:
            raise TaskUnknown(task_id)
        return stored

    def _standing(self, owner: str, task_id: str) -> Standing:
        stored = self._owned(owner, task_id)
        return Standing(len(stored.log), stored.ended_at is not None)

    def _open(self, stored: StoredTask) -> None:
        if stored.ended_at is not None:
            raise TaskEnded(stored.task_id)

    def _held(self, lease: Lease) -> StoredTask:
        stored = self._task(lease.task_id)
        self._open(stored)
        if stored.fence != lease.fence or stored.until is None:
            stored.gone.discard(lease.fence)
            raise LeaseLost(lease.task_id)
        return stored

    def _expire(self) -> None:
        limit = self._clock() - self.limits.retention
        while self._ended:
            stored = self._tasks[next(iter(self._ended))]
            if stored.ended_at is None or stored.ended_at > limit:
                break
            self._forget(stored)
        while self._keys and next(iter(self._keys.values()))[3] <= self._clock():
            del self._keys[next(iter(self._keys))]

    def _forget(self, stored: StoredTask) -> None:
        self._queues.remove(stored)
        self._index.displace(stored)
        self._bytes[stored.owner] -= stored.size
        self.outbox.forget(stored.task_id)
        self._unfinished.pop(stored.task_id, None)
        self._ended.pop(stored.task_id, None)
        del self._tasks[stored.task_id]
