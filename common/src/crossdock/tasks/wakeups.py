"""One subscription per process: it tells waiting readers and workers that there is something to fetch."""

import asyncio
import contextlib
from collections.abc import Callable, Generator, Sequence

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.exceptions import RedisError

from crossdock.tasks.redis_connection import plain_losses
from crossdock.tasks.stopping import ended

log = structlog.get_logger(__name__)
QUIET = 5.0
"""A connection that hears nothing for so many seconds is asked whether it is alive."""
AGAIN = 0.5


class Wakeups:
    """Readers wait for a task's id, workers for any work. A lost message costs time only: both look again slowly."""

    def __init__(self, client: "Redis | RedisCluster", channels: Sequence[str]) -> None:
        self._client = client
        self._channels = channels
        self._readers: dict[str, set[asyncio.Event]] = {}
        self._work = asyncio.Event()
        self._pushes = asyncio.Event()
        self._canceled: Callable[[str], None] = lambda _: None
        self._task: asyncio.Task[None] | None = None

    def start(self, canceled: Callable[[str], None]) -> None:
        self._canceled = canceled
        self._task = asyncio.create_task(self._listen())

    async def close(self) -> None:
        if self._task is not None:
            await ended(self._task)

    def changed(self, task_id: str) -> None:
        """Wakes the readers of one task in this process."""
        for event in self._readers.get(task_id, ()):
            event.set()

    async def wait(self, changed: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await changed.wait()

    @contextlib.contextmanager
    def watching(self, task_id: str) -> Generator[asyncio.Event]:
        """An event of the reader's own, set whenever the task may have changed; to be cleared before each look."""
        event = asyncio.Event()
        readers = self._readers.setdefault(task_id, set())
        readers.add(event)
        try:
            yield event
        finally:
            readers.discard(event)
            if not readers:
                self._readers.pop(task_id, None)

    async def work(self, seconds: float) -> None:
        await self.wait(self._work, seconds)
        self._work.clear()

    async def pushes(self, seconds: float) -> None:
        await self.wait(self._pushes, seconds)
        self._pushes.clear()

    def push(self) -> None:
        """Wakes those who deliver to webhooks in this process."""
        self._pushes.set()

    async def _listen(self) -> None:
        while True:
            try:
                with plain_losses():
                    await self._subscribed()
            except (RedisError, OSError) as error:
                log.warning("wakeups_lost", error=type(error).__name__)
            except Exception as error:
                log.error("wakeups_failed", exc_info=error)
            self.everybody()
            await asyncio.sleep(AGAIN)

    async def _subscribed(self) -> None:
        async with self._client.pubsub() as subscription:
            await subscription.subscribe(*self._channels)
            self.everybody()  # what was sent while nobody listened
            asked = False
            while True:
                # Confirmations are signs of life, too: left out they would look like silence.
                message = await subscription.get_message(timeout=QUIET)
                if message is None and asked:
                    raise ConnectionError("nobody is at the other end")
                asked = message is None
                if message is None:
                    await subscription.ping()
                elif message["type"] == "message":
                    self._heard(message["data"].decode())

    def _heard(self, text: str) -> None:
        kind, _, rest = text.partition(":")
        if kind == "e":
            self.changed(rest.rpartition(":")[0])
        elif kind == "c":
            self._canceled(rest)
        elif kind == "p":
            self.push()
        else:
            self._work.set()

    def everybody(self) -> None:
        """Wakes all that wait in this process: they may have missed something."""
        self._work.set()
        self.push()
        for task_id in self._readers:
            self.changed(task_id)
