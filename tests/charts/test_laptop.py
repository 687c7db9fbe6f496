"""An idle orchestrator, as a process against Redis, stays under half of what it requests on a laptop."""

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.charts.rendering import rendered
from tests.charts.scenarios import ON_A_LAPTOP
from tests.support.orchestration import place
from tests.support.processes import running
from tests.support.redis_server import RedisServer
from tests.support.system import System, reachable_system

SECONDS = 5.0
MIB = 1024 * 1024


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    async with reachable_system(tmp_path) as made:
        yield made


def processes(pid: int) -> list[int]:
    """It and those below it."""
    below = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid, *(each for child in below for each in processes(child))]


def resident(pid: int) -> int:
    """Bytes; pages that several processes share are divided among them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


def busy(pid: int) -> float:
    """Seconds of CPU so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def test_an_idle_orchestrator_stays_under_half_of_its_requests(crossdock: System, tmp_path: Path) -> None:
    scenario = next(each for each in ON_A_LAPTOP if each.chart == "orchestrator")
    requests = rendered(scenario).serving[0].spec["containers"][0]["resources"]["requests"]
    assert requests == {"cpu": "50m", "memory": "320Mi"}
    redis = RedisServer(tmp_path / "redis")
    await redis.start()
    crossdock.stack.callback(redis.stop)
    one, two = await crossdock.agent(), await crossdock.agent(name="second-agent")
    settings = place(crossdock, one.url, two.url)
    settings |= {"agents": json.dumps(settings["agents"]), "redis_nodes": redis.nodes, "replicas": 2}
    del settings["issuer"]
    async with running(crossdock, "orchestrator", **settings) as service:
        pids = processes(service.process.pid)
        begun, before = time.monotonic(), sum(map(busy, pids))
        await asyncio.sleep(SECONDS)  # idle is what this measures
        cpu = 1000 * (sum(map(busy, pids)) - before) / (time.monotonic() - begun)
        memory = sum(map(resident, pids)) / MIB
    assert memory < 160, f"{memory:.0f} MiB"
    assert cpu < 25, f"{cpu:.1f}m"
