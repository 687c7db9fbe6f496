"""The turns that wait in the journal of one process."""

import asyncio
import contextlib
from collections import deque

from crossdock.tasks.memory_task import StoredTask


class OwnerQueues:
    """One queue for each owner; the owners take turns. A task says of itself whether it is `queued`."""

    def __init__(self) -> None:
        self._queues: dict[str, deque[StoredTask]] = {}  # in the order of the owners' turns
        self._work = asyncio.Event()

    def __bool__(self) -> bool:
        return bool(self._queues)

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def waiting(self, owner: str) -> int:
        return len(self._queues.get(owner, ()))

    def add(self, stored: StoredTask, *, front: bool = False) -> None:
        queue = self._queues.setdefault(stored.owner, deque())
        queue.appendleft(stored) if front else queue.append(stored)
        stored.queued = True
        self._work.set()

    def remove(self, stored: StoredTask) -> None:
        if not stored.queued:
            return
        stored.queued = False
        queue = self._queues[stored.owner]
        queue.remove(stored)
        if not queue:
            del self._queues[stored.owner]

    def take(self) -> StoredTask | None:
        """The first of the owner whose turn it is, who is last from here on."""
        if not self._queues:
            return None
        owner = next(iter(self._queues))
        queue = self._queues.pop(owner)
        stored = queue.popleft()
        stored.queued = False
        if queue:
            self._queues[owner] = queue
        return stored

    async def work(self, seconds: float) -> None:
        """Returns when something waits, or after `seconds`."""
        if self._queues:
            return
        self._work.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._work.wait()
