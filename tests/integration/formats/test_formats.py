"""Two releases on one Redis: what an older one has written goes on here, and what a newer one writes is left to it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from a2a.server.agent_execution import RequestContext
from a2a.server.events import EventQueue
from a2a.types import Task, TaskPushNotificationConfig, TaskState

from crossdock.auth.caller import Caller
from crossdock.tasks.engine import EngineLimits, TaskEngine
from crossdock.tasks.events import TERMINAL, fold
from crossdock.tasks.journal import IdempotencyKey, KeyReused, TaskFilter, TaskNewer, TaskUnknown
from crossdock.tasks.redis_journal import RedisJournal
from crossdock.tasks.resumption import Resumption
from crossdock.tasks.worker import CHECKPOINT as KEPT
from tests.support.executors import Recorder, Scripted, call_context, message, state
from tests.support.older_store import CHECKPOINT, HOOK, KEY, LIMITS, SERVICE, chunk
from tests.support.redis_server import RedisServer, running_redis
from tests.support.stored import put, taken

FORMATS = sorted(Path(__file__).parent.glob("format-*.json"))
FORMAT = 1  # that of lua/prelude.lua
PREFIX = f"xd:{SERVICE}:{{{SERVICE}:0}}:"
State = TaskState
Stored = dict[str, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as made:
        yield made


@pytest.fixture
def store(server: RedisServer) -> Iterator[redis.Redis]:
    server.flush()
    with redis.Redis(port=server.port) as client:
        yield client


@pytest.fixture(params=FORMATS, ids=[path.stem for path in FORMATS])
def tasks(request: pytest.FixtureRequest, store: redis.Redis) -> Stored:
    """Ids by what stands behind them."""
    content = json.loads(request.param.read_text(encoding="utf-8"))
    put(store, content["keys"])
    return dict(content["tasks"])


@pytest.fixture
async def journal(server: RedisServer, tasks: Stored) -> AsyncIterator[RedisJournal]:
    made = RedisJournal(SERVICE, server.address, LIMITS)
    await made.open(lambda _: None)
    yield made
    await made.close()


class Going(Scripted):
    """An agent of this release: ends what it is given, but asks once more where it has to begin again."""

    def __init__(self) -> None:
        super().__init__(self._go_on)
        self.contexts: list[RequestContext] = []
        self.let = asyncio.Event()
        self.let.set()

    async def _go_on(self, context: RequestContext, queue: EventQueue) -> None:
        await self.let.wait()
        self.contexts.append(context)
        if context.get_user_input() == "work":
            await chunk(queue, "two", append=True)
            await state(queue, State.TASK_STATE_INPUT_REQUIRED)
        else:
            await state(queue, State.TASK_STATE_COMPLETED)


@pytest.fixture
def agent() -> Going:
    return Going()


@pytest.fixture
async def engine(server: RedisServer, tasks: Stored, agent: Going) -> AsyncIterator[TaskEngine]:
    """A replica of this release; not started yet."""
    made = TaskEngine(
        agent,
        RedisJournal(SERVICE, server.address, LIMITS),
        Recorder(),
        EngineLimits(),
        resumption=lambda _: Resumption.CHECKPOINT,
    )
    yield made
    await made.close()


async def followed(engine: TaskEngine, owner: str, task_id: str, after: int = 0) -> tuple[Task, list[int]]:
    """The task as its events make it, and their numbers, up to its end."""
    task, numbers = (await engine._journal.get(owner, task_id, after)).task if after else Task(), []
    async with asyncio.timeout(20):
        async for logged in engine.events(owner, task_id, after):
            fold(task, logged.event)
            numbers.append(logged.number)
            if task.status.state in TERMINAL:
                break
    return task, numbers


async def test_every_state_is_read(journal: RedisJournal, tasks: Stored) -> None:
    expected = {
        "completed": (State.TASK_STATE_COMPLETED, 1),
        "failed": (State.TASK_STATE_FAILED, 1),
        "canceled": (State.TASK_STATE_CANCELED, 1),
        "asked": (State.TASK_STATE_INPUT_REQUIRED, 2),
        "running": (State.TASK_STATE_WORKING, 1),
        "queued": (State.TASK_STATE_SUBMITTED, 1),
    }
    for name, (ending, messages) in expected.items():
        snapshot = await journal.get("acme", tasks[name])
        assert (name, snapshot.task.status.state, len(snapshot.task.history)) == (name, ending, messages)
        numbers = [logged.number for logged in await journal.read("acme", tasks[name], 0)]
        assert numbers == list(range(1, snapshot.sequence + 1))
    (artifact,) = (await journal.get("acme", tasks["completed"])).task.artifacts
    assert [part.text for part in artifact.parts] == ["one", "two"]
    with pytest.raises(TaskUnknown):
        await journal.get("acme", tasks["theirs"])


async def test_lists_hold_all_of_it(journal: RedisJournal, tasks: Stored) -> None:
    mine = {task_id for name, task_id in tasks.items() if name != "theirs"}
    page = await journal.list("acme", TaskFilter(), "", 4)
    rest = await journal.list("acme", TaskFilter(), page.next_token, 4)
    assert ({task.id for task in [*page.tasks, *rest.tasks]}, page.total, rest.next_token) == (mine, len(mine), "")
    done = await journal.list("acme", TaskFilter("", State.TASK_STATE_COMPLETED), "", 4, artifacts=True)
    assert [(task.id, len(task.artifacts)) for task in done.tasks] == [(tasks["completed"], 1)]


async def test_what_waits_and_what_was_worked_goes_on(engine: TaskEngine, agent: Going, tasks: Stored) -> None:
    await engine.start()
    for owner, name in (("acme", "queued"), ("globex", "theirs")):
        task, numbers = await followed(engine, owner, tasks[name])
        assert (task.status.state, numbers) == (State.TASK_STATE_COMPLETED, list(range(1, len(numbers) + 1)))
    # The holder is gone: its turn runs again, from its checkpoint, and then the message that waited behind it.
    task, numbers = await followed(engine, "acme", tasks["running"], 3)
    assert numbers == list(range(4, 4 + len(numbers)))
    assert [part.text for part in task.artifacts[0].parts] == ["one", "two"]
    assert task.status.state == State.TASK_STATE_COMPLETED
    whole = (await engine._journal.get("acme", tasks["running"])).task
    assert [said.parts[0].text for said in whole.history] == ["work", "complete"]
    again = next(context for context in agent.contexts if context.get_user_input() == "work")
    assert again.call_context.state[KEPT] == CHECKPOINT
    user = again.call_context.user
    assert isinstance(user, Caller)
    assert user.principal.customer == "acme"


async def test_a_conversation_is_continued(engine: TaskEngine, agent: Going, tasks: Stored) -> None:
    await engine.start()
    await engine.submit("acme", message("that one", task_id=tasks["asked"]), call_context())
    task, _ = await followed(engine, "acme", tasks["asked"], 6)
    assert task.status.state == State.TASK_STATE_COMPLETED
    (context,) = [item for item in agent.contexts if item.get_user_input() == "that one"]
    assert context.current_task
    texts = [said.parts[0].text for said in context.current_task.history]
    assert texts == ["ask", "ask", "that one"]


async def test_open_tasks_are_canceled(engine: TaskEngine, tasks: Stored, agent: Going) -> None:
    agent.let.clear()
    await engine.start()
    for name in ("queued", "asked", "running"):
        canceled = (await engine.cancel("acme", tasks[name])).task
        assert (name, canceled.status.state) == (name, State.TASK_STATE_CANCELED)


async def test_a_key_still_stands_for_its_task(engine: TaskEngine, tasks: Stored) -> None:
    await engine._journal.open(lambda _: None)
    key = IdempotencyKey(f"{KEY.key} of completed", KEY.digest)
    ticket = await engine.submit("acme", message("complete"), call_context(), key=key)
    assert (ticket.again, ticket.snapshot.task.id) == (True, tasks["completed"])
    with pytest.raises(KeyReused):
        await engine.submit("acme", message("complete"), call_context(), key=IdempotencyKey(key.key, "another"))


async def test_webhooks_hear_what_they_have_not_heard(journal: RedisJournal, tasks: Stored) -> None:
    outbox = journal.outbox
    taken_up = [await outbox.claim(60) for _ in range(3)]
    begins = {delivery.task_id: delivery.sent for delivery in taken_up if delivery}
    assert begins == {tasks["completed"]: 0, tasks["asked"]: 3}
    delivery = next(item for item in taken_up if item and item.task_id == tasks["completed"])
    assert (delivery.config.url, delivery.config.token) == (HOOK.url, HOOK.token)
    assert await outbox.advance(delivery, 1, 60)
    assert [config.id for config in await outbox.list("acme", tasks["completed"])] == [HOOK.id]
    await outbox.save("acme", TaskPushNotificationConfig(task_id=tasks["completed"], id="more", url=HOOK.url))
    await outbox.delete("acme", tasks["completed"], HOOK.id)
    assert [config.id for config in await outbox.list("acme", tasks["completed"])] == ["more"]


async def test_all_of_it_expires(engine: TaskEngine, journal: RedisJournal, store: redis.Redis, tasks: Stored) -> None:
    await engine.start()
    for name in ("queued", "asked", "running"):
        await engine.cancel("acme", tasks[name])
    await followed(engine, "globex", tasks["theirs"])
    store.zadd(f"{PREFIX}ended", dict.fromkeys(tasks.values(), 1))
    await journal.sweep()
    for owner in ("acme", "globex"):
        assert (await journal.list(owner, TaskFilter(), "", 10)).total == 0
    left = {name.removeprefix(PREFIX).partition(":")[0] for name in taken(store)}
    assert left <= {"meta", "i", "asked"}


@pytest.fixture
def newer(store: redis.Redis, tasks: Stored) -> Callable[[int], None]:
    """Writes into every task that it is of another format."""

    def write(version: int) -> None:
        for task_id in tasks.values():
            store.hset(f"{PREFIX}t:{task_id}", "format", version)

    return write


def without_sweeps(keys: dict[str, Any]) -> dict[str, Any]:
    """What a store holds of tasks."""
    return {
        name: {**stored, "milliseconds": 0}
        for name, stored in keys.items()
        if "asked" not in name and "meta" not in name
    }


async def test_a_newer_releases_tasks_are_left_alone(
    engine: TaskEngine,
    journal: RedisJournal,
    agent: Going,
    store: redis.Redis,
    tasks: Stored,
    newer: Callable[[int], None],
) -> None:
    newer(FORMAT + 1)
    store.zadd(f"{PREFIX}ended", {tasks["completed"]: 1})
    store.zadd(f"{PREFIX}due", {tasks["asked"]: 1})
    before = without_sweeps(taken(store))
    for _ in range(3):
        assert await journal.sweep() == []
        assert await journal.claim("w") is None
        assert await journal.outbox.claim(60) is None
    assert without_sweeps(taken(store)) == before
    await engine.start()  # nor is anything of one's own kept up by them
    mine = await engine.submit("acme", message("complete"), call_context())
    task, _ = await followed(engine, "acme", mine.snapshot.task.id)
    assert task.status.state == State.TASK_STATE_COMPLETED
    assert len(agent.contexts) == 1
    listed = await journal.list("acme", TaskFilter(), "", 100)
    assert [task.id for task in listed.tasks] == [mine.snapshot.task.id]


async def test_whoever_asks_for_a_newer_releases_task_is_told(
    engine: TaskEngine, journal: RedisJournal, tasks: Stored, newer: Callable[[int], None]
) -> None:
    newer(FORMAT + 1)
    await engine.start()
    outbox, asked = journal.outbox, tasks["asked"]
    config = TaskPushNotificationConfig(task_id=asked, id="c", url=HOOK.url)
    for work in (
        lambda: journal.get("acme", asked),
        lambda: journal.read("acme", asked, 0),
        lambda: journal.follow("acme", asked, b"", 60),
        lambda: engine.submit("acme", message("that one", task_id=asked), call_context()),
        lambda: engine.cancel("acme", asked),
        lambda: anext(engine.events("acme", asked, 0)),
        lambda: outbox.save("acme", config),
        lambda: outbox.list("acme", asked),
        lambda: outbox.delete("acme", asked, HOOK.id),
    ):
        with pytest.raises(TaskNewer) as told:
            await work()
        assert "a replica of that release serves it" in str(told.value)
    for stranger in (lambda: journal.get("globex", asked), lambda: outbox.list("globex", asked)):
        with pytest.raises(TaskUnknown):
            await stranger()


async def test_the_newer_release_goes_on_with_them(
    engine: TaskEngine, journal: RedisJournal, tasks: Stored, newer: Callable[[int], None]
) -> None:
    newer(FORMAT + 1)
    for _ in range(5):
        await journal.sweep()
    newer(FORMAT)  # as its replicas see them
    await engine.start()
    for name in ("queued", "running"):
        task, _ = await followed(engine, "acme", tasks[name])
        assert (name, task.status.state) == (name, State.TASK_STATE_COMPLETED)
