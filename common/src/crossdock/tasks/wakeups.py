"""One subscription per process: it tells waiting readers and workers that there is something to fetch."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Generator, Sequence

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)
QUIET = 5.0
"""A connection that hears nothing for so many seconds is asked whether it is alive."""
AGAIN = 0.5


class Wakeups:
    """Readers wait for a task's id, workers for any work. A lost message costs time only: both look again slowly."""

    def __init__(self, client: "Redis | RedisCluster", channels: Sequence[str]) -> None:
        self._client = client
        self._channels = channels
        self._changed: dict[str, asyncio.Event] = {}
        self._readers: Counter[str] = Counter()
        self._work = asyncio.Event()
        self._canceled: Callable[[str], None] = lambda _: None
        self._task: asyncio.Task[None] | None = None

    def start(self, canceled: Callable[[str], None]) -> None:
        self._canceled = canceled
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def changed(self, task_id: str) -> None:
        """Wakes the readers of one task in this process."""
        if (event := self._changed.get(task_id)) is not None:
            event.set()

    async def wait(self, task_id: str, seconds: float) -> None:
        """Until the task may have changed. Subscribe first, then look: see `watching`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed[task_id].wait()

    @contextlib.contextmanager
    def watching(self, task_id: str) -> Generator[asyncio.Event]:
        """The event that is set whenever the task may have changed; its user clears it before it looks."""
        event = self._changed.setdefault(task_id, asyncio.Event())
        self._readers[task_id] += 1
        try:
            yield event
        finally:
            self._readers[task_id] -= 1
            if not self._readers[task_id]:
                del self._readers[task_id], self._changed[task_id]

    async def work(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._work.wait()
        self._work.clear()

    async def _listen(self) -> None:
        while True:
            try:
                await self._subscribed()
            except (RedisError, OSError) as error:
                log.warning("wakeups_lost", error=type(error).__name__)
            self._everybody()
            await asyncio.sleep(AGAIN)

    async def _subscribed(self) -> None:
        async with self._client.pubsub() as subscription:
            await subscription.subscribe(*self._channels)
            self._everybody()  # what was sent while nobody listened
            while True:
                message = await subscription.get_message(ignore_subscribe_messages=True, timeout=QUIET)
                if message is None:
                    await subscription.ping()
                else:
                    self._heard(message["data"].decode())

    def _heard(self, text: str) -> None:
        kind, _, rest = text.partition(":")
        if kind == "e":
            self.changed(rest.rpartition(":")[0])
        elif kind == "c":
            self._canceled(rest)
        else:
            self._work.set()

    def _everybody(self) -> None:
        self._work.set()
        for event in self._changed.values():
            event.set()
