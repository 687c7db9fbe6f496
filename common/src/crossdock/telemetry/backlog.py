"""How much work there is, for those who decide how many replicas there should be."""

import asyncio

from crossdock.tasks.engine import TaskEngine
from crossdock.tasks.journal import JournalDown, TaskJournal
from crossdock.telemetry.metrics import Metrics

SECONDS = 5.0


class Backlog:
    """Keeps the gauges of running and of queued tasks. Each replica tells the queues of all: take their maximum."""

    def __init__(self, engine: TaskEngine, journal: TaskJournal, metrics: Metrics) -> None:
        self._journal = journal
        self._queued = metrics.queued_tasks.labels(metrics.agent)
        metrics.running_tasks.labels(metrics.agent).set_function(lambda: engine.running)

    async def watch(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(SECONDS)

    async def look(self) -> None:
        try:
            self._queued.set(await self._journal.waiting())
        except JournalDown:
            self._queued.set(float("nan"))  # nobody knows: not the number of before
