"""What becomes of a replica: it crashes, or its heart stops for a while."""

import asyncio

from crossdock.tasks.engine import TaskEngine
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.redis_journal import RedisJournal
from crossdock.tasks.stopping import ended
from tests.support.redis_server import RedisServer

HEART = 0
"""Where an engine's background has its heartbeat."""


async def crash(engine: TaskEngine, journal: RedisJournal | MemoryJournal) -> None:
    """Stops all at once, as a kill does: nothing is written and nothing is released any more."""
    if isinstance(journal, RedisJournal):
        scripts, journal._scripts = journal._scripts, RedisJournal("gone", RedisServer.nowhere())._scripts
        await scripts.close()
        await journal._wakeups.close()
    await ended(*(held.worker for held in engine._worker.held.values()), *engine._background)


def stop_heart(engine: TaskEngine) -> None:
    """As under SIGSTOP; all else goes on."""
    engine._background[HEART].cancel()


def start_heart(engine: TaskEngine) -> None:
    engine._background[HEART] = asyncio.create_task(engine._keeper.renew())
