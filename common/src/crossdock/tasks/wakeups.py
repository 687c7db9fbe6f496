"""One subscription per process: it tells waiting readers and workers that there is something to fetch."""

import asyncio
import contextlib
from collections.abc import Callable, Generator, Sequence

import structlog
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from crossdock.tasks.bell import Bell
from crossdock.tasks.outage import Outage
from crossdock.tasks.redis_link import plain_losses
from crossdock.tasks.stopping import ended

log = structlog.get_logger(__name__)
QUIET = 5.0
"""A connection that hears nothing for so many seconds is asked whether it is alive."""
AGAIN = 0.5


class Wakeups:
    """Readers wait for a task's id, workers for any work. A lost message costs time only: both look again slowly.

    A process hears of those tasks only that somebody reads in it: each has a channel of its own, which `channel_of`
    names. What `channels` tell is for everybody.
    """

    def __init__(
        self, client: "Redis | RedisCluster", channels: Sequence[str], channel_of: Callable[[str], str] = str
    ) -> None:
        self._client = client
        self._channels = channels
        self._channel_of = channel_of
        self._outage = Outage("wakeups_lost", "wakeups_back")
        self._readers: dict[str, list[Bell]] = {}
        self._wanted: dict[str, str] = {}
        self._subscription: PubSub | None = None
        self._asked: set[str] = set()
        self._asking: asyncio.Task[None] | None = None
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
        for bell in self._readers.get(task_id, ()):
            bell.ring()

    @contextlib.contextmanager
    def watching(self, task_id: str) -> Generator[Bell]:
        """A bell of the reader's own, which rings whenever the task may have changed."""
        bell = Bell()
        if task_id not in self._readers:
            self._readers[task_id] = []
            self._wanted[self._channel_of(task_id)] = task_id
            self._ask()
        self._readers[task_id].append(bell)
        try:
            yield bell
        finally:
            self._readers[task_id].remove(bell)
            if not self._readers[task_id]:
                del self._readers[task_id]
                del self._wanted[self._channel_of(task_id)]
                self._ask()

    def _ask(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._subscribe())

    async def _subscribe(self) -> None:
        """Asks for the channels of what is read here, and for no others any more."""
        while (subscription := self._subscription) is not None and self._asked != self._wanted.keys():
            more, fewer = self._wanted.keys() - self._asked, self._asked - self._wanted.keys()
            try:
                with plain_losses():
                    if more:
                        await subscription.subscribe(*more)
                    if fewer:
                        await subscription.unsubscribe(*fewer)
            except (RedisError, OSError, AttributeError) as error:  # the last one from a driver that connects again
                log.debug("wakeups_not_asked", error=type(error).__name__)
                await asyncio.sleep(AGAIN)
            else:
                self._asked = (self._asked | more) - fewer

    async def work(self, seconds: float) -> None:
        await _set(self._work, seconds)
        self._work.clear()

    async def pushes(self, seconds: float) -> None:
        await _set(self._pushes, seconds)
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
                self._outage.failed(type(error).__name__)
            except Exception as error:
                log.error("wakeups_failed", exc_info=error)
            self.everybody()
            await asyncio.sleep(AGAIN)

    async def _subscribed(self) -> None:
        if isinstance(self._client, RedisCluster):
            await self._client.initialize()  # a subscription needs to know the nodes, and does not ask
        async with self._client.pubsub() as subscription:
            await subscription.subscribe(*self._channels)
            self._subscription, self._asked = subscription, set()
            self._ask()
            try:
                await self._hear(subscription)
            finally:  # who asks on a closed subscription opens it again, and nobody would close that one
                self._subscription = None
                if self._asking is not None:
                    await ended(self._asking)

    async def _hear(self, subscription: PubSub) -> None:
        asked = False
        while True:
            # Confirmations are signs of life, too: left out they would look like silence.
            message = await subscription.get_message(timeout=QUIET)
            self._outage.over()
            if message is None and asked:
                raise ConnectionError("nobody is at the other end")
            asked = message is None
            if message is None:
                await subscription.ping()
            elif message["channel"] is not None:
                self._heard(message["type"], message["channel"].decode(), message["data"])

    def _heard(self, what: str, channel: str, data: bytes | int) -> None:
        task_id = self._wanted.get(channel)
        if task_id is not None:
            self.changed(task_id)  # also where the subscription begins: it may have changed before
        elif what == "subscribe":
            self.everybody()
        elif isinstance(data, bytes):
            self._told(data.decode())

    def _told(self, text: str) -> None:
        kind, _, rest = text.partition(":")
        if kind == "c":
            self._canceled(rest)
        elif kind == "p":
            self.push()
        elif kind == "w":
            self._work.set()

    def everybody(self) -> None:
        """Wakes all that wait in this process: they may have missed something."""
        self._work.set()
        self.push()
        for task_id in self._readers:
            self.changed(task_id)


async def _set(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
