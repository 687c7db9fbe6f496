"""`python -m tests.support.older_store FILE`: writes what this release keeps of tasks, in each of their states.

A release that changes how records are kept takes such a file from the one before it: `tests/integration/formats` holds
them, and the tests beside it read, work and expire what is in them.
"""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import redis
from a2a.server.agent_execution import RequestContext
from a2a.server.context import ServerCallContext
from a2a.server.events import EventQueue
from a2a.types import Artifact, Part, TaskArtifactUpdateEvent, TaskPushNotificationConfig, TaskState

from crossdock.auth.caller import Caller
from crossdock.auth.claims import Principal
from crossdock.tasks.engine import EngineLimits, TaskEngine, Ticket
from crossdock.tasks.journal import IdempotencyKey, JournalLimits
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.executors import Recorder, Scripted, message, state
from tests.support.redis_server import RedisServer, running_redis
from tests.support.replicas import crash
from tests.support.stored import saved, taken

SERVICE = "stored"
KEY = IdempotencyKey("a key", "a digest")
CHECKPOINT = {"done": 1}
LONG = 3e9
"""Seconds: nothing in the file gets too old for the tests."""
PAST = "1700000"
"""How times begin in the file: the holder's lease has run out, whatever clock the tests have."""
LIMITS = JournalLimits(retention=LONG, interrupted=LONG, idempotency=LONG)
CALLER = Caller(
    Principal(
        subject="a subject",
        customer="acme",
        client_id="acme-caller",
        roles=frozenset({"agent-access"}),
        expires_at=1.8e9,
    )
)
HOOK = TaskPushNotificationConfig(id="hook", url="https://example.com/hook", token="token")


async def chunk(queue: EventQueue, text: str, *, append: bool) -> None:
    artifact = Artifact(artifact_id="a", name="a", parts=[Part(text=text)])
    await queue.enqueue_event(TaskArtifactUpdateEvent(artifact=artifact, append=append, last_chunk=append))


async def behave(context: RequestContext, queue: EventQueue) -> None:
    await state(queue, TaskState.TASK_STATE_WORKING)
    match context.get_user_input():
        case "ask":
            await state(queue, TaskState.TASK_STATE_INPUT_REQUIRED)
        case "work":
            await chunk(queue, "one", append=False)
            await asyncio.Event().wait()
        case "fail":
            await state(queue, TaskState.TASK_STATE_FAILED)
        case _:
            await chunk(queue, "one", append=False)
            await chunk(queue, "two", append=True)
            await state(queue, TaskState.TASK_STATE_COMPLETED)


class Writer:
    """One replica that works one task at a time, and one that only accepts."""

    def __init__(self, server: RedisServer) -> None:
        self.journal = RedisJournal(SERVICE, server.address, LIMITS)
        self.worker = self._engine(self.journal, EngineLimits(task_seconds=LONG, running=1))
        self.door = self._engine(
            RedisJournal(SERVICE, server.address, LIMITS), EngineLimits(task_seconds=LONG, works=False)
        )
        self.tasks: dict[str, str] = {}

    def _engine(self, journal: RedisJournal, limits: EngineLimits) -> TaskEngine:
        return TaskEngine(Scripted(behave), journal, Recorder(), limits)

    async def send(
        self, engine: TaskEngine, name: str, text: str, *, task: str = "", owner: str = "acme", hook: bool = False
    ) -> Ticket:
        request = message(text, task_id=self.tasks.get(task, ""))
        if hook:
            request.configuration.task_push_notification_config.CopyFrom(HOOK)
        key = IdempotencyKey(f"{KEY.key} of {name}", KEY.digest) if name == "completed" else None
        ticket = await engine.submit(owner, request, ServerCallContext(user=CALLER, tenant=owner), key=key)
        self.tasks.setdefault(name, ticket.snapshot.task.id)
        return ticket

    async def write(self) -> None:
        for name, text in (("completed", "complete"), ("failed", "fail"), ("asked", "ask")):
            await self.worker.answer(await self.send(self.worker, name, text, hook=name == "completed"))
        await self.worker.answer(await self.send(self.worker, "asked", "ask", task="asked", hook=True))
        await self.send(self.worker, "running", "work")
        await self._until(lambda: self._events("running"), 3)
        (held,) = self.worker._worker.held.values()
        await self.journal.save_checkpoint(held.claim.lease, CHECKPOINT)
        await self.send(self.door, "running", "complete", task="running")
        await self.send(self.door, "queued", "complete")
        await self.send(self.door, "theirs", "complete", owner="globex")
        await self.send(self.door, "canceled", "complete")
        await self.door.cancel("acme", self.tasks["canceled"])

    async def _events(self, name: str) -> int:
        return (await self.journal.get("acme", self.tasks[name])).sequence

    async def _until(self, number: Callable[[], Awaitable[int]], wanted: int) -> None:
        async with asyncio.timeout(20):
            while await number() < wanted:
                pass


async def written(server: RedisServer) -> dict[str, Any]:
    writer = Writer(server)
    await writer.worker.start()
    await writer.door.start()
    await writer.write()
    with redis.Redis(port=server.port) as client:
        text = json.dumps({"tasks": writer.tasks, "keys": taken(client)})
    await writer.door.close()
    await crash(writer.worker, writer.journal)
    text = text.replace(writer.worker.name, "replica").replace(str(round(time.time()))[:7], PAST)
    content: dict[str, Any] = json.loads(text)
    return content


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_redis(Path(folder)) as server:
        saved(Path(sys.argv[1]), asyncio.run(written(server)))


if __name__ == "__main__":
    main()
