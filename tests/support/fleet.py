"""Replicas inside the test's process, over one real Redis."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

from a2a.server.agent_execution import RequestContext
from a2a.server.events import EventQueue
from a2a.types import Task, TaskState

from crossdock.tasks.engine import EngineLimits, TaskEngine, Ticket
from crossdock.tasks.events import TERMINAL, state_of
from crossdock.tasks.journal import JournalLimits
from crossdock.tasks.redis_journal import RedisJournal
from crossdock.tasks.resumption import Resumption
from tests.support.executors import Behaviour, Recorder, Scripted, call_context, complete, message, state
from tests.support.redis_server import RedisServer
from tests.support.replicas import crash

LEASE = 1.5


@dataclass
class Replica:
    engine: TaskEngine
    executor: Scripted
    journal: RedisJournal
    recorder: Recorder

    async def submit(
        self, text: str = "hello", owner: str = "acme", seconds: float | None = None, **ids: str
    ) -> Ticket:
        return await self.engine.submit(owner, message(text, **ids), call_context(), seconds)

    async def answer(self, ticket: Ticket) -> Task:
        async with asyncio.timeout(15):
            return await self.engine.answer(replace(ticket, held=None))  # by the journal, wherever it is worked

    async def crash(self) -> None:
        await crash(self.engine, self.journal)


@dataclass
class Fleet:
    redis: RedisServer
    stack: AsyncExitStack
    name: str

    async def replica(
        self,
        behaviour: Behaviour,
        *,
        works: bool = True,
        running: int = 8,
        resumption: Resumption = Resumption.RESTART,
        shards: int = 2,
        patience: float = 4.0,
        retention: float = 3600.0,
    ) -> Replica:
        limits = JournalLimits(lease=LEASE, retention=retention)
        journal = RedisJournal(self.name, self.redis.address, limits, shards=shards, patience=patience)
        executor, recorder = Scripted(behaviour), Recorder()
        chosen = EngineLimits(works=works, running=running, cancel_seconds=0.5)
        engine = TaskEngine(executor, journal, recorder, chosen, lambda _: resumption)
        await engine.start()
        self.stack.push_async_callback(engine.close)
        return Replica(engine, executor, journal, recorder)


async def forever(context: RequestContext, queue: EventQueue) -> None:
    await state(queue, TaskState.TASK_STATE_WORKING)
    await asyncio.Event().wait()


async def ask(context: RequestContext, queue: EventQueue) -> None:
    if context.get_user_input() == "answer":
        await complete(context, queue)
    else:
        await state(queue, TaskState.TASK_STATE_INPUT_REQUIRED)


async def log(replica: Replica, task_id: str) -> list[tuple[int, TaskState | None]]:
    return [(logged.number, state_of(logged.event)) for logged in await replica.journal.read("acme", task_id, 0)]


async def one_end(replica: Replica, task_id: str) -> bool:
    entries = await log(replica, task_id)
    assert [number for number, _ in entries] == list(range(1, len(entries) + 1))
    return sum(reached in TERMINAL for _, reached in entries) == 1
