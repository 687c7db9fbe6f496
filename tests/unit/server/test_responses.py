"""What goes out: whole events under their numbers, pings between them, errors that come late."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

import httpx
import pytest
from a2a.types import TaskStatusUpdateEvent
from starlette.types import Message

from crossdock.errors import TryLater
from crossdock.server.call import Call
from crossdock.server.faults import rest_error
from crossdock.server.operations import METHODS
from crossdock.server.responses import PIECE, EventStream, JsonResponse, begun, event_frames

STREAM = METHODS["SubscribeToTask"]


async def get(response: JsonResponse | EventStream) -> httpx.Response:
    transport = httpx.ASGITransport(response)
    async with httpx.AsyncClient(transport=transport, base_url="http://service.test") as http:
        return await http.get("/")


def frames(events: AsyncGenerator[TaskStatusUpdateEvent], call: Call) -> AsyncGenerator[bytes]:
    return event_frames(STREAM, events, call, wrap=bytes, refuse=lambda error: json.dumps(rest_error(error)).encode())


async def two(*, error: Exception | None = None) -> AsyncGenerator[TaskStatusUpdateEvent]:
    yield TaskStatusUpdateEvent(task_id="a")
    if error:
        raise error
    yield TaskStatusUpdateEvent(task_id="b")


async def test_events_go_out_under_their_numbers() -> None:
    call = Call(headers={"Retry-After": "1"})
    call.numbers.extend([3, 4])
    answer = await get(EventStream(frames(two(), call), call))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["cache-control"], answer.headers["retry-after"]) == ("no-store", "1")
    first, second, rest = answer.text.split("\r\n\r\n")
    assert first == 'id: 3\r\ndata: {"statusUpdate":{"taskId":"a"}}'
    assert second == 'id: 4\r\ndata: {"statusUpdate":{"taskId":"b"}}'
    assert rest == ""


@pytest.mark.parametrize(("error", "code"), [(TryLater("busy"), 503), (RuntimeError("hunter2"), 500)])
async def test_an_error_that_comes_late_is_the_last_event(error: Exception, code: int) -> None:
    call = Call()
    answer = await get(EventStream(frames(two(error=error), call), call))
    last = answer.text.split("\r\n\r\n")[-2]
    assert last.startswith("event: error\r\ndata: ")
    assert json.loads(last.partition("data: ")[2])["code"] == code
    assert "hunter2" not in answer.text


async def test_pings_come_between_whole_events() -> None:
    pinged = asyncio.Event()

    async def slow() -> AsyncGenerator[bytes]:
        yield b"data: " + b"x" * 3 * PIECE + b"\r\n\r\n"
        await pinged.wait()
        yield b"data: y\r\n\r\n"

    sent: list[bytes] = []

    async def send(message: dict[str, object]) -> None:
        body = message.get("body", b"")
        assert isinstance(body, bytes)
        sent.append(body)
        if body == b": ping\r\n\r\n":
            pinged.set()
        await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await EventStream(slow(), Call(), ping=0.001).stream_response(send)  # type: ignore[arg-type] # messages of ASGI
    events = [event for event in b"".join(sent).split(b"\r\n\r\n") if not event.startswith(b": ping")]
    assert events == [b"data: " + b"x" * 3 * PIECE, b"data: y", b""]


async def test_a_reader_who_takes_nothing_in_gathers_no_pings() -> None:
    stuck, pings = asyncio.Event(), 0

    async def silent() -> AsyncGenerator[bytes]:
        await asyncio.sleep(0.1)
        yield b"data: y\r\n\r\n"

    async def send(message: dict[str, object]) -> None:
        nonlocal pings
        if message.get("body") == b": ping\r\n\r\n":
            pings += 1
            await stuck.wait()

    await EventStream(silent(), Call(), ping=0.001).stream_response(send)  # type: ignore[arg-type] # messages of ASGI
    assert pings == 1


async def test_a_reader_who_goes_closes_what_is_behind() -> None:
    closed = asyncio.Event()

    async def endless() -> AsyncGenerator[int]:
        try:
            while True:
                yield 1
        finally:
            closed.set()

    events = await begun(endless())
    assert await anext(events) == 1
    await events.aclose()
    assert closed.is_set()


async def test_an_error_before_the_first_event_is_no_stream() -> None:
    async def refused() -> AsyncGenerator[int]:
        raise TryLater("busy")
        yield 1

    with pytest.raises(TryLater):
        await begun(refused())


async def test_long_answers_go_out_whole_in_pieces() -> None:
    content = b'"' + b"x" * 3 * PIECE + b'"'
    answer = await get(JsonResponse(content, 200, {"A": "b"}))
    assert (answer.content, answer.headers["content-length"], answer.headers["a"]) == (content, str(len(content)), "b")


@pytest.mark.parametrize("swallowed", [0, 2])
async def test_a_stream_ends_with_its_reader_though_a_driver_swallows_the_first_word(swallowed: int) -> None:
    gone = asyncio.Event()

    async def stubborn() -> AsyncGenerator[bytes]:
        yield b"data: x\r\n\r\n"
        for _ in range(swallowed):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
        await asyncio.Event().wait()

    async def receive() -> Message:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        if message.get("body"):
            gone.set()

    async with asyncio.timeout(10):
        await EventStream(stubborn(), Call())({"type": "http"}, receive, send)


async def test_a_stream_that_is_cancelled_by_another_says_so() -> None:
    async def endless() -> AsyncGenerator[bytes]:
        yield b"data: x\r\n\r\n"
        await asyncio.Event().wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    sent = asyncio.Event()

    async def send(message: Message) -> None:
        if message.get("body"):
            sent.set()

    async def stream() -> None:
        await EventStream(endless(), Call())({"type": "http"}, receive, send)

    task = asyncio.create_task(stream())
    await sent.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
