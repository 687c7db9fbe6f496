"""How logs are read that replicas share: one task's, and those of a page. No more than one large one is on its way."""

import asyncio
import heapq
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any

from crossdock.tasks.cursor import Position, position
from crossdock.tasks.journal import PAGE_BYTES, TaskFilter, TaskNewer, TaskPage, TaskUnknown
from crossdock.tasks.record import Record, bounded, folded
from crossdock.tasks.redis_link import Lane, RunScript
from crossdock.tasks.redis_replies import known, number_of, record_of

TOGETHER = 10
"""So many logs of a page are fetched side by side."""
LARGE = PAGE_BYTES // TOGETHER
"""Of logs with more bytes one is fetched at a time, whoever's it is, beside all that is smaller."""
Records = list[Record]
Log = list[tuple[int, Record]]
Found = tuple[int, list[Position]]


class RedisReader:
    def __init__(self, prefixes: Sequence[str], shard_of: Callable[[str], str], run: RunScript) -> None:
        self._prefixes = prefixes
        self._shard_of = shard_of
        self._run = run
        self._turn = asyncio.Lock()

    async def log(self, owner: str, task_id: str, kind: str, first: int = 1, last: int = 0, limit: int = 0) -> Log:
        """With neither `last` nor `limit` all that there is."""
        log = await self._small(owner, task_id, kind, first, last, limit)
        return await self._large(owner, task_id, kind, first, last, limit) if log is None else log

    async def _small(
        self, owner: str, task_id: str, kind: str, first: int = 1, last: int = 0, limit: int = 0
    ) -> Log | None:
        """None where it may be large."""
        args = (owner, task_id, kind, first, last, limit, LARGE)
        reply = known(await self._run("read", self._shard_of(task_id), *args), task_id)
        return None if reply[0] == b"large" else _events(reply)

    async def _large(self, owner: str, task_id: str, kind: str, first: int = 1, last: int = 0, limit: int = 0) -> Log:
        args = (owner, task_id, kind, first, last, limit, "")
        async with self._turn:
            return _events(known(await self._run("read", self._shard_of(task_id), *args, lane=Lane.LARGE), task_id))

    async def page(
        self, owner: str, wanted: TaskFilter, page_token: str, page_size: int, *, artifacts: bool = False
    ) -> TaskPage:
        """As `TaskJournal.list`."""
        before = position(page_token)
        total = 0
        shards: list[list[Position]] = []
        for prefix in self._prefixes:
            count, found = await self._found(prefix, owner, wanted, before, page_size + 1)
            total += count
            shards.append(found)
        merged = list(heapq.merge(*shards, reverse=True))
        logs: list[Records] = []
        size = 0
        async with aclosing(self._logs(owner, merged[:page_size], "e" if artifacts else "b")) as listed:
            async for log in listed:
                logs.append(log)
                size += sum(record.size for record in log)
                if size > PAGE_BYTES:
                    break
        page = list(bounded(logs))
        token = merged[len(page) - 1].token() if len(merged) > len(page) else ""
        return TaskPage([folded(log) for log in page if log], token, total)

    async def _found(self, prefix: str, owner: str, wanted: TaskFilter, before: Position | None, size: int) -> Found:
        state = "" if wanted.state is None else str(int(wanted.state))
        least = -(-wanted.after_ns // 1000)
        behind = (before.micros, before.task_id) if before else ("", "")
        args = (owner, wanted.context_id, state, least, *behind)
        total = 0
        found: list[Position] = []
        looked: Sequence[Any] = ("", "")
        while looked:
            count, some, *looked = await self._run("list", prefix, *args, *looked, size - len(found))
            total += count
            pairs = zip(some[::2], some[1::2], strict=True)
            found += [Position(int(float(score)), task_id.decode()) for task_id, score in pairs]
        return total, found

    async def _logs(self, owner: str, page: Sequence[Position], kind: str) -> AsyncGenerator[Records]:
        """Each that is large is fetched only when it is asked for: few fit on a page."""
        for start in range(0, len(page), TOGETHER):
            some = [item.task_id for item in page[start : start + TOGETHER]]
            small = await asyncio.gather(*(_listed(self._small(owner, task_id, kind)) for task_id in some))
            for task_id, log in zip(some, small, strict=True):
                found = await _listed(self._large(owner, task_id, kind)) if log is None else log
                yield [record for _, record in found or []]


async def _listed(log: Awaitable[Log | None]) -> Log | None:
    try:
        return await log
    except (TaskUnknown, TaskNewer):  # it expired between the two looks, or is another release's to show
        return []


def _events(reply: Any) -> Log:
    return [(number_of(item), record_of(fields)) for item, fields in reply[1]]
