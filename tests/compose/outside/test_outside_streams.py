"""Streams through the gateway: events arrive as they happen, and go on elsewhere when a replica is lost."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from installer.agents import AGENTS
from tests.support.arrival import ROWS, arrived_as_they_happened, delays
from tests.support.long_task import Watch, watch
from tests.support.operations import RestCaller
from tests.support.project import Container
from tests.support.stack import ROOT, Stack, until

DIRECTIVES = {"proxy_buffering off;": "proxy_buffering on; proxy_http_version 1.0;"}
BUFFERED = "https.conf"
RESULTS = {"anomalies", "report", "chart"}
PORTS = {agent.id: agent.port + 1000 for agent in AGENTS} | {"orchestrator-acme": 9001, "orchestrator-globex": 9001}


async def test_events_arrive_one_by_one(system: Stack) -> None:
    for name, client in (("acme", "acme-caller"), ("anomaly", "acme-orchestrator")):
        found = await delays(await watch(system, name, client), ROWS)
        assert arrived_as_they_happened(found), (name, found)


async def test_buffered_sse_fails_the_same_assertion(system: Stack, tmp_path: Path) -> None:
    """Another gateway, whose configuration differs by what buffers, and delimits by the connection's end."""
    async with buffering_gateway(system, tmp_path) as url:
        headers = await system.headers("acme-orchestrator")
        task = Watch(system, RestCaller(system.http(url), system.path("anomaly"), headers))
        found = await delays(task, ROWS)
    assert not arrived_as_they_happened(found), found


@asynccontextmanager
async def buffering_gateway(system: Stack, folder: Path) -> AsyncIterator[str]:
    (real,) = await system.project.containers("gateway")
    changed = folder / "snippets"
    shutil.copytree(ROOT / "docker" / "gateway" / "snippets", changed)
    text = (changed / BUFFERED).read_text()
    for old, new in DIRECTIVES.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (changed / BUFFERED).write_text(text)
    mounts = {each["Destination"]: each["Source"] for each in real.found["Mounts"] if each["Type"] == "bind"}
    mounts["/etc/nginx/snippets"] = str(changed)
    volumes = [f"--volume={source}:{target}:ro" for target, source in mounts.items()]
    variables = [f"--env={each}" for each in real.found["Config"]["Env"] if not each.startswith("PATH=")]
    confined = ("--read-only", "--tmpfs=/tmp:mode=1777", "--cap-drop=ALL", "--user=101:101")
    image = real.found["Config"]["Image"]
    async with system.container(*confined, *volumes, *variables, image, published=8443) as made:
        url = f"https://{system.place.origin.public_host}:{made.address.rpartition(':')[2]}"
        await until(lambda: _answers(system.http(url)), "the buffering gateway does not answer")
        yield url


async def _answers(http: httpx.AsyncClient) -> bool:
    try:
        return (await http.get("/agents/anomaly/.well-known/agent-card.json")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


async def serving(system: Stack, network: httpx.AsyncClient, service: str) -> Container:
    """The replica that has an open stream of a caller's."""

    async def found() -> Container | None:
        for container in await system.project.containers(service):
            metrics = (await network.get(f"http://{container.name}:{PORTS[service]}/metrics")).text
            if any(
                line.startswith("crossdock_open_streams{") and not line.endswith(" 0.0")
                for line in metrics.splitlines()
            ):
                return container
        return None

    served: Container = await until(found, f"no replica of {service} has a stream")
    return served


@pytest.mark.parametrize(
    ("service", "name", "client"),
    [("anomaly", "anomaly", "acme-orchestrator"), ("orchestrator-acme", "acme", "acme-caller")],
)
async def test_a_stream_resumes_when_the_replica_that_served_it_is_killed(
    system: Stack, network: httpx.AsyncClient, service: str, name: str, client: str
) -> None:
    task = await watch(system, name, client)
    cut = await killed_while_serving(system, network, service, task)
    assert task.last == task.numbers[-1]
    await asyncio.wait_for(task.until_end(), 90)
    assert task.numbers == list(range(task.numbers[0], task.last + 1))
    assert (task.states[-1], sum(state in task.states[-1:] for state in task.states)) == ("TASK_STATE_COMPLETED", 1)
    assert task.artifacts >= RESULTS
    await system.project.recovered(cut)


async def killed_while_serving(system: Stack, network: httpx.AsyncClient, service: str, task: Watch) -> Container:
    killed: list[Container] = []

    async def follow() -> None:
        async with aclosing(task.send(ROWS)) as events:
            async for frame in events:
                if not killed and frame.data.get("statusUpdate"):
                    killed.append(await serving(system, network, service))
                    await system.project.crash(killed[0])

    with pytest.raises(httpx.TransportError):
        await follow()
    assert not task.ended
    return killed[0]
