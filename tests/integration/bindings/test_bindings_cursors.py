"""The numbers of events, and streams that are taken up again with `Last-Event-ID`."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx
import pytest
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    StreamResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from google.protobuf.json_format import ParseDict

from crossdock.extensions import EVENT_NUMBER
from crossdock.server.operations import OPERATIONS
from crossdock.tasks.events import fold
from tests.support.executors import message
from tests.support.grpc_channels import refused, stub
from tests.support.system import Agent, System
from tests.support.wire import GRPC, HTTP_JSON, JSONRPC, body, finish, frames, rpc, sdk_client
from tests.support.wire import payload as framed

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = TaskState.TASK_STATE_COMPLETED


Seen = tuple[int | None, Any]
"""An event's number, and the event."""


@asynccontextmanager
async def streamed(
    crossdock: System, agent: Agent, binding: str, method: str, params: dict[str, Any], **headers: str
) -> AsyncIterator[AsyncIterator[Seen]]:
    """The events of a streaming method (`SendStreamingMessage`, `SubscribeToTask`), over any binding."""
    if binding == GRPC:
        caller = await stub(crossdock, agent, a2a_extensions=EVENT_NUMBER, **headers)
        yield numbered(getattr(caller, method)(ParseDict(params, OPERATIONS[method].params())))
        return
    async with answered(crossdock, agent, binding, method, params, **headers) as response:
        yield seen_over_http(response)


@asynccontextmanager
async def answered(
    crossdock: System, agent: Agent, binding: str, method: str, params: dict[str, Any], **headers: str
) -> AsyncIterator[httpx.Response]:
    http, headers = crossdock.http(), {**await crossdock.headers(), **headers}
    if binding == JSONRPC:
        path, content = "/", rpc(method, params)
    elif method == "SubscribeToTask":
        path, content = f"/tasks/{params['id']}:subscribe", {}
    else:
        path, content = "/message:stream", params
    async with http.stream("POST", agent.url + path, json=content, headers=headers) as response:
        yield response


async def seen_over_http(response: httpx.Response) -> AsyncIterator[Seen]:
    async for frame in frames(response):
        yield frame.number, framed(frame)


async def numbered(call: Any) -> AsyncIterator[Seen]:
    """Takes the number out of the metadata, so that the event is as it would be without."""
    async for response in call:
        event = payload(response)
        number = int(event.metadata.fields[EVENT_NUMBER].number_value)
        del event.metadata.fields[EVENT_NUMBER]
        if not event.metadata.fields:
            event.ClearField("metadata")
        yield number, event


def payload(response: StreamResponse) -> Any:
    return getattr(response, str(response.WhichOneof("payload")))


async def whole_stream(crossdock: System, agent: Agent, binding: str, text: str) -> list[Seen]:
    async with streamed(crossdock, agent, binding, "SendStreamingMessage", body(text)) as events:
        return [seen async for seen in events]


async def test_events_are_numbered_from_one_without_gaps(crossdock: System, agent: Agent, binding: str) -> None:
    seen = await whole_stream(crossdock, agent, binding, "chunks")
    assert [number for number, _ in seen] == list(range(1, len(seen) + 1))
    assert len(seen) > 6


async def test_a_number_is_told_over_grpc_to_who_asks_for_it(crossdock: System, agent: Agent) -> None:
    caller = await stub(crossdock, agent)
    async for response in caller.SendStreamingMessage(message("complete")):
        assert EVENT_NUMBER not in payload(response).metadata.fields
    asking = await stub(crossdock, agent, a2a_extensions=f"urn:example:unknown, {EVENT_NUMBER}")
    call = asking.SendStreamingMessage(message("complete"))
    assert dict(await call.initial_metadata())["a2a-extensions"] == EVENT_NUMBER
    task_id = payload(await call.read()).id
    assert EVENT_NUMBER not in (await caller.GetTask(GetTaskRequest(id=task_id))).metadata.fields


async def test_after_the_end_a_cursor_still_gives_the_rest(crossdock: System, agent: Agent, binding: str) -> None:
    seen = await whole_stream(crossdock, agent, binding, "chunks")
    task_id = seen[0][1].id
    for cursor in range(1, len(seen) + 1):
        headers = {"Last-Event-ID": str(cursor)}
        async with streamed(crossdock, agent, binding, "SubscribeToTask", {"id": task_id}, **headers) as events:
            resumed = [event async for event in events]
        folded = Task()
        for _, event in seen[:cursor]:
            fold(folded, event)
        assert resumed[0] == (cursor, folded)
        assert resumed[1:] == seen[cursor:]


async def test_a_stream_goes_on_over_another_binding(crossdock: System, agent: Agent) -> None:
    seen = await whole_stream(crossdock, agent, GRPC, "chunks")
    params, headers = {"id": seen[0][1].id}, {"Last-Event-ID": "3"}
    for binding in (JSONRPC, HTTP_JSON, GRPC):
        async with streamed(crossdock, agent, binding, "SubscribeToTask", params, **headers) as events:
            assert [event async for event in events][1:] == seen[3:]


async def test_a_cursor_during_the_work_goes_on_to_the_end(crossdock: System, fresh: Agent, binding: str) -> None:
    sdk = await sdk_client(crossdock, fresh.url, binding)
    stream = sdk.send_message(message("wait"))
    task_id = (await anext(stream)).task.id
    await fresh.work.working.wait()
    headers = {"Last-Event-ID": "1"}
    async with streamed(crossdock, fresh, binding, "SubscribeToTask", {"id": task_id}, **headers) as events:
        first = await anext(events)
        assert first[1].status.state == TaskState.TASK_STATE_SUBMITTED
        await sdk.cancel_task(CancelTaskRequest(id=task_id))
        rest = [event async for event in events]
    assert [first[0], *(number for number, _ in rest)] == list(range(1, len(rest) + 2))
    assert rest[-1][1].status.state == TaskState.TASK_STATE_CANCELED


@pytest.mark.parametrize("cursor", ["0", "-1", "x", "1.5", "1 2", "0x1", "1,2"])
async def test_a_cursor_that_is_none_is_refused(crossdock: System, agent: Agent, binding: str, cursor: str) -> None:
    task = await finish(await sdk_client(crossdock, agent.url, binding), message("complete"))
    headers = {"Last-Event-ID": cursor}
    if binding == GRPC:
        caller = await stub(crossdock, agent, **headers)
        error = await refused(caller.SubscribeToTask(SubscribeToTaskRequest(id=task.id)))
        assert (error.code(), "Last-Event-ID" in error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, True)
        return
    async with answered(crossdock, agent, binding, "SubscribeToTask", {"id": task.id}, **headers) as response:
        error = json.loads(await response.aread())["error"]
    assert error["code"] == (-32602 if binding == JSONRPC else 400)
    assert "Last-Event-ID" in error["message"]


async def test_a_cursor_that_came_twice_is_refused(crossdock: System, agent: Agent, binding: str) -> None:
    task = await finish(await sdk_client(crossdock, agent.url, binding), message("complete"))
    twice = [("last-event-id", "1"), ("last-event-id", "2")]
    if binding == GRPC:
        caller = await stub(crossdock, agent)
        error = await refused(caller.SubscribeToTask(SubscribeToTaskRequest(id=task.id), metadata=twice))
        assert (error.code(), "more than once" in error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, True)
        return
    path, content = ("/", rpc("SubscribeToTask", {"id": task.id}))
    if binding == HTTP_JSON:
        path, content = f"/tasks/{task.id}:subscribe", {}
    headers = [*(await crossdock.headers()).items(), *twice]
    error = (await crossdock.http().post(agent.url + path, json=content, headers=headers)).json()["error"]
    assert error["code"] == (-32602 if binding == JSONRPC else 400)
    assert "more than once" in error["message"]


async def test_a_cursor_beyond_the_end_goes_on_with_what_comes(crossdock: System, fresh: Agent, binding: str) -> None:
    """A store that lost its last second knows less than its readers: they must not be refused for that."""
    sdk = await sdk_client(crossdock, fresh.url, binding)
    task_id = (await anext(sdk.send_message(message("wait")))).task.id
    await fresh.work.working.wait()
    headers = {"Last-Event-ID": "99"}
    async with streamed(crossdock, fresh, binding, "SubscribeToTask", {"id": task_id}, **headers) as events:
        first, task = await anext(events)
        await sdk.cancel_task(CancelTaskRequest(id=task_id))
        rest = [number async for number, _ in events]
    assert task.status.state == TaskState.TASK_STATE_WORKING
    assert first is not None
    assert [first, *rest] == list(range(first, first + len(rest) + 1))


async def test_a_cursor_beyond_the_end_gives_the_task_as_it_stands(
    crossdock: System, agent: Agent, binding: str
) -> None:
    seen = await whole_stream(crossdock, agent, binding, "complete")
    beyond = {"Last-Event-ID": str(len(seen) + 7)}
    async with streamed(crossdock, agent, binding, "SubscribeToTask", {"id": seen[0][1].id}, **beyond) as events:
        (only,) = [event async for event in events]
    assert (only[0], only[1].status.state) == (len(seen), COMPLETED)
