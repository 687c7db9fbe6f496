"""Plans of several steps whose later agent does not simply complete."""

import asyncio
from typing import Any

import pytest
from a2a.types import Task, TaskState

from crossdock.errors import CrossdockError
from crossdock.parts import text_of
from crossdock.tasks.events import fold
from tests.support.executors import Puppet, message
from tests.support.orchestration import Orchestration, orchestrator
from tests.support.system import System


async def played(crossdock: System, second: str) -> Orchestration:
    """An orchestration whose second agent does what `second` says, whatever the request says."""
    served = await orchestrator(crossdock)
    puppet: Any = served.second.work
    puppet._complete = getattr(Puppet, f"_{second}").__get__(puppet)
    return served


async def run(crossdock: System, served: Orchestration, text: str, **ids: str) -> Task:
    task = Task()
    async for event in crossdock.client(served.url, "acme-caller").send(message(text, **ids).message):
        fold(task, event)  # type: ignore[arg-type]
    return task


async def states(crossdock: System, url: str) -> list[str]:
    answer = await crossdock.http().get(f"{url}/tasks", headers=await crossdock.headers())
    return [task["status"]["state"] for task in answer.json()["tasks"]]


@pytest.mark.parametrize(
    ("word", "state", "said"),
    [
        ("reject", TaskState.TASK_STATE_REJECTED, "second: Send a file."),
        ("fail", TaskState.TASK_STATE_FAILED, "second: The archive is empty."),
    ],
)
async def test_a_later_step_that_ends_badly_ends_the_plan(
    crossdock: System, word: str, state: TaskState, said: str
) -> None:
    served = await played(crossdock, word)
    task = await run(crossdock, served, "complete both")
    assert (task.status.state, text_of(task.status.message)) == (state, said)
    assert {artifact.artifact_id for artifact in task.artifacts} == {"puppet.echo", "puppet.data"}


async def test_an_agent_that_says_nothing_at_its_end_ends_the_plan_with_its_name(crossdock: System) -> None:
    served = await played(crossdock, "artifactthenraise")
    task = await run(crossdock, served, "complete both")
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert text_of(task.status.message).startswith("second: ")
    assert "hunter2" not in str(task)


async def test_a_question_of_a_later_step_goes_on_there(crossdock: System) -> None:
    served = await played(crossdock, "ask")
    task = await run(crossdock, served, "complete both")
    assert (task.status.state, text_of(task.status.message)) == (TaskState.TASK_STATE_INPUT_REQUIRED, "Which one?")
    answered = await run(crossdock, served, "answer that", task_id=task.id)
    assert answered.status.state == TaskState.TASK_STATE_COMPLETED
    first, second = served.work
    assert (len(first.requests), len(second.requests)) == (1, 2)
    assert second.requests[0].task_id == second.requests[1].task_id


async def test_a_question_is_asked_as_often_as_the_agent_has_one(crossdock: System) -> None:
    served = await played(crossdock, "ask")
    task = await run(crossdock, served, "complete both")
    for _ in range(2):
        again = await run(crossdock, served, "complete that", task_id=task.id)
        assert again.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert len(served.work[0].requests) == 1


async def test_a_cancel_reaches_the_step_at_work_and_leaves_the_one_before(crossdock: System) -> None:
    served = await played(crossdock, "wait")
    running = asyncio.create_task(run(crossdock, served, "complete both", context_id="mine"))
    _, second = served.work
    async with asyncio.timeout(10):
        await second.working.wait()
    client = crossdock.client(served.url, "acme-caller")
    headers = await crossdock.headers("acme-caller")
    (task,) = (await crossdock.http().get(f"{served.url}/tasks", headers=headers)).json()["tasks"]
    assert (await client.cancel(task["id"])).status.state == TaskState.TASK_STATE_CANCELED
    async with asyncio.timeout(10):
        await second.interrupted.wait()
        assert (await running).status.state == TaskState.TASK_STATE_CANCELED
    assert await states(crossdock, served.puppet.url) == ["TASK_STATE_COMPLETED"]
    assert await states(crossdock, served.second.url) == ["TASK_STATE_CANCELED"]


async def test_a_cancel_while_a_later_step_asks_is_passed_on(crossdock: System) -> None:
    served = await played(crossdock, "ask")
    task = await run(crossdock, served, "complete both")
    canceled = await crossdock.client(served.url, "acme-caller").cancel(task.id)
    assert canceled.status.state == TaskState.TASK_STATE_CANCELED
    assert await states(crossdock, served.second.url) == ["TASK_STATE_CANCELED"]


async def test_a_cancel_while_the_orchestrator_asks_back_ends_the_task(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task = await run(crossdock, served, "nobody")
    client = crossdock.client(served.url, "acme-caller")
    assert (await client.cancel(task.id)).status.state == TaskState.TASK_STATE_CANCELED
    with pytest.raises(CrossdockError):
        await run(crossdock, served, "complete this", task_id=task.id)
    assert not served.work[0].requests


async def test_an_agent_that_is_gone_when_its_turn_comes_is_named(crossdock: System) -> None:
    served = await orchestrator(crossdock, task_seconds=3)
    await served.second.service.drain()
    task = await run(crossdock, served, "complete both")
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert "second" in text_of(task.status.message)
    assert {artifact.artifact_id for artifact in task.artifacts} == {"puppet.echo", "puppet.data"}
