"""Slots that several owners share fairly."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class FairSlots:
    """Owners who wait take turns, and each leaves one of the `limit` slots to the others.

    So whoever fills all that is theirs with work that never ends shuts nobody else out. A lone slot goes by turns only.
    """

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._share = max(1, limit - 1)
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}  # whose turn is next comes first

    @asynccontextmanager
    async def held(self, owner: str) -> AsyncIterator[None]:
        await self._turn(owner)
        try:
            yield
        finally:
            self._release(owner)

    async def _turn(self, owner: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(owner, deque()).append(turn)
        self._grant()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was granted in the same moment
                self._release(owner)
            elif turn in (queue := self._waiting.get(owner, deque())):
                queue.remove(turn)
            raise

    def _release(self, owner: str) -> None:
        self._free += 1
        self._held -= Counter([owner])
        self._grant()

    def _grant(self) -> None:
        while self._free and (owner := self._next()) is not None:
            queue = self._waiting.pop(owner)
            turn = queue.popleft() if queue else None
            if queue:
                self._waiting[owner] = queue  # behind the others
            if turn is not None and not turn.cancelled():
                self._free -= 1
                self._held[owner] += 1
                turn.set_result(None)

    def _next(self) -> str | None:
        return next((owner for owner in self._waiting if self._held[owner] < self._share), None)
