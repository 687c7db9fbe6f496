"""Carries tasks' events to their webhooks: in order for each, at least once, never in the way of the tasks."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from a2a.types import TaskPushNotificationConfig

from crossdock.errors import CrossdockError, TryLater
from crossdock.tasks.journal import Logged, TaskJournal, TaskUnknown
from crossdock.tasks.outbox import Delivery

log = structlog.get_logger(__name__)
BATCH = 4
Post = Callable[[TaskPushNotificationConfig, Logged], Awaitable[None]]
"""Hands one event to a webhook, or raises `NotTaken`."""


class NotTaken(CrossdockError):
    """The webhook did not take an event. `after`: seconds that it asked for; `gone`: it never wants to be asked again.

    The text is for logs.
    """

    def __init__(self, reason: str, *, after: float = 0.0, gone: bool = False) -> None:
        super().__init__(reason)
        self.after = after
        self.gone = gone


class CourierObserver(Protocol):
    """Both methods return at once and raise nothing."""

    def delivered(self, delivery: Delivery, number: int) -> None: ...

    def failed(self, delivery: Delivery, reason: str, *, attempts: int, dead: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class CourierPolicy:
    """Seconds and counts. After `attempts` failures in a row a configuration is dead.

    Pauses double from `first_wait` to `longest_wait`, each up to a quarter longer by chance. `seconds` is what one
    attempt may take, and a lease `margin` longer. `running` are under way in this process at a time, `per_owner`
    of them for one customer. At its end they get another `farewell` seconds.
    """

    attempts: int = 10
    first_wait: float = 1.0
    longest_wait: float = 300.0
    seconds: float = 10.0
    margin: float = 5.0
    running: int = 64
    per_owner: int = 4
    poll: float = 1.0
    farewell: float = 3.0

    def wait(self, attempts: int, after: float) -> float:
        """The pause after so many failures; a webhook may ask for a longer one, up to the longest."""
        doubled = min(self.first_wait * 2.0 ** min(attempts - 1, 30), self.longest_wait)
        return max(doubled * random.uniform(1.0, 1.25), min(after, self.longest_wait))  # noqa: S311 - no secret


class Courier:
    def __init__(self, journal: TaskJournal, post: Post, observer: CourierObserver, policy: CourierPolicy) -> None:
        self._journal = journal
        self._outbox = journal.outbox
        self._post = post
        self._observer = observer
        self._policy = policy
        self._lease = policy.seconds + policy.margin
        self._running: set[asyncio.Task[None]] = set()
        self._owners: Counter[str] = Counter()

    async def run(self) -> None:
        """Delivers until it is cancelled; what is under way then still gets a few seconds."""
        try:
            while True:
                if not await self._begin():
                    await self._outbox.work(self._policy.poll)
        finally:
            await self._say_farewell()

    async def _begin(self) -> bool:
        """Starts the next delivery; False where there is none, or no room for one."""
        if len(self._running) >= self._policy.running:
            return False
        busy = [owner for owner, count in self._owners.items() if count >= self._policy.per_owner]
        try:
            delivery = await self._outbox.claim(self._lease, busy)
        except TryLater:
            return False
        except Exception as error:
            log.error("push_claim_failed", exc_info=error)
            return False
        if delivery is None:
            return False
        self._owners[delivery.owner] += 1
        task = asyncio.create_task(self._deliver(delivery))
        self._running.add(task)
        task.add_done_callback(lambda _: self._over(task, delivery.owner))
        return True

    def _over(self, task: asyncio.Task[None], owner: str) -> None:
        self._running.discard(task)
        self._owners[owner] -= 1
        if not self._owners[owner]:
            del self._owners[owner]
        self._outbox.wake()

    async def _deliver(self, delivery: Delivery) -> None:
        """What goes wrong here leaves the claim to its lease: the same events are tried again."""
        try:
            await self._carry(delivery)
        except (TryLater, TaskUnknown):
            return
        except asyncio.CancelledError:  # another process need not wait for the lease
            with contextlib.suppress(TryLater, TaskUnknown):
                await self._outbox.settle(delivery)
            raise
        except Exception as error:
            log.error("push_delivery_failed", task_id=delivery.task_id, exc_info=error)

    async def _carry(self, delivery: Delivery) -> None:
        attempts = delivery.attempts
        for logged in await self._journal.read(delivery.owner, delivery.task_id, delivery.sent, BATCH):
            try:
                await self._attempt(delivery, logged)
            except NotTaken as refusal:
                await self._failed(delivery, refusal, attempts + 1)
                return
            attempts = 0
            self._observer.delivered(delivery, logged.number)
            if not await self._outbox.advance(delivery, logged.number, self._lease):
                return
        await self._outbox.settle(delivery)

    async def _attempt(self, delivery: Delivery, logged: Logged) -> None:
        try:
            async with asyncio.timeout(self._policy.seconds):
                await self._post(delivery.config, logged)
        except TimeoutError:
            raise NotTaken(f"no answer within {self._policy.seconds:g} s") from None

    async def _failed(self, delivery: Delivery, refusal: NotTaken, attempts: int) -> None:
        dead = refusal.gone or attempts >= self._policy.attempts
        self._observer.failed(delivery, str(refusal), attempts=attempts, dead=dead)
        if dead:
            await self._outbox.bury(delivery, str(refusal))
        else:
            await self._outbox.postpone(delivery, attempts, self._policy.wait(attempts, refusal.after))

    async def _say_farewell(self) -> None:
        """Where nobody else can go on, what is due is begun too."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._policy.farewell):
                while (not self._journal.durable and await self._begin()) or self._running:
                    if self._running:
                        await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
