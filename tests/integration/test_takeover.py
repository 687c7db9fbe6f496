"""A replica dies in the middle of its work, and another one goes on: nothing is lost, doubled or run twice.

Most replicas here die as the worst of them do: they are taken for dead, and try to go on writing. One is killed.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from a2a.server.agent_execution import RequestContext
from a2a.server.events import EventQueue
from a2a.types import Task, TaskState
from google.protobuf.json_format import MessageToDict
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.extensions import ROUTING
from crossdock.parts import text_of
from crossdock.server.service import Service
from crossdock.tasks.events import fold
from crossdock.tasks.stopping import ended
from crossdock.tasks.worker import POISON, VANISHED
from tests.support.cutting import cutter
from tests.support.executors import Puppet, Scripted, state
from tests.support.orchestration import Orchestration, orchestrator, place
from tests.support.processes import running
from tests.support.redis_server import RedisServer, running_redis
from tests.support.system import Agent, System, reachable_system
from tests.support.wire import Frame, body, frames, payload

COMPLETED = TaskState.TASK_STATE_COMPLETED
LEASE = 1.2
CALLER = "acme-caller"


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def shared(redis: RedisServer) -> dict[str, Any]:
    """Settings of replicas."""
    redis.flush()
    return {"redis_nodes": redis.nodes, "lease_seconds": LEASE}


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    """The issuer is on a real port here: other processes ask it for its keys."""
    async with reachable_system(tmp_path, agents={"puppet": ("act", "other"), "second": ("act",)}) as made:
        yield made


async def abandon(service: Service) -> None:
    """The replica keeps no lease any more and takes no work, but what runs in it does not know that."""
    await ended(*service.engine._background)


async def taken_over(service: Service) -> None:
    async with asyncio.timeout(10):
        while not service.engine._worker.held:  # noqa: ASYNC110 - there is nothing to wait for but this
            await asyncio.sleep(0.01)


async def handed_over(service: Service, task_id: str) -> None:
    held = service.engine._worker.held[task_id]
    async with asyncio.timeout(10):
        while not (held.queue and held.queue.handed_over):  # noqa: ASYNC110 - there is nothing to wait for but this
            await asyncio.sleep(0.001)


class Caller:
    """One task's stream as its caller reads it, at one replica after another."""

    def __init__(self, crossdock: System, client_id: str = CALLER) -> None:
        self._crossdock = crossdock
        self._client_id = client_id
        self.seen: list[Frame] = []

    async def send(self, url: str, text: str, until: str = "", **ids: str) -> None:
        """Reads up to the first event with the text `until`, or to the end; then the connection is gone."""
        await self._read(f"{url}/message:stream", body(text, **ids), {}, until)

    async def go_on(self, url: str, until: str = "") -> None:
        """At another replica; the event that the cursor names was seen before."""
        seen, last = len(self.seen), self.seen[-1].number
        cursor = {"Last-Event-ID": str(last)}
        await self._read(f"{url}/tasks/{self.task_id}:subscribe", None, cursor, until)
        (repeated,) = self.seen[seen : seen + 1]
        assert repeated.number == last
        del self.seen[seen]

    async def _read(self, url: str, content: Any, headers: dict[str, str], until: str) -> None:
        headers = {**headers, **await self._crossdock.headers(self._client_id)}
        request = self._crossdock.http().stream("POST", url, json=content, headers=headers)
        async with asyncio.timeout(20), request as response, aclosing(frames(response)) as coming:
            async for frame in coming:
                self.seen.append(frame)
                if until and until in json.dumps(frame.data):
                    break

    @property
    def task_id(self) -> str:
        return str(self.seen[0].data["task"]["id"])

    @property
    def task(self) -> Task:
        """What the events make; they are numbered without a gap or a repeat."""
        first = self.seen[0].number or 0
        assert [frame.number for frame in self.seen] == list(range(first, first + len(self.seen)))
        task = Task()
        for frame in self.seen:
            fold(task, payload(frame))
        return task

    def said(self, text: str) -> int:
        return sum(text in json.dumps(frame.data.get("statusUpdate", {})) for frame in self.seen)

    async def tasks(self, agent: Agent) -> list[dict[str, Any]]:
        """All tasks at an agent that were made on the caller's behalf."""
        headers = await self._crossdock.headers()
        found: list[dict[str, Any]] = (await self._crossdock.http().get(f"{agent.url}/tasks", headers=headers)).json()[
            "tasks"
        ]
        return found


def texts(task: Task, artifact_id: str) -> str:
    (artifact,) = [artifact for artifact in task.artifacts if artifact.artifact_id == artifact_id]
    return "".join(part.text for part in artifact.parts)


async def replicas(
    crossdock: System, shared: dict[str, Any], puppet: Agent | None = None
) -> tuple[Orchestration, Orchestration]:
    first = await orchestrator(crossdock, puppet=puppet, **shared)
    return first, await orchestrator(crossdock, puppet=first.puppet, second=first.second, **shared)


async def test_a_successor_goes_on_with_the_agents_task(crossdock: System, shared: dict[str, Any]) -> None:
    first, second = await replicas(crossdock, shared)
    puppet: Puppet = first.puppet.work
    caller = Caller(crossdock)
    await caller.send(first.url, "gated please", until='"1"')
    await abandon(first.service)
    await taken_over(second.service)
    puppet.gate.set()
    await caller.go_on(second.url)
    task = caller.task
    assert (task.status.state, text_of(task.status.message)) == (COMPLETED, "done")
    assert texts(task, "puppet.long") == "0123"
    assert len(puppet.requests) == len(await caller.tasks(first.puppet)) == 1
    assert caller.said(ROUTING) == caller.said("half way") == 1


async def test_a_killed_orchestrators_task_is_completed_by_another(crossdock: System, shared: dict[str, Any]) -> None:
    second = await orchestrator(crossdock, **shared)
    puppet: Puppet = second.puppet.work
    caller = Caller(crossdock)
    settings = place(crossdock, second.puppet.url, second.second.url)
    settings |= {"agents": json.dumps(settings["agents"])} | shared
    del settings["issuer"]
    async with running(crossdock, "orchestrator", **settings) as first:
        await caller.send(first.url, "gated please", until='"1"')
        await first.kill()
    await taken_over(second.service)
    puppet.gate.set()
    await caller.go_on(second.url)
    assert caller.task.status.state == COMPLETED
    assert texts(caller.task, "puppet.long") == "0123"
    assert len(puppet.requests) == len(await caller.tasks(second.puppet)) == 1


async def test_a_replica_that_stops_leaves_the_agents_task_to_its_successor(
    crossdock: System, shared: dict[str, Any]
) -> None:
    first, second = await replicas(crossdock, shared)
    puppet: Puppet = first.puppet.work
    caller = Caller(crossdock)
    await caller.send(first.url, "gated please", until='"1"')
    await first.service.drain()
    await taken_over(second.service)
    puppet.gate.set()
    await caller.go_on(second.url)
    assert caller.task.status.state == COMPLETED
    assert len(puppet.requests) == len(await caller.tasks(first.puppet)) == 1


async def test_what_earlier_steps_made_is_kept(crossdock: System, shared: dict[str, Any]) -> None:
    first, second = await replicas(crossdock, shared)
    one, two = first.work
    one.gate.set()
    caller = Caller(crossdock)
    await caller.send(first.url, "gated both", until='"second.long"')
    await asyncio.wait_for(two.working.wait(), 10)
    (agents_task,) = await caller.tasks(first.second)
    assert (await first.service.engine._journal.checkpoint(caller.task_id))["task_id"] == agents_task["id"]
    await abandon(first.service)
    await taken_over(second.service)
    two.gate.set()
    await caller.go_on(second.url)
    assert caller.task.status.state == COMPLETED
    assert [texts(caller.task, f"{agent}.long") for agent in ("puppet", "second")] == ["0123", "0123"]
    assert (len(one.requests), len(two.requests)) == (1, 1)
    assert [part.data for part in two.requests[0].data] == [{"n": 1}]
    assert caller.said('"puppet: done"') == 1


async def test_a_step_that_ended_meanwhile_feeds_the_next_one_once(crossdock: System, shared: dict[str, Any]) -> None:
    first, second = await replicas(crossdock, shared)
    one, two = first.work
    two.gate.set()
    caller = Caller(crossdock)
    await caller.send(first.url, "gated both", until='"1"')
    first.service.engine._worker.held[caller.task_id].worker.cancel()  # it will not even see what the agent does
    await abandon(first.service)
    one.gate.set()
    await caller.go_on(second.url)
    assert caller.task.status.state == COMPLETED
    assert [texts(caller.task, f"{agent}.long") for agent in ("puppet", "second")] == ["0123", "0123"]
    assert (len(one.requests), len(two.requests)) == (1, 1)
    assert [part.data for part in two.requests[0].data] == [{"n": 1}]


class Held:
    """An agent that accepts, but whose first answer to a message waits for the test."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.asked = asyncio.Event()
        self.gate = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or self.asked.is_set():
            await self._app(scope, receive, send)
            return
        self.asked.set()

        async def later(message: Any) -> None:
            await self.gate.wait()
            await send(message)

        await self._app(scope, receive, later)


@pytest.mark.parametrize("stopped", [False, True])
async def test_a_message_whose_answer_nobody_saw_is_not_worked_twice(
    crossdock: System, shared: dict[str, Any], stopped: bool
) -> None:
    doors: list[Held] = []

    def wrap(service: Service) -> Held:
        doors.append(Held(service))
        return doors[0]

    first, second = await replicas(crossdock, shared, puppet=await crossdock.agent(wrap=wrap))
    puppet: Puppet = first.puppet.work
    caller = Caller(crossdock)
    await caller.send(first.url, "gated please", until=ROUTING)
    await asyncio.wait_for(puppet.working.wait(), 10)
    if stopped:
        stopping = asyncio.create_task(first.service.drain())
        await handed_over(first.service, caller.task_id)
        doors[0].gate.set()
        await stopping
    else:
        await abandon(first.service)
    await taken_over(second.service)
    doors[0].gate.set()
    puppet.gate.set()
    await caller.go_on(second.url)
    assert caller.task.status.state == COMPLETED
    assert texts(caller.task, "puppet.long") == "0123"
    assert len(puppet.requests) == len(await caller.tasks(first.puppet)) == 1
    assert caller.said(ROUTING) == 1


async def test_the_answer_to_an_agents_question_is_passed_down_once(crossdock: System, shared: dict[str, Any]) -> None:
    first, second = await replicas(crossdock, shared)
    puppet: Puppet = first.puppet.work
    caller = Caller(crossdock)
    await caller.send(first.url, "ask me", until="Which one?")
    task_id = caller.task_id
    answered = Caller(crossdock)
    await answered.send(first.url, "gated answer", until='"1"', taskId=task_id)
    await abandon(first.service)
    await taken_over(second.service)
    puppet.gate.set()
    await answered.go_on(second.url)
    assert answered.task.status.state == COMPLETED
    assert texts(answered.task, "puppet.long") == "0123"
    assert [request.text for request in puppet.requests] == ["ask me", "gated answer"]
    assert len(await caller.tasks(first.puppet)) == 1


async def test_a_question_is_asked_again_by_the_successor_until_it_is_answered(
    crossdock: System, shared: dict[str, Any]
) -> None:
    """The checkpoint was saved, and the replica died before the question was."""
    first, second = await replicas(crossdock, shared)
    caller = Caller(crossdock)
    _stop_before(first, TaskState.TASK_STATE_INPUT_REQUIRED)
    await caller.send(first.url, "ask me", until="Routed")
    await abandon(first.service)
    await caller.go_on(second.url, until="Which one?")
    assert caller.task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert len(first.puppet.work.requests) == 1


def _stop_before(served: Orchestration, last: TaskState) -> None:
    """The replica hangs, as if it were gone, when it would store the state `last`."""
    journal: Any = served.service.engine._journal
    append = journal.append

    async def hanging(lease: Any, entries: Any, **options: Any) -> int:
        if any(getattr(getattr(entry.event, "status", None), "state", None) == last for entry in entries):
            await asyncio.Event().wait()
        number: int = await append(lease, entries, **options)
        return number

    journal.append = hanging


@asynccontextmanager
async def twins(
    crossdock: System, shared: dict[str, Any], resumable: str, count: int = 2
) -> AsyncIterator[list[Agent]]:
    yield [await crossdock.agent(resumable={"*": resumable}, **shared) for _ in range(count)]


async def test_an_agents_task_is_run_again_where_its_skill_may_be(crossdock: System, shared: dict[str, Any]) -> None:
    async with twins(crossdock, shared, "restart") as (first, second):
        caller = Caller(crossdock, "acme-orchestrator")
        await caller.send(first.url, "gated please", until='"1"')
        await abandon(first.service)
        second.work.gate.set()
        await caller.go_on(second.url)
        first.work.gate.set()  # the former holder goes on too: nothing of it is stored
        assert caller.task.status.state == COMPLETED
        assert texts(caller.task, "long") == "0123"
        assert (len(first.work.requests), len(second.work.requests)) == (1, 1)
        assert MessageToDict(caller.task) == MessageToDict(await crossdock.client(second.url).get(caller.task_id))


async def test_an_agents_task_that_may_not_be_run_again_fails_with_a_reason(
    crossdock: System, shared: dict[str, Any]
) -> None:
    async with twins(crossdock, shared, "never") as (first, second):
        caller = Caller(crossdock, "acme-orchestrator")
        await caller.send(first.url, "gated please", until='"1"')
        await abandon(first.service)
        await caller.go_on(second.url)
        assert caller.task.status.state == TaskState.TASK_STATE_FAILED
        assert text_of(caller.task.status.message) == VANISHED
        assert texts(caller.task, "long") == "01"
        assert not second.work.requests


async def test_an_agents_replica_dies_below_an_orchestrator(crossdock: System, shared: dict[str, Any]) -> None:
    async with twins(crossdock, shared, "restart") as (first, second), cutter(first.url) as (line, url):
        served = await orchestrator(crossdock, puppet=Agent(url, first.work, first.service), **shared)
        caller = Caller(crossdock)
        await caller.send(served.url, "gated please", until='"1"')
        await abandon(first.service)
        line.target = second.url
        line.cut_all()
        second.work.gate.set()
        await caller.go_on(served.url)
        assert caller.task.status.state == COMPLETED
        assert texts(caller.task, "puppet.long") == "0123"
        assert len(await caller.tasks(second)) == 1


async def test_a_task_that_kills_its_executors_fails_with_a_reason(crossdock: System, shared: dict[str, Any]) -> None:
    killed: list[int] = []
    services: list[Service] = []

    def deadly(number: int) -> Scripted:
        async def die(context: RequestContext, queue: EventQueue) -> None:
            await state(queue, TaskState.TASK_STATE_WORKING)
            killed.append(number)
            await abandon(services[number])
            await asyncio.Event().wait()

        return Scripted(die)

    agents = [await crossdock.agent(deadly(number), resumable={"*": "restart"}, **shared) for number in range(4)]
    services += [agent.service for agent in agents]
    caller = Caller(crossdock, "acme-orchestrator")
    await caller.send(agents[0].url, "poison")
    assert caller.task.status.state == TaskState.TASK_STATE_FAILED
    assert text_of(caller.task.status.message) == POISON
    assert (len(killed), len(set(killed))) == (3, 3)
