"""The gate for bodies: what it lets pass, every layer behind can carry; and it is not in the way of anything else."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from a2a.types import SendMessageRequest, Task
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Message, Receive, Scope, Send

from crossdock.errors import Rejected
from crossdock.server.bodies import MAX_DEPTH, NotJson, parsed
from crossdock.server.limits import BodyMiddleware

data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters()), inner),
)


def with_data(value: Any) -> dict[str, Any]:
    return {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"data": value}]}}


@given(data)
def test_what_passes_can_be_stored_and_told_again(value: Any) -> None:
    body = json.dumps(with_data(value)).encode()
    try:
        parsed(body)
    except Rejected:
        return
    try:
        request = ParseDict(json.loads(body), SendMessageRequest())
    except ParseError:
        return
    task = Task(id="t", history=[request.message])
    assert Task.FromString(task.SerializeToString()) == task
    json.dumps(MessageToDict(task), ensure_ascii=False, allow_nan=False).encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_the_deepest_that_passes_can_be_stored(opening: str, closing: str) -> None:
    levels = MAX_DEPTH - 4  # the body, the message, its parts and the part
    deepest = json.dumps(with_data("?")).replace('"?"', opening * levels + "1" + closing * levels)
    parsed(deepest.encode())
    request = ParseDict(json.loads(deepest), SendMessageRequest())
    task = Task(id="t", history=[request.message])
    assert Task.FromString(task.SerializeToString()) == task
    with pytest.raises(Rejected, match="levels deep"):
        parsed(deepest.replace("1", opening + "1" + closing).encode())


@given(st.dictionaries(st.text(), st.integers(-(10**300), 10**300) | st.text()))
def test_plain_objects_pass(value: dict[str, Any]) -> None:
    assert parsed(json.dumps(value).encode()) == value
    assert parsed(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_pass_or_are_refused(body: bytes) -> None:
    try:
        value = parsed(body)
    except Rejected:
        return
    assert value == json.loads(body)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"NaN", b'"\\ud800"'])
def test_what_no_reader_takes_is_told_apart(body: bytes) -> None:
    with pytest.raises(NotJson):
        parsed(body)


def test_more_values_than_memory_is_kept_for_are_refused() -> None:
    rows = "[" + "0," * 999 + "0]"
    with pytest.raises(Rejected, match="as a file"):
        parsed(("[" + f"{rows}," * 1000 + rows + "]").encode())
    assert len(parsed(("[" + f"{rows}," * 900 + rows + "]").encode())) == 901


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    content = await Request(scope, receive).body()
    await JSONResponse({"size": len(content)})(scope, receive, send)


async def post(content: bytes | AsyncIterator[bytes], path: str = "/message:send", limit: int = 100) -> httpx.Response:
    transport = httpx.ASGITransport(BodyMiddleware(echo, limit=limit, seconds=30.0))
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as http:
        return await http.post(path, content=content)


async def test_a_good_body_is_handed_on_whole() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"a"', b": 1", b"}"):
            yield piece

    assert (await post(pieces())).json() == {"size": 8}
    assert (await post(b"")).json() == {"size": 0}


async def exchange(messages: list[Message], headers: list[tuple[bytes, bytes]]) -> list[Message]:
    """What is sent where `messages` are received; it fails where more is asked for."""
    sent: list[Message] = []

    async def receive() -> Message:
        return messages.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/message:send", "headers": headers, "query_string": b""}
    await BodyMiddleware(echo, limit=10, seconds=30.0)(scope, receive, send)
    return sent


async def test_a_caller_who_goes_away_is_not_answered() -> None:
    begun: Message = {"type": "http.request", "body": b"{", "more_body": True}
    assert await exchange([begun, {"type": "http.disconnect"}], []) == []


async def test_who_waits_for_a_word_is_answered_before_sending_anything() -> None:
    sent = await exchange([], [(b"content-length", b"11"), (b"expect", b"100-continue")])
    assert sent[0]["status"] == 413


async def test_who_sends_on_is_answered_in_the_end() -> None:
    rest: list[Message] = [
        {"type": "http.request", "body": b"x" * 20, "more_body": more} for more in (True, True, False)
    ]
    sent = await exchange(rest, [(b"content-length", b"60")])
    assert sent[0]["status"] == 413
    assert not rest


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP"])
async def test_a_compressed_body_is_refused_with_what_to_do(encoding: str) -> None:
    transport = httpx.ASGITransport(BodyMiddleware(echo, limit=100, seconds=30.0))
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as http:
        answer = await http.post("/", content=b"?", headers={"Content-Encoding": encoding})
        plain = await http.post("/", content=b"{}", headers={"Content-Encoding": "identity"})
    assert (answer.status_code, answer.json()["error"]["status"]) == (415, "INVALID_ARGUMENT")
    assert answer.json()["error"]["message"] == "Bodies are taken uncompressed. Send it without Content-Encoding."
    assert plain.json() == {"size": 2}


SECONDS = 0.3


async def paced(pieces: list[bytes], pause: float) -> tuple[int, Any, float]:
    """Status and answer to a body whose pieces come with pauses between them, and the seconds until then."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "query_string": b""}
    began = time.monotonic()
    await BodyMiddleware(echo, limit=10**7, seconds=SECONDS)(scope, receive, send)
    return sent[0]["status"], json.loads(sent[1]["body"]), time.monotonic() - began


async def test_a_trickling_body_has_an_end() -> None:
    """None of its pauses is long."""
    status, answer, seconds = await paced([b"x"] * 1000, SECONDS / 10)
    assert (status, answer["error"]["status"]) == (408, "DEADLINE_EXCEEDED")
    assert "Send it again without pauses." in answer["error"]["message"]
    assert SECONDS <= seconds < 5 * SECONDS


async def test_a_body_that_stands_still_has_an_end() -> None:
    status, _, seconds = await paced([b"x" * 10**6, b"x"], 100.0)
    assert (status, seconds < 5 * SECONDS) == (408, True)


async def test_a_large_body_may_take_longer() -> None:
    status, answer, seconds = await paced([b"x" * 100_000] * 10, SECONDS / 6)
    assert (status, answer) == (200, {"size": 1_000_000})
    assert seconds > SECONDS
