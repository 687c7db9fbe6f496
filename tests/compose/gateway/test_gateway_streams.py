"""Streams through the gateway: event by event, over HTTP and gRPC, and through a reload."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from tests.support.executors import message
from tests.support.gateway import Gateway, becomes, gateway
from tests.support.grpc_channels import a2a_stub, refused
from tests.support.system import Agent, System
from tests.support.wire import Frame, body, frames

ARRIVES = 5.0
"""Seconds for what is there already."""
HOST = "puppet.grpc.localhost"
Code = grpc.StatusCode


@pytest.fixture
async def agent(crossdock: System) -> Agent:
    return await crossdock.agent()


async def opened(door: Gateway, agent: Agent, **limits: str) -> Gateway:
    door.add("puppet", "puppet-agent", agent.url, agent.service.settings.grpc_listener)
    await door.start(**limits)
    return door


@asynccontextmanager
async def stream(door: Gateway, text: str) -> AsyncIterator[AsyncGenerator[Frame]]:
    headers = await door.crossdock.headers()
    request = door.http().build_request(
        "POST", f"{door.url}/agents/puppet/message:stream", json=body(text), headers=headers
    )
    response = await door.http().send(request, stream=True)
    assert response.headers["content-type"].startswith("text/event-stream")
    try:
        yield frames(response)
    finally:
        await response.aclose()


def texts(frame: Frame) -> list[str]:
    parts = frame.data.get("artifactUpdate", {}).get("artifact", {}).get("parts", [])
    return [part["text"] for part in parts if "text" in part]


async def until(events: AsyncGenerator[Frame], text: str) -> None:
    """Reads up to the chunk with this text, which is there already and must arrive soon."""
    async with asyncio.timeout(ARRIVES):
        async for frame in events:
            if texts(frame) == [text]:
                return
    raise AssertionError(f"the stream ended before {text}")


async def rest(events: AsyncGenerator[Frame]) -> list[str]:
    async with asyncio.timeout(ARRIVES):
        return [text async for frame in events for text in texts(frame)]


async def test_an_event_arrives_before_the_next_one_is_made(door: Gateway, agent: Agent) -> None:
    await opened(door, agent)
    async with stream(door, "gated") as events:
        await until(events, "1")
        agent.work.gate.set()
        assert await rest(events) == ["2", "3"]


async def test_a_buffering_gateway_fails_the_same_test(crossdock: System, agent: Agent) -> None:
    async with gateway(crossdock, **{"proxy_buffering off;": "proxy_buffering on;"}) as door:
        await opened(door, agent)
        sending = asyncio.create_task(first(door))
        await agent.work.working.wait()
        _, pending = await asyncio.wait([sending], timeout=1.0)
        agent.work.gate.set()
        assert pending
        assert await sending


async def first(door: Gateway) -> bool:
    async with stream(door, "gated") as events:
        await until(events, "1")
    return True


async def test_a_reload_ends_no_stream_and_knows_new_names(door: Gateway, agent: Agent, crossdock: System) -> None:
    await opened(door, agent)
    headers = await crossdock.headers()
    async with stream(door, "gated") as events:
        await until(events, "1")
        assert (await door.http().get("/agents/second/tasks", headers=headers)).status_code == 404
        door.add("second", "puppet-agent", agent.url)
        await door.reload()
        assert await becomes(door.http(), "/agents/second/tasks", headers, 200) == 200
        agent.work.gate.set()
        assert await rest(events) == ["2", "3"]


async def test_a_reload_closes_no_connection_that_a_request_may_be_on_its_way_to(
    door: Gateway, agent: Agent, crossdock: System
) -> None:
    await opened(door, agent)
    reader, writer = await asyncio.open_connection(*door.address, ssl=door.tls, server_hostname="localhost")
    request = b"GET /agents/puppet/.well-known/agent-card.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    try:
        assert await connection(reader, writer, request) == "keep-alive"
        door.add("second", "puppet-agent", agent.url)
        await door.reload()
        path = "/agents/second/.well-known/agent-card.json"
        assert await becomes(door.http(), path, {}, 200, method="HEAD") == 200
        assert await connection(reader, writer, request) == "close"
    finally:
        writer.close()


async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> str:
    """What becomes of the connection after this request, as its answer says."""
    writer.write(request)
    async with asyncio.timeout(ARRIVES):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lines = dict(line.lower().split(": ", 1) for line in head.splitlines()[1:] if line)
        await reader.readexactly(int(lines["content-length"]))
    return lines["connection"]


async def metadata(crossdock: System, **claims: Any) -> dict[str, str]:
    token = await crossdock.issuer.mint("acme-orchestrator", claims=claims)
    return {"authorization": f"Bearer {token}", "a2a-version": "1.0"}


async def test_grpc_by_host_name(door: Gateway, agent: Agent, crossdock: System) -> None:
    await opened(door, agent)
    client = a2a_stub(door.channel(HOST, await metadata(crossdock)))
    answer = await client.SendMessage(message("complete"))
    assert [artifact.name for artifact in answer.task.artifacts] == ["echo", "data"]
    got = []
    async with asyncio.timeout(ARRIVES):
        async for event in client.SendStreamingMessage(message("gated")):
            got += [part.text for part in event.artifact_update.artifact.parts if part.HasField("text")]
            if got == ["0", "1"]:
                agent.work.gate.set()
    assert got == ["0", "1", "2", "3"]
    (line, *_) = await door.requests(2)
    assert (line["name"], line["customer"], line["status"], line["grpc_status"]) == ("puppet", "acme", 200, "0")


async def test_refusals_over_grpc_are_statuses_of_grpc(door: Gateway, agent: Agent, crossdock: System) -> None:
    door.add("gone", "puppet-agent", "http://127.0.0.1:1", answers=False)
    await opened(door, agent, REQUESTS_PER_MINUTE="3", REQUEST_BURST="3")
    good, other = await metadata(crossdock), await metadata(crossdock, sub="other")
    for host, sent, code, words in (
        (HOST, {"a2a-version": "1.0"}, Code.UNAUTHENTICATED, "Get an access token for puppet-agent"),
        (HOST, await metadata(crossdock, exp=1, iat=0), Code.UNAUTHENTICATED, "has expired"),
        (
            HOST,
            await metadata(crossdock, realm_access={"roles": []}),
            Code.PERMISSION_DENIED,
            "agent-access is missing",
        ),
        ("nobody.grpc.localhost", good, Code.NOT_FOUND, "no agent of this name"),
        ("gone.grpc.localhost", good, Code.UNAVAILABLE, "again in a few seconds"),
        (
            "orchestrator.grpc.localhost",
            await metadata(crossdock, aud="acme-orchestrator"),
            Code.NOT_FOUND,
            "no orchestrator",
        ),
    ):
        error = await refused(a2a_stub(door.channel(host, sent)).SendMessage(message()))
        assert (host, error.code(), words in error.details()) == (host, code, True)
    large = message("x" * 50 * 1024 * 1024)
    client = a2a_stub(door.channel(HOST, other))
    error = await refused(client.SendMessage(large))
    assert (error.code(), "49 MiB" in error.details()) == (Code.RESOURCE_EXHAUSTED, True)
    for _ in range(3):
        await client.SendMessage(message())
    error = await refused(client.SendMessage(message()))
    assert (error.code(), "more slowly" in error.details()) == (Code.RESOURCE_EXHAUSTED, True)
    assert ("retry-after", "1") in list(error.initial_metadata()) + list(error.trailing_metadata())


async def test_refused_tokens_are_counted_by_address_over_grpc_too(
    door: Gateway, agent: Agent, crossdock: System
) -> None:
    await opened(door, agent)
    stranger = a2a_stub(door.channel(HOST, {"a2a-version": "1.0", "authorization": "Bearer a.b.c"}))
    errors = [await refused(stranger.SendMessage(message())) for _ in range(200)]
    codes = [error.code() for error in errors]
    assert codes[:100] == [Code.UNAUTHENTICATED] * 100
    assert Code.RESOURCE_EXHAUSTED in codes
    answer = await a2a_stub(door.channel(HOST, await metadata(crossdock))).SendMessage(message("complete"))
    assert answer.task.id
