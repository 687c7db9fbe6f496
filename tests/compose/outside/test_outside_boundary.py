"""Who may call what with real tokens: alike over JSON-RPC, HTTP+JSON, and gRPC by host name."""

import json
import os

import httpx

from tests.support.cases.boundary import *  # noqa: F403
from tests.support.gateway import docker
from tests.support.stack import PYTHON, Stack


async def test_a_host_header_leads_nowhere_else(system: Stack) -> None:
    """Agents are found by path here."""
    headers = {**await system.headers("globex-caller"), "Host": "evil.test"}
    answer = await system.http().get(f"{system.path('orchestrator')}/extendedAgentCard", headers=headers)
    assert (answer.status_code, answer.json()["name"]) == (httpx.codes.OK, "globex-orchestrator")
    assert "evil.test" not in answer.text


GATEWAY = """
import http.client, json, ssl, sys
token, count = sys.argv[1:]
headers = {"Authorization": f"Bearer {token}", "A2A-Version": "1.0"}
for _ in range(int(count)):
    connection = http.client.HTTPSConnection("gateway", 8443, context=ssl._create_unverified_context())
    connection.request("GET", "/agents/orchestrator/tasks?pageSize=1", headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
print(answer.status, answer.headers["Retry-After"], text)
"""


async def last_of(system: Stack, token: str, count: int) -> str:
    """What the last of so many requests is answered, from an address of its own: that of a container."""
    network = f"--network={system.project.name}_front"
    program = (f"--entrypoint={PYTHON}", system.image("installer"), "-c", GATEWAY, token, str(count))
    return await docker("run", "--rm", network, *program)


async def test_a_token_has_one_limit_wherever_it_comes_from(system: Stack) -> None:
    """Half of what it may at once from each of two containers; another token has its own from both."""
    one, other = await system.token("acme-caller"), await system.token("acme-caller")
    half = burst() // 2 + 15
    assert (await last_of(system, one, half)).startswith("200")
    refused = await last_of(system, one, half)
    assert refused.startswith("429 1 ")
    assert json.loads(refused.split(" ", 2)[2])["error"]["status"] == "RESOURCE_EXHAUSTED"
    for _ in range(2):
        assert (await last_of(system, other, 1)).startswith("200")


def burst() -> int:
    return int(os.environ.get("REQUEST_BURST", "50"))
