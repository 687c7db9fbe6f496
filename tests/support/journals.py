"""Every journal that the contract suite runs on."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from crossdock.tasks.journal import JournalLimits, TaskJournal
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.redis_server import RedisServer


@asynccontextmanager
async def opened(kind: str, redis: RedisServer | None, limits: JournalLimits) -> AsyncIterator[TaskJournal]:
    journal: TaskJournal
    if kind == "memory" or redis is None:
        journal = MemoryJournal(limits)
    else:
        shards = int(kind.rpartition("-")[2])
        journal = RedisJournal(f"test-{uuid.uuid4().hex[:8]}", redis.address, limits, shards=shards)
    await journal.open(lambda _: None)
    try:
        yield journal
    finally:
        await journal.close()
