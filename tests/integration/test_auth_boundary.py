"""The second validation case of the field: what a stranger, a caller without rights and a good caller get."""

import asyncio
import base64
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from crossdock.auth.service_keys import JWKS_PATH
from tests.support.obligations import obliges
from tests.support.system import Agent, System

SEND = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "SendMessage",
    "params": {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "complete"}]}},
}
CARDS = ("/.well-known/agent-card.json", "/.well-known/agent.json")


@pytest.fixture
async def agent(crossdock: System) -> Agent:
    return await crossdock.agent()


@pytest.fixture
def web(crossdock: System, agent: Agent) -> httpx.AsyncClient:
    return crossdock.http(base_url=agent.url)


@obliges("8.2-published")
async def test_the_card_is_public(web: httpx.AsyncClient) -> None:
    for path in CARDS:
        assert (await web.get(path)).json()["name"] == "puppet-agent"


@obliges("7.4-every")
async def test_without_a_token_and_with_a_bad_one(web: httpx.AsyncClient) -> None:
    response = await web.post("/", json=SEND)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == 'Bearer realm="puppet-agent"'
    response = await web.post("/", json=SEND, headers={"Authorization": "Bearer a.b.c"})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]


async def test_without_the_role_and_with_it(web: httpx.AsyncClient, crossdock: System) -> None:
    version = {"A2A-Version": "1.0"}
    token = await crossdock.issuer.mint(claims={"realm_access": {"roles": ["skill:puppet.act"]}})
    response = await web.post("/", json=SEND, headers={"Authorization": f"Bearer {token}", **version})
    assert response.status_code == 403
    response = await web.post("/", json=SEND, headers=await crossdock.headers())
    assert response.status_code == 200
    assert response.json()["result"]["task"]["status"]["state"] == "TASK_STATE_COMPLETED"


def paths(routes: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each method and path that an app serves, with something in the place of its parameters."""
    for route in routes:
        if isinstance(route, Mount):
            yield from paths(route.routes, prefix + "/acme" * ("{" in route.path) + route.path.partition("/{")[0])
        elif isinstance(route, Route):
            path = prefix + "/".join("x" if "{" in piece else piece for piece in route.path.split("/"))
            yield from ((method, path) for method in route.methods or {"GET"})


@obliges("7.4-every")
async def test_no_route_is_forgotten(web: httpx.AsyncClient, agent: Agent) -> None:
    app: Any = agent.service.app
    assert isinstance(app, Starlette)
    found = set(paths(app.routes))
    assert len(found) > 20
    readable = {(method, path) for method in ("GET", "HEAD") for path in (*CARDS, JWKS_PATH)}
    for method, path in sorted(found - readable):
        response = await web.request(method, path)
        assert (response.status_code, method, path) == (401, method, path)


async def raw(url: str, request: str) -> bytes:
    """The status code of the answer to a request that no client library would send."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(request.encode("latin-1"))
        async with asyncio.timeout(10):
            return (await reader.readline()).split()[1]
    finally:
        writer.close()


SPELLINGS = (
    "//.well-known/agent-card.json",
    "/.well-known//agent-card.json",
    "/.well-known/agent-card.json/",
    "/.well-known/agent-card%2ejson",
    "/.well-known/%61gent-card.json",
    "/x/../.well-known/agent-card.json",
    "/.well-known/agent-card.json/../../tasks",
    "/.well-known/Agent-Card.json",
    "/.well-known/agent-card.json%00",
    "/.well-known/agent-card.json%3f",
    "/tasks#/.well-known/agent-card.json",
    "/tasks?/.well-known/agent-card.json",
)


async def test_other_spellings_of_the_cards_path(agent: Agent) -> None:
    for target in SPELLINGS:
        code = await raw(agent.url, f"GET {target} HTTP/1.1\r\nHost: agent.test\r\n\r\n")
        assert (code, target) == (b"401", target)


async def test_a_whole_url_is_the_path_in_it(agent: Agent) -> None:
    """RFC 9112, section 3.2.2."""
    for path, code in ((CARDS[0], b"200"), ("/tasks", b"401")):
        assert await raw(agent.url, f"GET http://agent.test{path} HTTP/1.1\r\nHost: agent.test\r\n\r\n") == code


async def test_the_cards_path_with_a_query_is_still_the_card(agent: Agent) -> None:
    assert await raw(agent.url, f"GET {CARDS[0]}?a=b HTTP/1.1\r\nHost: agent.test\r\n\r\n") == b"200"


async def test_two_tokens_on_the_wire(agent: Agent, crossdock: System) -> None:
    token = await crossdock.issuer.token("acme-orchestrator")
    line = f"Authorization: Bearer {token}\r\n"
    assert await raw(agent.url, f"GET /tasks HTTP/1.1\r\nHost: a\r\nA2A-Version: 1.0\r\n{line}\r\n") == b"200"
    assert await raw(agent.url, f"GET /tasks HTTP/1.1\r\nHost: a\r\nA2A-Version: 1.0\r\n{line}{line}\r\n") == b"401"


async def test_a_websocket_does_not_open(agent: Agent, crossdock: System) -> None:
    key = base64.b64encode(secrets.token_bytes(16)).decode()
    token = await crossdock.issuer.token("acme-orchestrator")
    for path in (CARDS[0], "/"):
        code = await raw(
            agent.url,
            f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nAuthorization: Bearer {token}\r\n\r\n",
        )
        assert code != b"101"


async def test_a_key_rotation_goes_unnoticed(web: httpx.AsyncClient, crossdock: System) -> None:
    before = await crossdock.headers()
    assert (await web.get("/tasks", headers=before)).status_code == 200
    await crossdock.issuer.rotate()
    assert (await web.get("/tasks", headers=await crossdock.headers())).status_code == 200
    assert (await web.get("/tasks", headers=before)).status_code == 200


async def test_refusals_are_counted(web: httpx.AsyncClient, agent: Agent) -> None:
    await web.get("/tasks")
    await web.get("/tasks", headers={"Authorization": "Bearer a.b.c"})
    value = agent.service.metrics.registry.get_sample_value
    for reason in ("missing", "malformed"):
        assert value("crossdock_auth_rejections_total", {"agent": "puppet-agent", "reason": reason}) == 1
