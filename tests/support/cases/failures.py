"""What is killed in the middle of a task costs the task nothing but time."""

import asyncio
from typing import Any

import pytest

from tests.support.arrival import ROWS
from tests.support.long_task import ENDS, at_the_agent, ended_once, long_message, working
from tests.support.operated import Operated
from tests.support.served import bearing
from tests.support.stack import until

SHORT = 5
"""Seconds that a task is given which nobody can end while they pass."""


async def worker(system: Operated[Any], name: str, task_id: str) -> Any:
    """The replica that says of itself that it works the task."""

    async def working_it() -> Any:
        for replica in await system.replicas(name):
            if await says(system, replica, "working", task_id):
                return replica
        return None

    return await until(working_it, f"no replica of {name} works {task_id}")


async def says(system: Operated[Any], replica: Any, what: str, task_id: str) -> bool:
    said = (await system.logs(replica)).splitlines()
    return any(f"task_{what}" in line and task_id in line for line in said)


@pytest.mark.timeout(240)
async def test_an_orchestrators_replica_is_killed_in_the_middle_of_a_task(system: Operated[Any]) -> None:
    async with working(system) as task:
        killed = await worker(system, "acme", task.task_id)
        await system.crash(killed)
    await ended_once(system, task)
    await system.recovered(killed)


@pytest.mark.timeout(240)
async def test_an_agents_replica_is_killed_in_the_middle_of_a_task(system: Operated[Any]) -> None:
    async with working(system) as task:

        async def begun() -> Any:
            return (await at_the_agent(system, task)).result["tasks"]

        (shared,) = await until(begun, "the agent has no task", pause=0.3)
        killed = await worker(system, "anomaly", shared["id"])
        await system.crash(killed)
    await ended_once(system, task)
    await system.recovered(killed)


@pytest.mark.timeout(240)
async def test_redis_is_killed_in_the_middle_of_a_task(system: Operated[Any]) -> None:
    """It comes back by itself, and the append-only file brings its tasks."""
    (redis,) = await system.replicas("redis")
    async with working(system) as task:
        await system.crash(redis)
        await system.recovered(redis)
    await ended_once(system, task)


@pytest.mark.timeout(240)
async def test_zombie_task_after_an_error_inside_the_error_path(system: Operated[Any]) -> None:
    """Its time is up while Redis is away, so that its failure cannot be written either: it ends all the same."""
    caller = await system.rest("anomaly", "acme-orchestrator")
    params = {**long_message(ROWS), "configuration": {"returnImmediately": True}}
    answer = await caller.call("SendMessage", params, crossdock_timeout=str(SHORT))
    deadline = asyncio.get_running_loop().time() + SHORT

    async def over() -> bool:
        return asyncio.get_running_loop().time() > deadline

    async with system.stopped("redis"):
        await until(over, "time does not pass", SHORT + 5)

    async def ended() -> bool:
        found = await caller.call("GetTask", {"id": answer.task["id"]})
        return found.error is None and found.result["status"]["state"] in ENDS

    await until(ended, "the task is a zombie", 60, pause=0.3)
    for replica in await system.replicas("anomaly"):
        assert "never retrieved" not in await system.logs(replica)


@pytest.mark.timeout(240)
async def test_a_task_is_cancelled_through_another_replica(system: Operated[Any]) -> None:
    """One that does not work it is asked; the one that does ends it, and says so."""
    token = await system.token("acme-orchestrator")
    caller = await system.rest("anomaly", "acme-orchestrator")
    params = {**long_message(ROWS), "configuration": {"returnImmediately": True}}
    task_id = (await caller.call("SendMessage", params)).task["id"]
    works = await worker(system, "anomaly", task_id)
    (other,) = [each for each in await system.replicas("anomaly") if each.name != works.name]
    async with system.reach(other) as http:
        answer = await http.post(f"/tasks/{task_id}:cancel", headers=bearing(token))
    assert (answer.status_code, answer.json()["status"]["state"]) == (200, "TASK_STATE_CANCELED")
    await until(lambda: says(system, works, "canceled", task_id), f"{works.name} does not say that it was cancelled")
    assert not await says(system, other, "canceled", task_id)
    found = await caller.call("GetTask", {"id": task_id})
    assert found.result["status"]["state"] == "TASK_STATE_CANCELED"
