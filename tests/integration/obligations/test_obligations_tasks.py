"""Sections 3.1.3 to 3.1.5 and 13.1: getting, listing and cancelling tasks, one's own only."""

import asyncio
import re
from datetime import datetime
from typing import Any

import pytest

from tests.support.obligations import obliges
from tests.support.operations import Caller, sent
from tests.support.wire import HTTP_JSON, JSONRPC

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = {"returnImmediately": True}
CONFIG = {"taskId": "none", "id": "c", "url": "https://example.com/hook"}


@obliges("3.1.3-unknown", "3.1.5-unknown")
@pytest.mark.parametrize("operation", ["GetTask", "CancelTask", "SubscribeToTask"])
async def test_an_unknown_task_is_not_found(caller: Caller, operation: str) -> None:
    assert (await caller.call(operation, {"id": "none"})).reason == "TASK_NOT_FOUND"


@obliges("3.1.5-ended")
@pytest.mark.parametrize("prefix", ["tck-complete-task", "tck-task-failure", "tck-reject-task"])
async def test_an_ended_task_cannot_be_canceled(caller: Caller, prefix: str) -> None:
    task = await caller.send(prefix)
    assert (await caller.call("CancelTask", {"id": task["id"]})).reason == "TASK_NOT_CANCELABLE"
    assert (await caller.call("GetTask", {"id": task["id"]})).result == task


@obliges("3.3.1-repeated")
async def test_a_second_cancel_changes_nothing(caller: Caller) -> None:
    task = await caller.send("tck-cancel", configuration=NOW)
    canceled = (await caller.call("CancelTask", {"id": task["id"]})).result
    assert canceled["status"]["state"] == "TASK_STATE_CANCELED"
    assert (await caller.call("CancelTask", {"id": task["id"]})).result == canceled
    first, second = [(await caller.call("GetTask", {"id": task["id"]})).result for _ in range(2)]
    assert first == second == canceled


@obliges("3.3.1-repeated")
async def test_cancels_at_the_same_time_are_answered_alike(caller: Caller) -> None:
    task = await caller.send("tck-cancel", configuration=NOW)
    answers = await asyncio.gather(*(caller.call("CancelTask", {"id": task["id"]}) for _ in range(8)))
    assert {answer.result["status"]["state"] for answer in answers} == {"TASK_STATE_CANCELED"}
    assert all(answer.result == answers[0].result for answer in answers)


@obliges("3.1.4-pages", "3.1.4-order")
async def test_pages_hold_every_task_once_the_latest_first(caller: Caller, context: str) -> None:
    made = [(await caller.send("tck-complete-task", contextId=context))["id"] for _ in range(5)]
    pages: list[Any] = []
    token = ""
    while not pages or token:
        wanted = {"contextId": context, "pageSize": 2, **({"pageToken": token} if token else {})}
        pages.append((await caller.call("ListTasks", wanted)).result)
        token = pages[-1]["nextPageToken"]
    assert [len(page["tasks"]) for page in pages] == [2, 2, 1]
    assert {page["totalSize"] for page in pages} == {5}
    listed = [task for page in pages for task in page["tasks"]]
    assert sorted(task["id"] for task in listed) == sorted(made)
    times = [datetime.fromisoformat(task["status"]["timestamp"]) for task in listed]
    assert times == sorted(times, reverse=True)


@obliges("3.1.4-pages")
async def test_a_page_of_nothing_says_so(caller: Caller, context: str) -> None:
    page = (await caller.call("ListTasks", {"contextId": context})).result
    assert (page["tasks"], page["nextPageToken"], page["totalSize"]) == ([], "", 0)


@obliges("3.1.4-order")
async def test_a_task_that_changes_comes_first(caller: Caller, context: str) -> None:
    asked = await caller.send("tck-input-required", contextId=context)
    await caller.send("tck-complete-task", contextId=context)
    await caller.send("tck-input-required", taskId=asked["id"])
    page = (await caller.call("ListTasks", {"contextId": context})).result
    assert page["tasks"][0]["id"] == asked["id"]


@obliges("3.1.4-artifacts")
async def test_artifacts_are_listed_when_asked_for(caller: Caller, context: str) -> None:
    await caller.send("tck-artifact-text", contextId=context)
    (without,) = (await caller.call("ListTasks", {"contextId": context})).result["tasks"]
    (whole,) = (await caller.call("ListTasks", {"contextId": context, "includeArtifacts": True})).result["tasks"]
    assert "artifacts" not in without
    assert whole["artifacts"][0]["parts"] == [{"text": "Generated text content"}]


@obliges("3.1.4-scope", "13.1-scope", "3.3.2-hidden")
@pytest.mark.parametrize("operation", ["GetTask", "CancelTask", "SubscribeToTask", "SendMessage"])
async def test_somebody_elses_task_is_one_that_there_is_not(
    caller: Caller, stranger: Caller, context: str, operation: str
) -> None:
    task = await caller.send("tck-input-required", contextId=context)

    def params(task_id: str) -> dict[str, object]:
        return sent("a", taskId=task_id) if operation == "SendMessage" else {"id": task_id}

    theirs, none = await stranger.call(operation, params(task["id"])), await stranger.call(operation, params("none"))
    assert theirs.reason == "TASK_NOT_FOUND"
    assert (theirs.error, theirs.status) == (none.error, none.status)
    for wanted in ({}, {"contextId": context}, {"status": "TASK_STATE_INPUT_REQUIRED"}):
        page = (await stranger.call("ListTasks", wanted)).result
        assert task["id"] not in {listed["id"] for listed in page["tasks"]}
    assert (await stranger.call("ListTasks", {"contextId": context})).result["totalSize"] == 0
    assert (await caller.call("GetTask", {"id": task["id"]})).result == task


@obliges("5.6.1-times", "5.5-names")
@pytest.mark.parametrize("binding", [JSONRPC, HTTP_JSON])
async def test_times_and_names_are_written_as_json_has_them(caller: Caller) -> None:
    task = await caller.send("tck-artifact-file")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", task["status"]["timestamp"])
    assert {"contextId", "status", "artifacts"} <= task.keys()
    assert task["history"][0]["role"] == "ROLE_USER"
    (part,) = task["artifacts"][0]["parts"]
    assert part == {"raw": "R2VuZXJhdGVkIGZpbGUgY29udGVudA==", "mediaType": "text/plain", "filename": "output.txt"}


@obliges("5.1-equal")
async def test_a_task_is_the_same_on_another_binding(caller: Caller, other: Caller) -> None:
    task = await caller.send("tck-multi-turn", contextId="")
    assert (await other.call("GetTask", {"id": task["id"]})).result == task
    done = await other.send("a", taskId=task["id"], parts=[{"text": "done with it"}])
    assert (await caller.call("GetTask", {"id": task["id"]})).result == done
    assert done["status"]["state"] == "TASK_STATE_COMPLETED"
    answers = await asyncio.gather(
        *(one.call("ListTasks", {"contextId": task["contextId"]}) for one in (caller, other))
    )
    assert answers[0].result == answers[1].result


@obliges("3.3.4-push")
@pytest.mark.parametrize("operation", ["Create", "Get", "List", "Delete"])
async def test_push_configurations_are_refused_where_none_are_declared(bare: Caller, operation: str) -> None:
    name = f"{operation}TaskPushNotificationConfig{'s' * (operation == 'List')}"
    params = {key: CONFIG[key] for key in (CONFIG if operation == "Create" else ("taskId", "id"))}
    if operation == "List":
        del params["id"]
    assert (await bare.call(name, params)).reason == "PUSH_NOTIFICATION_NOT_SUPPORTED"


@obliges("3.3.4-streaming")
@pytest.mark.parametrize("operation", ["SendStreamingMessage", "SubscribeToTask"])
async def test_streams_are_refused_where_none_are_declared(bare: Caller, operation: str) -> None:
    task = await bare.send("tck-input-required")
    params = {"id": task["id"]} if operation == "SubscribeToTask" else sent("tck-stream-001")
    assert (await bare.call(operation, params)).reason == "UNSUPPORTED_OPERATION"
