"""Looks after claimed tasks: keeps their leases, hears of cancels, and ends what is overdue."""

import asyncio
import contextlib
import random
from collections.abc import Generator

import structlog

from crossdock.errors import TryLater
from crossdock.tasks.journal import Claim, LeaseLost, TaskEnded, TaskJournal, TaskUnknown
from crossdock.tasks.worker import Stop, Worker

log = structlog.get_logger(__name__)
WORK_POLL = 1.0
"""A worker looks for work after so many seconds, should a wake-up be lost."""


class Keeper:
    def __init__(self, journal: TaskJournal, worker: Worker, name: str) -> None:
        self._journal = journal
        self._worker = worker
        self._name = name
        self._beat = journal.limits.lease / 3

    def canceled(self, task_id: str) -> None:
        if (held := self._worker.held.get(task_id)) is not None:
            held.interrupt(Stop.CANCELED)

    async def renew(self) -> None:
        """Three beats to a lease, so that one may be late."""
        while True:
            await asyncio.sleep(self._beat)
            leases = [held.claim.lease for held in self._worker.held.values()]
            if not leases:
                continue
            with self._patience():
                renewal = await self._journal.renew(leases)
                for task_id in renewal.canceled:
                    self.canceled(task_id)
                for lease in leases:
                    held = self._worker.held.get(lease.task_id)
                    if lease.task_id in renewal.lost and held is not None and held.claim.lease == lease:
                        held.interrupt(Stop.LOST)

    async def sweep(self) -> None:
        """Replicas take turns by chance: each sweep is one step for all of them."""
        while True:
            await asyncio.sleep(self._beat * random.uniform(0.7, 1.0))  # noqa: S311 - no secret
            with self._patience():
                for task_id in await self._journal.sweep():
                    with contextlib.suppress(TaskEnded, TaskUnknown, LeaseLost):
                        self._worker.begin(await self._journal.seize(task_id, self._name, overdue=True))

    async def claim(self) -> Claim | None:
        """The next waiting turn; None where there is none, or none can be had."""
        with self._patience():
            return await self._journal.claim(self._name)
        return None

    @contextlib.contextmanager
    def _patience(self) -> Generator[None]:
        """A store that is away for a while, or a mistake of ours, must not end the loop."""
        try:
            yield
        except TryLater:
            return
        except Exception as error:
            log.error("keeping_failed", exc_info=error)
