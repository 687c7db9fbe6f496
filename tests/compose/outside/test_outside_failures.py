"""What is killed in the middle of a task costs the task nothing but time."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.support.gateway import docker
from tests.support.long_task import ENDS, at_the_agent, ended_once, long_message, working
from tests.support.project import Container
from tests.support.stack import Stack, until

pytestmark = pytest.mark.timeout(240)
SHORT = 5
"""Seconds that a task is given which nobody can end while they pass."""


async def worker(system: Stack, service: str, task_id: str) -> Container:
    """The replica that says of itself that it works the task."""

    async def found() -> Container | None:
        for container in await system.project.containers(service):
            said = (await docker("logs", container.name)).splitlines()
            if any("task_working" in line and task_id in line for line in said):
                return container
        return None

    works: Container = await until(found, f"no replica of {service} works {task_id}")
    return works


async def test_an_orchestrators_replica_is_killed_in_the_middle_of_a_task(system: Stack) -> None:
    async with working(system) as task:
        killed = await worker(system, "orchestrator-acme", task.task_id)
        await system.project.crash(killed)
    await ended_once(system, task)
    await system.project.recovered(killed)


async def test_an_agents_replica_is_killed_in_the_middle_of_a_task(system: Stack) -> None:
    async with working(system) as task:

        async def begun() -> Any:
            return (await at_the_agent(system, task)).result["tasks"]

        (shared,) = await until(begun, "the agent has no task")
        killed = await worker(system, "anomaly", shared["id"])
        await system.project.crash(killed)
    await ended_once(system, task)
    await system.project.recovered(killed)


async def test_redis_is_killed_in_the_middle_of_a_task(system: Stack) -> None:
    """Its restart policy brings it back, and the append-only file its tasks."""
    (redis,) = await system.project.containers("redis")
    async with working(system) as task:
        await system.project.crash(redis)
        await system.project.recovered(redis)
    await ended_once(system, task)


async def test_zombie_task_after_an_error_inside_the_error_path(system: Stack) -> None:
    """Its time is up while Redis is away, so that its failure cannot be written either: it ends all the same."""
    caller = await system.rest("anomaly", "acme-orchestrator")
    params = {**long_message(), "configuration": {"returnImmediately": True}}
    answer = await caller.call("SendMessage", params, crossdock_timeout=str(SHORT))
    deadline = asyncio.get_running_loop().time() + SHORT
    (redis,) = await system.project.containers("redis")
    await docker("stop", redis.name)
    try:

        async def over() -> bool:
            return asyncio.get_running_loop().time() > deadline

        await until(over, "time does not pass", SHORT + 5)
    finally:
        await docker("start", redis.name)
    await system.project.well("redis")

    async def ended() -> bool:
        found = await caller.call("GetTask", {"id": answer.task["id"]})
        return found.error is None and found.result["status"]["state"] in ENDS

    await until(ended, "the task is a zombie", 60, pause=0.3)
    for replica in await system.project.containers("anomaly"):
        assert "never retrieved" not in await docker("logs", replica.name)


async def test_a_task_is_cancelled_through_another_replica(system: Stack, network: httpx.AsyncClient) -> None:
    """One that does not work it is asked; the one that does ends it, and says so."""
    headers = await system.headers("acme-orchestrator")
    caller = await system.rest("anomaly", "acme-orchestrator")
    params = {**long_message(), "configuration": {"returnImmediately": True}}
    task_id = (await caller.call("SendMessage", params)).task["id"]
    works = await worker(system, "anomaly", task_id)
    (other,) = [each for each in await system.project.containers("anomaly") if each.id != works.id]
    answer = await network.post(f"http://{other.name}:8002/tasks/{task_id}:cancel", headers=headers)
    assert (answer.status_code, answer.json()["status"]["state"]) == (httpx.codes.OK, "TASK_STATE_CANCELED")

    async def ended_by(replica: Container) -> bool:
        said = (await docker("logs", replica.name)).splitlines()
        return any("task_canceled" in line and task_id in line for line in said)

    await until(lambda: ended_by(works), f"{works.name} does not say that the task was cancelled")
    assert not await ended_by(other)
    found = await caller.call("GetTask", {"id": task_id})
    assert found.result["status"]["state"] == "TASK_STATE_CANCELED"
