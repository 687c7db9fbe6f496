"""Streams: events arrive as they happen, and go on elsewhere when a replica is lost."""

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.support.arrival import ROWS, arrival
from tests.support.long_task import COMPLETED, RESULTS, Watch, watch
from tests.support.operated import Operated
from tests.support.stack import until


async def test_events_arrive_one_by_one(system: Operated[Any]) -> None:
    for name, client in (("acme", "acme-caller"), ("anomaly", "acme-orchestrator")):
        found = await arrival(await watch(system, name, client))
        assert found.as_it_happened, (name, found)


async def serving(system: Operated[Any], name: str) -> Any:
    """The replica that has an open stream of a caller's."""

    async def found() -> Any:
        for replica in await system.replicas(name):
            async with system.reach(replica, management=True) as http:
                metrics = (await http.get("/metrics")).text.splitlines()
            if any(line.startswith("crossdock_open_streams{") and not line.endswith(" 0.0") for line in metrics):
                return replica
        return None

    return await until(found, f"no replica of {name} has a stream")


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("name", "client"), [("anomaly", "acme-orchestrator"), ("acme", "acme-caller")])
async def test_a_stream_resumes_when_the_replica_that_served_it_is_killed(
    system: Operated[Any], name: str, client: str
) -> None:
    task = await watch(system, name, client)
    cut = await killed_while_serving(system, name, task)
    assert task.last == task.numbers[-1]
    await asyncio.wait_for(task.until_end(), 90)
    assert task.numbers == list(range(task.numbers[0], task.last + 1))
    assert (task.states[-1], task.states.count(COMPLETED)) == (COMPLETED, 1)
    assert task.artifacts >= RESULTS
    await system.recovered(cut)


async def killed_while_serving(system: Operated[Any], name: str, task: Watch) -> Any:
    killed: list[Any] = []

    async def follow() -> None:
        async with aclosing(task.send(ROWS)) as events:
            async for frame in events:
                if not killed and frame.data.get("statusUpdate"):
                    killed.append(await serving(system, name))
                    await system.crash(killed[0])

    with pytest.raises(httpx.TransportError):
        await follow()
    assert not task.ended
    return killed[0]
