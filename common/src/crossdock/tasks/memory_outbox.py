"""The outbox of one process."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from a2a.types import TaskPushNotificationConfig
from sortedcontainers import SortedDict, SortedList

from crossdock.tasks.journal import StoreFull
from crossdock.tasks.outbox import Delivery, PushConfigUnknown, PushOutbox, TooManyPushConfigs

Key = tuple[str, str]


@dataclass
class _Kept:
    owner: str
    config: bytes
    sent: int
    fence: int = 0
    attempts: int = 0
    at: float | None = None
    epitaph: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a task's log stands, and whether it goes on."""

    sequence: int
    ended: bool


@dataclass
class MemoryOutbox(PushOutbox):
    """`standing` looks a task up by owner and id, and raises `TaskUnknown`; `sizes` counts the bytes of each owner."""

    standing: Callable[[str, str], Standing]
    limit: int
    clock: Callable[[], float]
    sizes: Counter[str]
    owner_bytes: int
    _tasks: "dict[str, SortedDict[str, _Kept]]" = field(default_factory=dict)
    _due: "SortedList[tuple[float, str, str]]" = field(default_factory=SortedList)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def save(self, owner: str, config: TaskPushNotificationConfig) -> None:
        standing = self.standing(owner, config.task_id)
        if self._growth(config) > 0 and self.sizes[owner] >= self.owner_bytes:
            raise StoreFull
        self.place(owner, config, standing.sequence - standing.ended)

    def place(self, owner: str, config: TaskPushNotificationConfig, sent: int) -> None:
        """`sent` is the cursor of a new one. Raises `TooManyPushConfigs`."""
        known = self._tasks.get(config.task_id, {})
        if config.id not in known and len(known) >= self.limit:
            raise TooManyPushConfigs(self.limit)
        self.sizes[owner] += self._growth(config)
        configs = self._tasks.setdefault(config.task_id, SortedDict())
        kept = configs.setdefault(config.id, _Kept(owner, b"", sent))
        kept.config, kept.attempts, kept.epitaph = config.SerializeToString(), 0, ""
        kept.fence += 1
        behind = kept.sent < self.standing(owner, config.task_id).sequence
        self._plan((config.task_id, config.id), kept, self.clock() if behind else None)

    def appended(self, task_id: str) -> None:
        for config_id, kept in self._tasks.get(task_id, {}).items():
            if kept.at is None and not kept.epitaph:
                self._plan((task_id, config_id), kept, self.clock())

    def forget(self, task_id: str) -> None:
        for config_id, kept in self._tasks.pop(task_id, {}).items():
            self._drop((task_id, config_id), kept)

    async def list(self, owner: str, task_id: str) -> list[TaskPushNotificationConfig]:
        self.standing(owner, task_id)
        alive = [kept.config for kept in self._tasks.get(task_id, {}).values() if not kept.epitaph]
        return list(map(TaskPushNotificationConfig.FromString, alive))

    async def get(self, owner: str, task_id: str, config_id: str) -> TaskPushNotificationConfig:
        self.standing(owner, task_id)
        kept = self._tasks.get(task_id, {}).get(config_id)
        if kept is None:
            raise PushConfigUnknown(config_id)
        return TaskPushNotificationConfig.FromString(kept.config)

    async def delete(self, owner: str, task_id: str, config_id: str) -> None:
        self.standing(owner, task_id)
        kept = self._tasks.get(task_id, {}).pop(config_id, None)
        if kept is not None:
            self._drop((task_id, config_id), kept)

    async def claim(self, seconds: float, busy: Collection[str] = ()) -> Delivery | None:
        now = self.clock()
        for at, task_id, config_id in self._due:
            if at > now:
                return None
            kept = self._tasks[task_id][config_id]
            if kept.owner in busy:
                continue
            kept.fence += 1
            self._plan((task_id, config_id), kept, now + seconds)
            config = TaskPushNotificationConfig.FromString(kept.config)
            return Delivery(kept.owner, task_id, config, kept.fence, kept.sent, kept.attempts)
        return None

    async def advance(self, delivery: Delivery, number: int, seconds: float) -> bool:
        kept = self._claimed(delivery)
        if kept is None:
            return False
        kept.sent, kept.attempts = number, 0
        self._plan((delivery.task_id, delivery.config.id), kept, self.clock() + seconds)
        return True

    async def settle(self, delivery: Delivery) -> None:
        if (kept := self._claimed(delivery)) is not None:
            behind = kept.sent < self.standing(kept.owner, delivery.task_id).sequence
            self._plan((delivery.task_id, delivery.config.id), kept, self.clock() if behind else None)

    async def postpone(self, delivery: Delivery, attempts: int, seconds: float) -> None:
        if (kept := self._claimed(delivery)) is not None:
            kept.attempts = attempts
            self._plan((delivery.task_id, delivery.config.id), kept, self.clock() + seconds)

    async def bury(self, delivery: Delivery, reason: str) -> None:
        if (kept := self._claimed(delivery)) is not None:
            kept.epitaph = reason
            self._plan((delivery.task_id, delivery.config.id), kept, None)

    async def work(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    def wake(self) -> None:
        self._changed.set()

    def _claimed(self, delivery: Delivery) -> _Kept | None:
        kept = self._tasks.get(delivery.task_id, {}).get(delivery.config.id)
        return kept if kept is not None and kept.fence == delivery.fence else None

    def _growth(self, config: TaskPushNotificationConfig) -> int:
        """What it needs beyond the one with its id."""
        kept = self._tasks.get(config.task_id, {}).get(config.id)
        return config.ByteSize() - len(kept.config if kept is not None else b"")

    def _drop(self, key: Key, kept: _Kept) -> None:
        self.sizes[kept.owner] -= len(kept.config)
        self._plan(key, kept, None)

    def _plan(self, key: Key, kept: _Kept, at: float | None) -> None:
        """When the configuration may be claimed next: after a lease or a pause, or not before the log goes on."""
        if kept.at is not None:
            self._due.remove((kept.at, *key))
        kept.at = at
        if at is not None:
            self._due.add((at, *key))
            if at <= self.clock():
                self.wake()
