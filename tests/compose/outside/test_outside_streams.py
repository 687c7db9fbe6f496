"""Streams through the gateway: events arrive as they happen, and go on elsewhere when a replica is lost."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.support.arrival import arrival
from tests.support.cases.streams import *  # noqa: F403
from tests.support.long_task import Watch
from tests.support.operations import RestCaller
from tests.support.stack import ROOT, Stack, until

DIRECTIVES = {"proxy_buffering off;": "proxy_buffering on; proxy_http_version 1.0;"}
BUFFERED = "https.conf"


async def test_buffered_sse_fails_the_same_assertion(system: Stack, tmp_path: Path) -> None:
    """Another gateway, whose configuration differs by what buffers, and delimits by the connection's end."""
    async with buffering_gateway(system, tmp_path) as url:
        headers = await system.headers("acme-orchestrator")
        task = Watch(system, RestCaller(system.http(url), system.path("anomaly"), headers))
        found = await arrival(task)
    assert not found.as_it_happened, found


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
