"""Sections 3.1.2, 3.1.6 and 3.5.2: streams."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.obligations import obliges
from tests.support.operations import Caller, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")
STREAM = "SendStreamingMessage"
SUBSCRIBE = "SubscribeToTask"
NOW = {"returnImmediately": True}


def told(event: dict[str, Any]) -> str:
    """What an event is about: a state, the text of an artifact's chunk, or the task."""
    if "statusUpdate" in event:
        return str(event["statusUpdate"]["status"]["state"]).removeprefix("TASK_STATE_")
    if "artifactUpdate" in event:
        return str(event["artifactUpdate"]["artifact"]["parts"][0]["text"])
    return next(iter(event))


async def rest(events: AsyncIterator[Any]) -> list[Any]:
    async with asyncio.timeout(10):
        return [event async for event in events]


@obliges("3.1.2-first", "3.1.2-close", "3.5.2-order")
@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("tck-stream-001", ["task", "WORKING", "Stream hello from TCK", "COMPLETED"]),
        ("tck-stream-002", ["task", "COMPLETED"]),
        ("tck-stream-artifact-chunked", ["task", "WORKING", "chunk-1 ", "chunk-2", "COMPLETED"]),
        ("tck-task-failure", ["task", "FAILED"]),
        ("tck-reject-task", ["task", "REJECTED"]),
    ],
)
async def test_a_stream_is_the_task_and_then_its_updates(caller: Caller, prefix: str, expected: list[str]) -> None:
    events = await caller.streamed(STREAM, sent(prefix))
    assert list(map(told, events)) == expected
    task = (await caller.call("GetTask", {"id": events[0]["task"]["id"]})).result
    assert task["status"]["state"].endswith(expected[-1])


@obliges("3.1.2-message")
async def test_a_lone_message_is_the_whole_stream(caller: Caller, context: str) -> None:
    events = await caller.streamed(STREAM, sent("tck-message-response", contextId=context))
    assert list(map(told, events)) == ["message"]
    assert (await caller.call("ListTasks", {"contextId": context})).result["tasks"] == []


@obliges("3.1.6-first", "3.1.6-close")
async def test_a_subscription_is_the_task_as_it_stands_and_the_rest(caller: Caller) -> None:
    asked = await caller.send("tck-input-required")
    async with caller.stream(SUBSCRIBE, {"id": asked["id"]}) as events:
        assert await anext(events) == {"task": asked}
        await caller.send("a", taskId=asked["id"])
        assert list(map(told, await rest(events))) == ["WORKING", "COMPLETED"]


@obliges("3.1.6-ended")
async def test_an_ended_task_is_not_subscribed_to(caller: Caller) -> None:
    task = await caller.send("tck-complete-task")
    assert (await caller.call(SUBSCRIBE, {"id": task["id"]})).reason == "UNSUPPORTED_OPERATION"


@obliges("3.5.2-same", "3.5.2-order")
async def test_all_streams_tell_the_same(caller: Caller, other: Caller) -> None:
    async with caller.stream(STREAM, sent("tck-multi-turn")) as first:
        task = (await anext(first))["task"]
        assert told(await anext(first)) == "INPUT_REQUIRED"
        async with (
            caller.stream(SUBSCRIBE, {"id": task["id"]}) as second,
            other.stream(SUBSCRIBE, {"id": task["id"]}) as third,
        ):
            for events in (second, third):
                assert told(await anext(events)) == "task"
            await caller.send("a", taskId=task["id"])
            await other.send("a", taskId=task["id"], parts=[{"text": "done"}])
            seen = [await rest(events) for events in (first, second, third)]
    assert list(map(told, seen[0])) == ["WORKING", "INPUT_REQUIRED", "WORKING", "COMPLETED"]
    assert seen[0] == seen[1] == seen[2]


@obliges("3.5.2-closing")
async def test_a_closed_stream_leaves_the_task_and_its_other_streams(caller: Caller) -> None:
    task = await caller.send("tck-multi-turn")
    async with caller.stream(SUBSCRIBE, {"id": task["id"]}) as staying:
        await anext(staying)
        async with caller.stream(SUBSCRIBE, {"id": task["id"]}) as leaving:
            await anext(leaving)
        await caller.send("a", taskId=task["id"], parts=[{"text": "done"}])
        assert list(map(told, await rest(staying))) == ["WORKING", "COMPLETED"]


@obliges("3.5.2-closing")
async def test_a_task_outlives_the_stream_of_its_message(caller: Caller) -> None:
    async with caller.stream(STREAM, sent("tck-multi-turn")) as events:
        task = (await anext(events))["task"]
    done = await caller.send("a", taskId=task["id"], parts=[{"text": "done"}])
    assert done["status"]["state"] == "TASK_STATE_COMPLETED"


@obliges("3.1.2-close")
async def test_a_cancel_closes_the_stream(caller: Caller) -> None:
    async with caller.stream(STREAM, sent("tck-cancel")) as events:
        task = (await anext(events))["task"]
        assert told(await anext(events)) == "WORKING"
        await caller.call("CancelTask", {"id": task["id"]})
        assert list(map(told, await rest(events))) == ["CANCELED"]
