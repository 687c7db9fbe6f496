"""The numbers of events, and streams that are taken up again with `Last-Event-ID`."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from a2a.types import (
    CancelTaskRequest,
    StreamResponse,
    Task,
    TaskState,
)
from google.protobuf.json_format import ParseDict

from crossdock.tasks.events import fold
from tests.support.executors import message
from tests.support.system import Agent, System
from tests.support.wire import HTTP_JSON, JSONRPC, Frame, body, finish, frames, rpc, sdk_client

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = TaskState.TASK_STATE_COMPLETED


@asynccontextmanager
async def streamed(
    crossdock: System, agent: Agent, binding: str, method: str, params: dict[str, Any], **headers: str
) -> AsyncIterator[httpx.Response]:
    """The response to a streaming method (`SendStreamingMessage`, `SubscribeToTask`), over either binding."""
    http, headers = crossdock.http(), {**await crossdock.headers(), **headers}
    if binding == JSONRPC:
        path, content = "/", rpc(method, params)
    elif method == "SubscribeToTask":
        path, content = f"/tasks/{params['id']}:subscribe", {}
    else:
        path, content = "/message:stream", params
    async with http.stream("POST", agent.url + path, json=content, headers=headers) as response:
        yield response


def payload(frame: Frame) -> Any:
    data = frame.data.get("result", frame.data)
    parsed = ParseDict(data, StreamResponse())
    return getattr(parsed, str(parsed.WhichOneof("payload")))


async def whole_stream(crossdock: System, agent: Agent, binding: str, text: str) -> list[Frame]:
    async with streamed(crossdock, agent, binding, "SendStreamingMessage", body(text)) as response:
        return [frame async for frame in frames(response)]


async def test_events_are_numbered_from_one_without_gaps(crossdock: System, agent: Agent, binding: str) -> None:
    seen = await whole_stream(crossdock, agent, binding, "chunks")
    assert [frame.number for frame in seen] == list(range(1, len(seen) + 1))
    assert len(seen) > 6


async def test_after_the_end_a_cursor_still_gives_the_rest(crossdock: System, agent: Agent, binding: str) -> None:
    seen = await whole_stream(crossdock, agent, binding, "chunks")
    task_id = payload(seen[0]).id
    for cursor in range(1, len(seen) + 1):
        headers = {"Last-Event-ID": str(cursor)}
        async with streamed(crossdock, agent, binding, "SubscribeToTask", {"id": task_id}, **headers) as response:
            resumed = [frame async for frame in frames(response)]
        folded = Task()
        for frame in seen[:cursor]:
            fold(folded, payload(frame))
        assert (resumed[0].number, payload(resumed[0])) == (cursor, folded)
        assert [(frame.number, payload(frame)) for frame in resumed[1:]] == [
            (frame.number, payload(frame)) for frame in seen[cursor:]
        ]


async def test_a_cursor_during_the_work_goes_on_to_the_end(crossdock: System, fresh: Agent, binding: str) -> None:
    sdk = await sdk_client(crossdock, fresh.url, binding)
    stream = sdk.send_message(message("wait"))
    task_id = (await anext(stream)).task.id
    await fresh.work.working.wait()
    headers = {"Last-Event-ID": "1"}
    async with streamed(crossdock, fresh, binding, "SubscribeToTask", {"id": task_id}, **headers) as response:
        coming = frames(response)
        first = await anext(coming)
        assert payload(first).status.state == TaskState.TASK_STATE_SUBMITTED
        await sdk.cancel_task(CancelTaskRequest(id=task_id))
        rest = [frame async for frame in coming]
    assert [first.number, *(frame.number for frame in rest)] == list(range(1, len(rest) + 2))
    assert payload(rest[-1]).status.state == TaskState.TASK_STATE_CANCELED


@pytest.mark.parametrize("cursor", ["0", "-1", "x", "1.5", "1 2"])
async def test_a_cursor_that_is_none_is_refused(crossdock: System, agent: Agent, binding: str, cursor: str) -> None:
    task = await finish(await sdk_client(crossdock, agent.url, binding), message("complete"))
    headers = {"Last-Event-ID": cursor}
    async with streamed(crossdock, agent, binding, "SubscribeToTask", {"id": task.id}, **headers) as response:
        assert "Last-Event-ID" in (await response.aread()).decode()
        assert response.headers["content-type"].startswith("application/")


async def test_a_cursor_beyond_the_end_gives_the_task_as_it_stands(crossdock: System, agent: Agent) -> None:
    seen = await whole_stream(crossdock, agent, HTTP_JSON, "complete")
    params = {"id": payload(seen[0]).id}
    beyond = {"Last-Event-ID": str(len(seen) + 7)}
    async with streamed(crossdock, agent, HTTP_JSON, "SubscribeToTask", params, **beyond) as response:
        (only,) = [frame async for frame in frames(response)]
    assert (only.number, payload(only).status.state) == (len(seen), COMPLETED)
