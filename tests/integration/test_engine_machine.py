"""Random replicas, random callers, random accidents: whatever happens, the recorded history obeys the model.

`ENGINE_EXAMPLES` and `ENGINE_STEPS` try more and longer ones than the gate does.
"""

import asyncio
import contextlib
import itertools
import os
import uuid
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from a2a.server.agent_execution import RequestContext
from a2a.server.events import EventQueue
from a2a.types import Artifact, Part, Task, TaskArtifactUpdateEvent, TaskState
from a2a.utils.errors import TaskNotCancelableError, UnsupportedOperationError
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from crossdock.errors import TryLater
from crossdock.tasks.engine import EngineLimits, TaskEngine
from crossdock.tasks.events import INTERRUPTED, TERMINAL, agent_message, state_of, status_event
from crossdock.tasks.journal import JournalLimits, Logged, TaskUnknown
from crossdock.tasks.memory import MemoryJournal
from crossdock.tasks.redis_journal import RedisJournal
from crossdock.tasks.resumption import Resumption
from crossdock.tasks.stopping import ended
from tests.support.executors import Recorder, Scripted, call_context, message
from tests.support.redis_server import RedisServer
from tests.support.replicas import crash, start_heart, stop_heart

# A replica that crashes closes nothing.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
T = TypeVar("T")
LEASE = 0.4
CALM = 20.0
OWNERS = ("acme", "globex")
ENDINGS = {
    "done": TaskState.TASK_STATE_COMPLETED,
    "ask": TaskState.TASK_STATE_INPUT_REQUIRED,
    "fail": TaskState.TASK_STATE_FAILED,
}
STATES = {"canceled": TaskState.TASK_STATE_CANCELED, **ENDINGS}
LIMITS = JournalLimits(lease=LEASE, queued=10_000)
FAST = 0.03

chances = st.integers(0, 10**6)


@dataclass
class Node:
    engine: TaskEngine
    journal: RedisJournal | MemoryJournal
    beats: bool = True


@dataclass
class Turn:
    """What was said, and what came of it."""

    name: str
    number: int
    answer: "asyncio.Task[Any]"


@dataclass
class Story:
    """A task as its owner knows it."""

    owner: str
    task_id: str
    turns: list[Turn] = field(default_factory=list)
    canceled: bool = False


@dataclass
class Reader:
    """A stream from a cursor, which goes on at any replica when its own is gone."""

    story: Story
    after: int
    events: list[Logged] = field(default_factory=list)


class Work:
    """The executors of all replicas: each run signs what it writes. A turn is told in its message how to go and end."""

    def __init__(self) -> None:
        self.runs = itertools.count(1)
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self, context: RequestContext, queue: EventQueue) -> None:
        run = next(self.runs)
        name, chunks, ending = context.get_user_input().split()
        await self._say(queue, TaskState.TASK_STATE_WORKING, name, run)
        for number in range(int(chunks)):
            await asyncio.sleep(FAST)
            await self.go.wait()
            artifact = Artifact(artifact_id=f"{name}-{number}", parts=[Part(text=f"{name} {run}")])
            await queue.enqueue_event(TaskArtifactUpdateEvent(artifact=artifact))
        if ending == "crash":
            raise RuntimeError("as told")
        await self._say(queue, ENDINGS[ending], name, run)

    async def _say(self, queue: EventQueue, state: TaskState, name: str, run: int) -> None:
        event = status_event("", "", state)
        event.status.message.CopyFrom(agent_message(Task(), f"{name} {run}", uuid.uuid4().hex))
        await queue.enqueue_event(event)


class EngineMachine(RuleBasedStateMachine):
    redis: RedisServer
    kind = "redis"
    most = 4

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.nodes: list[Node] = []
        self.stories: dict[str, Story] = {}
        self.readers: list[tuple[Reader, asyncio.Task[None]]] = []
        self.cancels: list[asyncio.Task[Any]] = []
        self.names = itertools.count(1)
        self.memory: MemoryJournal | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    @initialize(replicas=st.integers(2, 3), shards=st.sampled_from([1, 3]), running=st.sampled_from([2, 8]))
    def begin(self, replicas: int, shards: int, running: int) -> None:
        self.service, self.shards, self.running = f"machine-{uuid.uuid4().hex[:8]}", shards, running

        async def start() -> None:
            self.work = Work()
            for _ in range(min(replicas, self.most)):
                await self._add()

        self.run(start())

    async def _add(self) -> None:
        journal: RedisJournal | MemoryJournal
        if self.kind == "memory":
            journal = self.memory = self.memory or MemoryJournal(LIMITS)
        else:
            journal = RedisJournal(self.service, self.redis.address, LIMITS, shards=self.shards, patience=1.0)
        limits = EngineLimits(running=self.running, cancel_seconds=0.3, task_seconds=60)
        engine = TaskEngine(Scripted(self.work), journal, Recorder(), limits, lambda _: Resumption.RESTART)
        await engine.start()
        self.nodes.append(Node(engine, journal))

    def _node(self, chance: int) -> Node:
        return self.nodes[chance % len(self.nodes)]

    def _story(self, chance: int) -> Story:
        return list(self.stories.values())[chance % len(self.stories)]

    def _text(self, chunks: int, ending: str) -> tuple[str, str]:
        name = f"turn{next(self.names)}"
        return name, f"{name} {chunks} {ending}"

    @rule(
        where=chances,
        owner=st.sampled_from(OWNERS),
        chunks=st.integers(0, 6),
        ending=st.sampled_from(["done", "done", "ask", "ask", "fail", "crash"]),
        many=st.sampled_from([1, 1, 1, 12]),
    )
    def send(self, where: int, owner: str, chunks: int, ending: str, many: int) -> None:
        async def go() -> None:
            for _ in range(many):
                await self._sent(self._node(where), owner, chunks, ending, None)

        self.run(go())

    @precondition(lambda self: self.stories)
    @rule(where=chances, which=chances, chunks=st.integers(0, 4), ending=st.sampled_from(["done", "ask", "ask"]))
    def follow(self, where: int, which: int, chunks: int, ending: str) -> None:
        story = self._story(which)
        self.run(self._sent(self._node(where), story.owner, chunks, ending, story))

    async def _sent(self, node: Node, owner: str, chunks: int, ending: str, story: Story | None) -> None:
        name, text = self._text(chunks, ending)
        ids = {"task_id": story.task_id} if story else {}
        try:
            ticket = await node.engine.submit(owner, message(text, **ids), call_context())
        except (TryLater, UnsupportedOperationError):
            return
        task_id = ticket.snapshot.task.id
        story = self.stories.setdefault(task_id, Story(owner, task_id))
        answer = asyncio.create_task(node.engine.answer(ticket))
        story.turns.append(Turn(name, ticket.turn, answer))

    @precondition(lambda self: self.stories)
    @rule(where=chances, which=chances)
    def cancel(self, where: int, which: int) -> None:
        story = self._story(which)
        story.canceled = True

        async def go() -> None:
            self.cancels.append(asyncio.create_task(self._node(where).engine.cancel(story.owner, story.task_id)))
            await asyncio.sleep(0)

        self.run(go())

    @precondition(lambda self: self.stories)
    @rule(where=chances, which=chances, cursor=chances)
    def subscribe(self, where: int, which: int, cursor: int) -> None:
        story = self._story(which)

        async def go() -> None:
            try:
                last = (await self._node(where).journal.get(story.owner, story.task_id)).sequence
            except TryLater:
                return
            reader = Reader(story, cursor % (last + 1))
            self.readers.append((reader, asyncio.create_task(self._read(reader, self._node(where)))))

        self.run(go())

    async def _read(self, reader: Reader, node: Node) -> None:
        owner, task_id = reader.story.owner, reader.story.task_id
        while True:
            try:
                if (await node.journal.get(owner, task_id, reader.after)).task.status.state in TERMINAL:
                    return
                async for logged in node.engine.events(owner, task_id, reader.after):
                    reader.after = logged.number
                    reader.events.append(logged)
                    if state_of(logged.event) in TERMINAL:
                        return
            except TryLater:
                pass
            await asyncio.sleep(FAST)
            node = self.nodes[0]

    @precondition(lambda self: self.stories)
    @rule(where=chances, which=chances)
    def pry(self, where: int, which: int) -> None:
        """Another customer's tasks do not exist."""
        story = self._story(which)
        other = OWNERS[1 - OWNERS.index(story.owner)]
        node = self._node(where)

        async def go() -> None:
            for attempt in (
                node.journal.get(other, story.task_id),
                node.journal.read(other, story.task_id, 0),
                node.engine.cancel(other, story.task_id),
                node.engine.submit(other, message("x 0 done", task_id=story.task_id), call_context()),
            ):
                with pytest.raises((TaskUnknown, TryLater)):
                    await attempt

        self.run(go())

    @rule(where=chances)
    def kill(self, where: int) -> None:
        async def go() -> None:
            node = self._node(where)
            self.nodes.remove(node)
            await crash(node.engine, node.journal)
            await self._add()

        self.run(go())

    @rule(where=chances)
    def drain(self, where: int) -> None:
        if self.kind == "memory":
            return  # all its tasks would end with it

        async def go() -> None:
            node = self._node(where)
            self.nodes.remove(node)
            await self._add()
            await node.engine.drain(0.02)
            await node.engine.close()

        self.run(go())

    @precondition(lambda self: len(self.nodes) < self.most)
    @rule()
    def add(self) -> None:
        self.run(self._add())

    @rule(where=chances)
    def stop_heart(self, where: int) -> None:
        async def go() -> None:
            node = self._node(where)
            node.beats = False
            stop_heart(node.engine)

        self.run(go())

    @rule()
    def start_hearts(self) -> None:
        self.run(self._beat())

    async def _beat(self) -> None:
        for node in self.nodes:
            if not node.beats:
                node.beats = True
                start_heart(node.engine)

    @rule(held=st.booleans())
    def hold(self, held: bool) -> None:
        (self.work.go.clear if held else self.work.go.set)()

    @rule(seconds=st.sampled_from([0.0, 0.02, 0.1, 0.3, 1.5 * LEASE]))
    def wait(self, seconds: float) -> None:
        self.run(asyncio.sleep(seconds))

    @precondition(lambda self: self.kind != "memory")
    @rule(away=st.sampled_from([0.0, 0.3, 2 * LEASE]))
    def restart_redis(self, away: float) -> None:
        async def go() -> None:
            self.redis.kill()
            await asyncio.sleep(away)
            await self.redis.start()

        self.run(go())

    @precondition(lambda self: self.kind != "memory")
    @rule(away=st.sampled_from([0.2, 2 * LEASE]))
    def pause_redis(self, away: float) -> None:
        async def go() -> None:
            self.redis.pause()
            await asyncio.sleep(away)
            self.redis.go_on()

        self.run(go())

    def teardown(self) -> None:
        try:
            if self.nodes:
                self.run(self._settled())
        finally:
            self.run(self._closed())
            self.runner.close()

    async def _closed(self) -> None:
        rest = [*self.cancels, *(task for _, task in self.readers)]
        rest += [turn.answer for story in self.stories.values() for turn in story.turns]
        await ended(*rest)
        await asyncio.gather(*rest, return_exceptions=True)  # those whose replica was lost are looked at, too
        for node in self.nodes:
            await ended(*(held.worker for held in node.engine._worker.held.values()))
            await node.engine.close()

    async def _settled(self) -> None:
        self.work.go.set()
        await self._beat()
        async with asyncio.timeout(CALM):
            for story in self.stories.values():
                await self._ended(story)
            await asyncio.gather(*(task for _, task in self.readers))
        for story in self.stories.values():
            self._check_log(story, await self.nodes[0].journal.read(story.owner, story.task_id, 0, 10_000))
        for reader, _ in self.readers:
            await self._check_reader(reader)
        await self._check_cancels()

    async def _ended(self, story: Story) -> None:
        """Waits for the end; who is asked now, gives up."""
        node = self.nodes[0]
        while True:
            snapshot = await node.journal.get(story.owner, story.task_id)
            if snapshot.task.status.state in TERMINAL:
                return
            if snapshot.task.status.state in INTERRUPTED:
                with contextlib.suppress(TaskNotCancelableError):
                    await node.engine.cancel(story.owner, story.task_id)
            else:
                await node.journal.wait(story.task_id, snapshot.sequence, CALM)

    def _check_log(self, story: Story, log: list[Logged]) -> None:
        assert [logged.number for logged in log] == list(range(1, len(log) + 1))
        ends = [logged.number for logged in log if state_of(logged.event) in TERMINAL]
        assert ends == [len(log)], f"{story} ended at {ends} of {len(log)}"
        names = {turn.number: turn.name for turn in story.turns}
        latest = 0
        for logged in log[1:]:
            name, run = _signature(logged)
            if run:
                assert run >= latest, f"run {run} wrote after run {latest}"
                latest = run
                assert names.get(logged.turn, name) == name, f"{name} answered turn {logged.turn} of {names}"
        assert [logged.turn for logged in log] == sorted(logged.turn for logged in log)
        self._check_answers(story, log)

    def _check_answers(self, story: Story, log: list[Logged]) -> None:
        for turn in story.turns:
            if not turn.answer.done() or turn.answer.cancelled() or turn.answer.exception():
                continue  # its replica was lost, or Redis was
            task = turn.answer.result()
            if task.status.state in INTERRUPTED:
                said = task.status.message.parts[0].text.split()[0]
                later = {other.name for other in story.turns if other.number >= turn.number}
                assert said in later, f"{turn} was answered with {said}"

    async def _check_reader(self, reader: Reader) -> None:
        story = reader.story
        log = await self.nodes[0].journal.read(story.owner, story.task_id, 0, 10_000)
        first = len(log) - len(reader.events)
        assert reader.events == log[first:]

    async def _check_cancels(self) -> None:
        for cancel in self.cancels:
            try:
                snapshot = await asyncio.wait_for(cancel, CALM)
                assert snapshot.task.status.state == TaskState.TASK_STATE_CANCELED
            except (TaskNotCancelableError, TryLater, asyncio.CancelledError):
                pass


def _signature(logged: Logged) -> tuple[str, int]:
    """Which turn and run wrote an event; no run for what the engine wrote itself."""
    event = logged.event
    parts = event.artifact.parts if isinstance(event, TaskArtifactUpdateEvent) else event.status.message.parts
    words = parts[0].text.split() if parts else []
    return (words[0], int(words[1])) if len(words) == 2 and words[0].startswith("turn") else ("", 0)


def options(examples: int) -> settings:
    return settings(
        max_examples=int(os.environ.get("ENGINE_EXAMPLES", examples)),
        stateful_step_count=int(os.environ.get("ENGINE_STEPS", "25")),
        phases=[Phase.explicit, Phase.generate],  # time passes: what failed once may not fail again
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
    )


@pytest.mark.timeout(300)
def test_replicas_over_one_redis(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "redis", "--appendfsync", "always")
    asyncio.run(server.start())

    class Machine(EngineMachine):
        redis = server

    try:
        run_state_machine_as_test(Machine, settings=options(5))
    finally:
        server.stop()


def test_one_process_in_memory() -> None:
    class Machine(EngineMachine):
        kind = "memory"
        most = 1

    run_state_machine_as_test(Machine, settings=options(5))
