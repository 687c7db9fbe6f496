"""A2A 1.0 as a2a-sdk's own clients see it: the same over both bindings."""

from datetime import UTC, datetime
from typing import Any

import pytest
from a2a.client import Client
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    ListTasksResponse,
    SubscribeToTaskRequest,
    Task,
    TaskState,
)
from a2a.utils.errors import InvalidParamsError, UnsupportedOperationError

from crossdock.tasks.events import fold
from tests.support.executors import message
from tests.support.system import Agent, System
from tests.support.wire import finish, sdk_client

pytestmark = pytest.mark.asyncio(loop_scope="module")
COMPLETED = TaskState.TASK_STATE_COMPLETED


async def test_a_blocking_send_answers_with_the_ended_task(blocking: Client) -> None:
    task = await finish(blocking, message("complete"))
    assert task.status.state == COMPLETED
    assert [artifact.name for artifact in task.artifacts] == ["echo", "data"]


async def test_a_blocking_send_answers_when_the_agent_asks(blocking: Client) -> None:
    task = await finish(blocking, message("ask"))
    assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED


async def test_an_immediate_send_does_not_wait(blocking: Client) -> None:
    request = message("wait")
    request.configuration.return_immediately = True
    task = await finish(blocking, request)
    assert task.status.state in {TaskState.TASK_STATE_SUBMITTED, TaskState.TASK_STATE_WORKING}
    assert (await blocking.cancel_task(CancelTaskRequest(id=task.id))).status.state == TaskState.TASK_STATE_CANCELED


async def test_a_stream_begins_with_the_task_and_ends_with_its_end(sdk: Client) -> None:
    kinds = [response.WhichOneof("payload") async for response in sdk.send_message(message("complete"))]
    assert kinds[0] == "task"
    assert set(kinds[1:-1]) == {"status_update", "artifact_update"}
    assert kinds[-1] == "status_update"


async def test_get_gives_what_the_stream_told(sdk: Client) -> None:
    told = await finish(sdk, message("complete"))
    assert await sdk.get_task(GetTaskRequest(id=told.id)) == told


@pytest.mark.parametrize(("length", "expected"), [(None, 3), (0, 0), (1, 1), (2, 2), (100, 3)])
async def test_the_history_is_as_long_as_asked_for(
    sdk: Client, context: str, length: int | None, expected: int
) -> None:
    task = await finish_conversation(sdk, context)
    got = await sdk.get_task(GetTaskRequest(id=task.id, history_length=length))
    assert len(got.history) == expected
    listed = await sdk.list_tasks(ListTasksRequest(context_id=context, history_length=length))
    assert len(listed.tasks[0].history) == expected


async def finish_conversation(client: Client, context: str) -> Task:
    """A task of two turns: its history holds the question, the agent's and the answer."""
    async for response in client.send_message(message("ask", context_id=context)):
        if response.HasField("task"):
            asked = response.task.id
        elif response.status_update.status.state == TaskState.TASK_STATE_INPUT_REQUIRED:
            break
    return await finish(client, message("answer", task_id=asked))


async def test_a_negative_history_length_is_refused(sdk: Client) -> None:
    task = await finish(sdk, message("complete"))
    with pytest.raises(InvalidParamsError):
        await sdk.get_task(GetTaskRequest(id=task.id, history_length=-1))
    with pytest.raises(InvalidParamsError):
        await sdk.list_tasks(ListTasksRequest(history_length=-1))
    request = message("complete")
    request.configuration.history_length = -1
    with pytest.raises(InvalidParamsError):
        await finish(sdk, request)


async def test_the_history_length_of_a_send_holds_for_its_answer(blocking: Client) -> None:
    request = message("complete")
    request.configuration.history_length = 0
    assert not (await finish(blocking, request)).history


async def test_pages_hold_every_task_once_latest_first(sdk: Client, context: str) -> None:
    made = [(await finish(sdk, message("complete", context_id=context))).id for _ in range(5)]

    async def page(token: str) -> ListTasksResponse:
        return await sdk.list_tasks(ListTasksRequest(context_id=context, page_size=2, page_token=token))

    pages = [await page("")]
    while pages[-1].next_page_token:
        pages.append(await page(pages[-1].next_page_token))
    assert [len(page.tasks) for page in pages] == [2, 2, 1]
    assert {page.total_size for page in pages} == {5}
    assert {page.page_size for page in pages} == {2}
    listed = [task for page in pages for task in page.tasks]
    assert sorted(task.id for task in listed) == sorted(made)
    times = [task.status.timestamp.ToNanoseconds() for task in listed]
    assert times == sorted(times, reverse=True)


async def test_lists_are_filtered(sdk: Client, context: str) -> None:
    done = await finish(sdk, message("complete", context_id=context))
    failed = await finish(sdk, message("fail", context_id=f"{context}-two"))

    async def listed(**wanted: Any) -> list[str]:
        return [task.id for task in (await sdk.list_tasks(ListTasksRequest(**wanted))).tasks]

    assert await listed(context_id=context) == [done.id]
    assert (await listed(status=TaskState.TASK_STATE_FAILED))[0] == failed.id
    assert await listed(context_id=context, status=TaskState.TASK_STATE_FAILED) == []
    assert await listed(context_id=f"{context}-three") == []
    assert (await listed(status_timestamp_after=done.status.timestamp))[:2] == [failed.id, done.id]
    assert await listed(status_timestamp_after=datetime(2999, 1, 1, tzinfo=UTC)) == []


async def test_artifacts_are_listed_only_when_asked_for(sdk: Client, context: str) -> None:
    await finish(sdk, message("complete", context_id=context))
    (without,) = (await sdk.list_tasks(ListTasksRequest(context_id=context))).tasks
    (with_them,) = (await sdk.list_tasks(ListTasksRequest(context_id=context, include_artifacts=True))).tasks
    assert not without.artifacts
    assert [artifact.name for artifact in with_them.artifacts] == ["echo", "data"]


@pytest.mark.parametrize("wanted", [{"page_size": 0}, {"page_size": 101}, {"page_size": -1}, {"page_token": "eyJ9"}])
async def test_lists_refuse_what_no_page_is(sdk: Client, wanted: dict[str, Any]) -> None:
    with pytest.raises(InvalidParamsError):
        await sdk.list_tasks(ListTasksRequest(**wanted))


async def test_cancel_ends_the_work_and_a_second_is_answered_alike(
    crossdock: System, fresh: Agent, binding: str
) -> None:
    sdk = await sdk_client(crossdock, fresh.url, binding)
    stream = sdk.send_message(message("wait"))
    first = await anext(stream)
    await fresh.work.working.wait()
    canceled = await sdk.cancel_task(CancelTaskRequest(id=first.task.id))
    assert canceled.status.state == TaskState.TASK_STATE_CANCELED
    last = [response async for response in stream][-1]
    assert last.status_update.status.state == TaskState.TASK_STATE_CANCELED
    assert await sdk.cancel_task(CancelTaskRequest(id=first.task.id)) == canceled


async def test_subscribe_gives_the_task_as_it_stands_and_then_the_rest(
    crossdock: System, fresh: Agent, binding: str
) -> None:
    sdk = await sdk_client(crossdock, fresh.url, binding)
    stream = sdk.send_message(message("wait"))
    first = await anext(stream)
    await fresh.work.working.wait()
    subscribed = sdk.subscribe(SubscribeToTaskRequest(id=first.task.id))
    task = Task()
    task.CopyFrom((await anext(subscribed)).task)
    assert task.status.state == TaskState.TASK_STATE_WORKING
    await sdk.cancel_task(CancelTaskRequest(id=task.id))
    async for response in subscribed:
        fold(task, response.status_update)
    assert task == await sdk.get_task(GetTaskRequest(id=task.id))


async def test_subscribing_to_an_ended_task_is_refused(sdk: Client) -> None:
    task = await finish(sdk, message("complete"))
    with pytest.raises(UnsupportedOperationError):
        await anext(sdk.subscribe(SubscribeToTaskRequest(id=task.id)))


async def test_a_stream_stays_open_while_the_agent_waits_for_input(sdk: Client) -> None:
    stream = sdk.send_message(message("ask"))
    first = (await anext(stream)).task
    async for response in stream:
        if response.status_update.status.state == TaskState.TASK_STATE_INPUT_REQUIRED:
            break
    await finish(sdk, message("answer", task_id=first.id))
    last = [response async for response in stream][-1]
    assert last.status_update.status.state == COMPLETED


async def test_a_context_is_made_where_none_is_given(blocking: Client) -> None:
    first = await finish(blocking, message("complete"))
    second = await finish(blocking, message("complete"))
    assert first.context_id
    assert first.context_id != second.context_id


async def test_a_callers_context_is_kept(blocking: Client) -> None:
    assert (
        await finish(blocking, message("complete", context_id="a caller's own: ü"))
    ).context_id == "a caller's own: ü"


async def test_a_follow_up_infers_the_context_and_refuses_another(blocking: Client, context: str) -> None:
    asked = await finish(blocking, message("ask", context_id=context))
    with pytest.raises(InvalidParamsError):
        await finish(blocking, message("answer", task_id=asked.id, context_id="another"))
    answered = await finish(blocking, message("answer", task_id=asked.id))
    assert (answered.id, answered.context_id, answered.status.state) == (asked.id, context, COMPLETED)
    assert {item.context_id for item in answered.history} == {context}
