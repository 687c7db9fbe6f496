"""Every journal that the contract suite runs on."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from crossdock.tasks.journal import JournalLimits, TaskJournal
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.redis_connection import RedisAddress
from crossdock.tasks.redis_journal import RedisJournal
from installer.acl import service_rules
from tests.support.redis_server import RedisServer


@asynccontextmanager
async def opened(kind: str, redis: RedisServer | None, limits: JournalLimits) -> AsyncIterator[TaskJournal]:
    journal: TaskJournal
    if kind == "memory" or redis is None:
        journal = MemoryJournal(limits)
    else:
        number, service = kind.rpartition("-")[2], f"test-{uuid.uuid4().hex[:8]}"
        address = await _as_installed(redis, service) if number == "acl" else redis.address
        journal = RedisJournal(service, address, limits, shards=int(number) if number.isdigit() else 1)
    await journal.open(lambda _: None)
    try:
        yield journal
    finally:
        await journal.close()


async def _as_installed(redis: RedisServer, service: str) -> RedisAddress:
    """As a service reaches Redis where the installer made its user."""
    async with redis.client() as client:
        await client.execute_command("ACL", "SETUSER", service, *service_rules(service, service))  # type: ignore[no-untyped-call]
    return replace(redis.address, username=service, password=service)
