"""Every limit, reached over the wire: what is refused says what to change, and nobody else suffers for it."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from a2a.types import CancelTaskRequest, TaskState

from crossdock.settings import MIB
from tests.support.executors import message
from tests.support.obligations import obliges
from tests.support.system import Agent, System
from tests.support.wire import HTTP_JSON, JSONRPC, body, frames, rpc, sdk_client


async def send(crossdock: System, agent: Agent, content: Any = None, **headers: str) -> httpx.Response:
    headers = {**await crossdock.headers(), **headers}
    return await crossdock.http().post(f"{agent.url}/message:send", json=content or body(), headers=headers)


async def both(crossdock: System, agent: Agent, content: Any = None, **headers: str) -> tuple[int, int, str]:
    """The codes of HTTP+JSON and of JSON-RPC for the same message, and the text that both give."""
    headers = {**await crossdock.headers(), **headers}
    by_rest = await crossdock.http().post(f"{agent.url}/message:send", json=content or body(), headers=headers)
    by_rpc = await crossdock.http().post(agent.url, json=rpc("SendMessage", content or body()), headers=headers)
    rest_error, rpc_error = by_rest.json()["error"], by_rpc.json()["error"]
    assert rest_error["message"] == rpc_error["message"]
    return by_rest.status_code, rpc_error["code"], rpc_error["message"]


async def chunks(size: int) -> AsyncIterator[bytes]:
    for start in range(0, size, 65536):
        yield b"x" * min(65536, size - start)


@pytest.mark.parametrize("size", [100_001, 8 * MIB, 40 * MIB])
@pytest.mark.parametrize("path", ["/", "/message:send", "/message:stream", "/v1/message:send"])
async def test_a_request_that_is_too_large_is_a_readable_413(crossdock: System, size: int, path: str) -> None:
    agent = await crossdock.agent(max_body=100_000)
    for content in (b"x" * size, chunks(size)):
        answer = await crossdock.http().post(agent.url + path, content=content, headers=await crossdock.headers())
        assert answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
        assert (
            answer.json()["error"]["message"] == "The request is larger than 97 KiB. Send a smaller file, or its URL."
        )


async def spoken(agent: Agent, *pieces: bytes, pause: float = 0.0) -> tuple[bytes, Any]:
    """The first line of what an agent answers to these bytes, and its JSON, when it has closed the connection."""
    reader, writer = await asyncio.open_connection(*agent.url.removeprefix("http://").split(":"))
    try:
        answer = asyncio.create_task(reader.read())
        for piece in pieces:
            writer.write(piece)
            await asyncio.wait([answer], timeout=pause)
            if answer.done():
                break
        async with asyncio.timeout(10):
            head, _, content = (await answer).partition(b"\r\n\r\n")
    finally:
        writer.close()
    return head.splitlines()[0], json.loads(content)


@pytest.mark.parametrize("path", ["/", "/message:send"])
async def test_a_body_that_trickles_is_a_readable_408(crossdock: System, path: str) -> None:
    agent = await crossdock.agent(body_seconds=0.4)
    token = (await crossdock.headers())["Authorization"]
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 1000\r\n\r\n".encode()
    line, answer = await spoken(agent, head, *[b"x"] * 999, pause=0.05)
    assert line == b"HTTP/1.1 408 Request Timeout"
    assert (answer["error"]["code"], answer["error"]["status"]) == (408, "DEADLINE_EXCEEDED")
    assert "Send it again without pauses." in answer["error"]["message"]


async def test_a_compressed_body_is_a_readable_415(crossdock: System) -> None:
    agent = await crossdock.agent()
    headers = {**await crossdock.headers(), "Content-Encoding": "gzip"}
    content = gzip.compress(json.dumps(body()).encode())
    for path in ("/", "/message:send", "/v1/message:send"):
        answer = await crossdock.http().post(agent.url + path, content=content, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (415, 415)
        assert "Send it without Content-Encoding." in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "request_line",
    [
        b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \x01\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n",
        b"hello\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_a_readable_400(crossdock: System, request_line: bytes) -> None:
    line, answer = await spoken(await crossdock.agent(), request_line)
    assert (line, answer["error"]["code"]) == (b"HTTP/1.1 400 Bad Request", 400)
    assert "Check its first line and its headers." in answer["error"]["message"]


async def test_a_request_of_just_the_limit_is_taken(crossdock: System) -> None:
    agent = await crossdock.agent(max_body=100_000)
    content = body("x")
    missing = 100_000 - len(httpx.Request("POST", "http://x", json=content).content)
    answer = await send(crossdock, agent, body("x" * (1 + missing)))
    assert answer.status_code == httpx.codes.OK
    assert (await send(crossdock, agent, body("x" * (2 + missing)))).status_code == 413


async def test_a_file_that_is_too_large_is_rejected_with_what_to_do(crossdock: System) -> None:
    agent = await crossdock.agent(max_file=30_000)
    request = message("complete").message
    request.parts.add(raw=b"1" * 30_001, filename="big.csv", media_type="text/csv")
    events = [event async for event in crossdock.client(agent.url).send(request)]
    end = events[-1].status  # type: ignore[union-attr]
    assert end.state == TaskState.TASK_STATE_REJECTED
    assert end.message.parts[0].text == "The file 'big.csv' is larger than 29 KiB. Send a smaller one."
    assert not agent.work.requests


async def test_one_customers_streams_are_counted_and_another_has_its_own(crossdock: System) -> None:
    agent = await crossdock.agent(streams_per_customer=1)
    http, headers = crossdock.http(), await crossdock.headers()
    gauge = agent.service.metrics.open_streams.labels("puppet-agent", "acme")
    async with http.stream("POST", f"{agent.url}/message:stream", json=body("wait"), headers=headers) as first:
        coming = frames(first)  # kept: a generator that is forgotten closes its connection
        task_id = (await anext(coming)).data["task"]["id"]
        for path, content in [
            ("/message:stream", body()),
            ("/", rpc("SendStreamingMessage", body())),
            ("/", rpc("SubscribeToTask", {"id": task_id})),
            (f"/tasks/{task_id}:subscribe", {}),
        ]:
            refused = await http.post(agent.url + path, json=content, headers=headers)
            assert refused.status_code == httpx.codes.SERVICE_UNAVAILABLE
            assert int(refused.headers["retry-after"]) >= 1
            assert "1 streams are open already" in refused.json()["error"]["message"]
        theirs = await crossdock.headers("globex-orchestrator")
        other = await http.post(f"{agent.url}/message:stream", json=body(), headers=theirs)
        assert other.status_code == httpx.codes.OK
        assert (await send(crossdock, agent)).status_code == httpx.codes.OK
    async with asyncio.timeout(5):
        while gauge._value.get():  # noqa: ASYNC110 - the server hears of a closed connection without telling us
            await asyncio.sleep(0.01)
    assert (await http.post(f"{agent.url}/message:stream", json=body(), headers=headers)).status_code == 200


async def test_a_full_queue_is_a_503_on_both_bindings(crossdock: System) -> None:
    agent = await crossdock.agent(running_tasks=1, queued_tasks=1)
    sdk = await sdk_client(crossdock, agent.url, JSONRPC)
    stream = sdk.send_message(message("wait"))
    task_id = (await anext(stream)).task.id
    await agent.work.working.wait()
    waiting = await send(crossdock, agent, {**body(), "configuration": {"returnImmediately": True}})
    assert waiting.json()["task"]["status"]["state"] == "TASK_STATE_SUBMITTED"
    refused = await send(crossdock, agent)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert refused.json()["error"]["details"][0]["reason"] == "UNAVAILABLE"
    by_rpc = await crossdock.http().post(agent.url, json=rpc("SendMessage", body()), headers=await crossdock.headers())
    assert (by_rpc.status_code, by_rpc.json()["error"]["code"]) == (503, -32050)
    await sdk.cancel_task(CancelTaskRequest(id=task_id))
    assert (await send(crossdock, agent)).status_code == httpx.codes.OK


async def test_a_chain_of_agents_has_an_end(crossdock: System) -> None:
    agent = await crossdock.agent(max_hops=3)
    assert (await send(crossdock, agent, **{"crossdock-hops": "3"})).status_code == httpx.codes.OK
    assert agent.work.requests[-1].hops == 3
    for hops, told in [
        *((hops, "more than 3 agents") for hops in ("4", "99999999999999999999")),
        *((hops, "crossdock-hops must be a whole number") for hops in ("-1", "x", "1.5")),
    ]:
        status, code, text = await both(crossdock, agent, **{"crossdock-hops": hops})
        assert (status, code) == (400, -32602)
        assert told in text


@pytest.mark.parametrize("field", ["messageId", "contextId", "taskId"])
@obliges("3.4.1-refused")
async def test_ids_have_a_length(crossdock: System, field: str) -> None:
    agent = await crossdock.agent()
    status, code, text = await both(crossdock, agent, body(**{field: "x" * 257}))
    assert (status, code) == (400, -32602)
    assert "at most 256 characters" in text


@pytest.mark.parametrize(
    "part",
    [
        {"raw": "AAAA", "filename": "a.pdf"},
        {"raw": "AAAA", "filename": "a", "mediaType": "image/png"},
        {"url": "https://example.com/picture.png"},
        {"text": "<a/>", "mediaType": "application/xml"},
    ],
)
@obliges("3.1.1-media")
async def test_a_kind_of_file_that_the_card_does_not_name_is_refused(crossdock: System, part: Any) -> None:
    agent = await crossdock.agent()
    status, code, text = await both(crossdock, agent, body(parts=[{"text": "complete"}, part]))
    assert (status, code) == (400, -32005)
    assert "Send one of: text/plain, application/json, text/csv" in text


@pytest.mark.parametrize("seconds", ["x", "", "-1", "0", "nan", "inf", "-inf", "1s", "1,5"])
async def test_a_deadline_is_a_number_of_seconds(crossdock: System, seconds: str) -> None:
    agent = await crossdock.agent()
    status, code, text = await both(crossdock, agent, **{"crossdock-timeout": seconds})
    assert (status, code) == (400, -32602)
    assert text == "crossdock-timeout must be a number of seconds above 0."


async def test_a_callers_deadline_cannot_exceed_the_services(crossdock: System) -> None:
    agent = await crossdock.agent(task_seconds=0.2)
    async with asyncio.timeout(5):
        answer = await send(crossdock, agent, body("wait"), **{"crossdock-timeout": "1000"})
    assert answer.json()["task"]["status"]["state"] == "TASK_STATE_FAILED"
    assert "0.2 s" in str(answer.json())


@pytest.mark.parametrize("binding", [JSONRPC, HTTP_JSON])
async def test_a_silent_stream_is_closed_and_can_be_taken_up_again(crossdock: System, binding: str) -> None:
    agent = await crossdock.agent(stream_idle_seconds=0.2)
    http, headers = crossdock.http(), await crossdock.headers()
    path, content = ("/", rpc("SendStreamingMessage", body("wait"))) if binding == JSONRPC else (
        "/message:stream", body("wait"),
    )  # fmt: skip
    async with asyncio.timeout(5), http.stream("POST", agent.url + path, json=content, headers=headers) as response:
        seen = [frame async for frame in frames(response)]
    assert "TASK_STATE_WORKING" in str(seen[-1].data)
    task_id = seen[0].data.get("result", seen[0].data)["task"]["id"]
    await http.post(f"{agent.url}/tasks/{task_id}:cancel", headers=headers)
    resume = {**headers, "Last-Event-ID": str(seen[-1].number)}
    async with http.stream("POST", f"{agent.url}/tasks/{task_id}:subscribe", headers=resume) as response:
        rest = [frame async for frame in frames(response)]
    assert [frame.number for frame in rest] == [seen[-1].number, seen[-1].number + 1]  # type: ignore[operator]
    assert "TASK_STATE_CANCELED" in str(rest[-1].data)


async def test_an_interrupted_task_is_not_kept_for_ever(crossdock: System) -> None:
    agent = await crossdock.agent(interrupted_seconds=0.2)
    http, headers = crossdock.http(), await crossdock.headers()
    async with (
        asyncio.timeout(5),
        http.stream("POST", f"{agent.url}/message:stream", json=body("ask"), headers=headers) as response,
    ):
        last = [frame async for frame in frames(response)][-1]
    assert "TASK_STATE_FAILED" in str(last.data)
    assert "Nobody answered" in str(last.data)


@pytest.mark.parametrize("named", [5, True, [], {}, "", None, ["act"]])
async def test_a_skill_is_named_by_a_string(crossdock: System, named: Any) -> None:
    agent = await crossdock.agent()
    status, code, text = await both(crossdock, agent, body(metadata={"urn:crossdock:skill:v1": named}))
    assert (status, code) == (400, -32602)
    assert "as a string" in text


@pytest.mark.parametrize("context_id", ["a\r\nX: y", "\u0000", "a\u2028b"])
@obliges("3.4.1-refused")
async def test_ids_hold_no_control_characters(crossdock: System, context_id: str) -> None:
    agent = await crossdock.agent()
    status, code, text = await both(crossdock, agent, body(contextId=context_id))
    assert (status, code) == (400, -32602)
    assert "control characters" in text


async def test_large_metadata_is_refused_by_name(crossdock: System) -> None:
    agent = await crossdock.agent()
    content = body()
    content["message"]["metadata"] = {"x": "y" * 70_000}
    status, code, text = await both(crossdock, agent, content)
    assert (status, code) == (400, -32602)
    assert "message.metadata" in text


async def test_one_customers_full_store_leaves_the_others_theirs(crossdock: System) -> None:
    agent = await crossdock.agent(owner_bytes=1_000)
    large = body("ask " + "x" * 2_000)
    assert (await send(crossdock, agent, large)).status_code == httpx.codes.OK
    assert (await send(crossdock, agent, large)).status_code == httpx.codes.SERVICE_UNAVAILABLE
    theirs = await crossdock.headers("globex-orchestrator")
    answer = await crossdock.http().post(f"{agent.url}/message:send", json=large, headers=theirs)
    assert answer.status_code == httpx.codes.OK
