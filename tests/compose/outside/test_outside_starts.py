"""How services start: warm, never with tasks that replicas cannot share, and not in need of a collector."""

import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import httpx
import pytest

from tests.support import collector
from tests.support.cases.starts import *  # noqa: F403
from tests.support.cases.starts import imported
from tests.support.gateway import docker
from tests.support.long_task import COMPLETED, long_message
from tests.support.served import bearing
from tests.support.stack import PYTHON, Beside, Stack, until

LETTER = {
    "messageId": "m",
    "role": "ROLE_USER",
    "parts": [{"text": "Draft an escalation to dispatch@carrier.example: two pallets from Kiel arrived crushed."}],
}
COLD = """
from anomaly_agent.pipeline import AnomalyPipeline
AnomalyPipeline.warm_up = lambda self: ()
from anomaly_agent.__main__ import main
main()
"""


@pytest.mark.timeout(180)
async def test_cold_start_who_is_ready_has_imported_what_a_task_needs(
    system: Stack, network: httpx.AsyncClient
) -> None:
    """One that is ready at once, and imports for its first caller, is the control."""
    headers, lost = bearing(await system.token("acme-orchestrator")), []
    for replica in await system.project.containers("anomaly"):
        await docker("restart", replica.name)
        await ready(network, f"http://{replica.name}:9002")
        assert await imported(system, replica)
        lost.append(await lost_at_first(network, replica.name, headers))
    await system.project.well("anomaly")
    cold = (f"--entrypoint={PYTHON}", system.image("anomaly"), "-c", COLD)
    async with beside(system, *cold) as made:
        await ready(network, f"http://{made.name}:9002")
        assert not await imported(system, made)
        lost_by_cold = await lost_at_first(network, made.name, headers)
    print(f"\nlost by a first task: {lost} s; by that of a cold start: {lost_by_cold:.2f} s")
    assert min(lost) < lost_by_cold  # what else the machine does is in them, and never makes one shorter


async def lost_at_first(network: httpx.AsyncClient, replica: str, headers: dict[str, str]) -> float:
    """The seconds by which the first task of a process takes longer than those that follow."""
    first, *others = [await worked(network, replica, headers) for _ in range(4)]
    return first - statistics.median(others)


async def worked(network: httpx.AsyncClient, replica: str, headers: dict[str, str]) -> float:
    began = time.monotonic()
    answer = await network.post(f"http://{replica}:8002/message:send", json=long_message(rows=200), headers=headers)
    assert answer.json()["task"]["status"]["state"] == COMPLETED, answer.text
    return time.monotonic() - began


async def ready(network: httpx.AsyncClient, url: str) -> None:
    async def answers() -> bool:
        return (await network.get(f"{url}/readyz")).status_code == httpx.codes.OK

    await until(answers, f"{url} is not ready", 90)


async def test_in_memory_store_with_several_workers_loses_tasks(system: Stack, network: httpx.AsyncClient) -> None:
    """Why it is refused: each of the real replicas finds a task, and of two that keep theirs in memory one does not."""
    headers = bearing(await system.token("acme-orchestrator"))
    real = [each.name for each in await system.project.containers("escalation")]
    assert await finders(network, real, headers) == real
    async with alone(system, network, "") as one, alone(system, network, "") as other:
        assert await finders(network, [one.name, other.name], headers) == [one.name]


async def finders(network: httpx.AsyncClient, replicas: list[str], headers: dict[str, str]) -> list[str]:
    """Those that find a task which the first one has taken."""
    url, body = f"http://{replicas[0]}:8004/message:send", {"message": LETTER}
    answer = await network.post(url, json=body, headers=headers)
    assert answer.status_code == httpx.codes.OK, answer.text
    path = f"8004/tasks/{answer.json()['task']['id']}"
    answers = {name: await network.get(f"http://{name}:{path}", headers=headers) for name in replicas}
    return [name for name, found in answers.items() if found.status_code == httpx.codes.OK]


@pytest.mark.timeout(180)
async def test_a_collector_that_is_down_disturbs_nothing(system: Stack, network: httpx.AsyncClient) -> None:
    """Against the same service that was told of none: as fast, and as silent."""
    headers = bearing(await system.token("acme-orchestrator"))
    async with alone(system, network, collector.DOWN) as without, alone(system, network, "") as quiet:
        asked = {each.name: partial(answered, network, each, headers) for each in (without, quiet)}
        found = await collector.medians(asked)
        assert collector.as_fast(found[without.name], found[quiet.name]), found
        complaints = collector.complaints(await without.logs())
        assert collector.few(complaints), complaints[:3]


@asynccontextmanager
async def alone(system: Stack, network: httpx.AsyncClient, endpoint: str) -> AsyncIterator[Beside]:
    """An escalation agent with its tasks in memory."""
    async with beside(system, f"--env=CROSSDOCK_OTLP_ENDPOINT={endpoint}", system.image("escalation")) as made:
        await ready(network, f"http://{made.name}:9004")
        yield made


@asynccontextmanager
async def beside(system: Stack, *arguments: str) -> AsyncIterator[Beside]:
    """A container that knows the system's issuer."""
    (like, *_) = await system.project.containers("escalation")
    variables = [f"--env={each}" for each in like.found["Config"]["Env"] if each.startswith("CROSSDOCK_ISSUER")]
    async with system.container(*variables, *arguments) as made:
        yield made


async def answered(network: httpx.AsyncClient, service: Beside, headers: dict[str, str]) -> None:
    answer = await network.get(f"http://{service.name}:8004/tasks", headers=headers)
    assert answer.status_code == httpx.codes.OK, answer.text
