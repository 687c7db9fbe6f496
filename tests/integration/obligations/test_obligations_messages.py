"""Sections 3.1.1, 3.2 and 3.4: what becomes of a message."""

from typing import Any

import pytest

from tests.support.obligations import obliges
from tests.support.operations import UNAUTHENTICATED, Caller, sent

pytestmark = pytest.mark.asyncio(loop_scope="module")
BLOCKING = "SendMessage"
STREAMING = "SendStreamingMessage"
ENDS = ["tck-complete-task", "tck-task-failure", "tck-reject-task"]


@obliges("3.1.1-kinds")
async def test_a_message_is_answered_with_a_task_or_a_message(caller: Caller, context: str) -> None:
    assert (await caller.send("tck-complete-task"))["status"]["state"] == "TASK_STATE_COMPLETED"
    answer = await caller.call(BLOCKING, sent("tck-message-response", contextId=context))
    said = answer.result["message"]
    assert (said["role"], said["contextId"]) == ("ROLE_AGENT", context)
    assert "taskId" not in said
    listed = await caller.call("ListTasks", {"contextId": context})
    assert (listed.result["tasks"], listed.result["totalSize"]) == ([], 0)


@obliges("3.1.1-kinds")
async def test_a_lone_message_does_not_care_how_its_caller_waits(caller: Caller) -> None:
    """Section 3.2.2: returnImmediately has no effect on it."""
    answer = await caller.call(BLOCKING, sent("tck-message-response", configuration={"returnImmediately": True}))
    assert answer.result["message"]["parts"] == [{"text": "Direct message response"}]


@obliges("3.1.1-ended")
@pytest.mark.parametrize("prefix", ENDS)
@pytest.mark.parametrize("operation", [BLOCKING, STREAMING])
async def test_an_ended_task_takes_no_messages(caller: Caller, prefix: str, operation: str) -> None:
    task = await caller.send(prefix)
    late = await caller.call(operation, sent("tck-complete-task", taskId=task["id"]))
    assert late.reason == "UNSUPPORTED_OPERATION"
    assert (await caller.call("GetTask", {"id": task["id"]})).result == task


@obliges("3.1.1-media")
@pytest.mark.parametrize("operation", [BLOCKING, STREAMING])
async def test_other_media_types_are_refused(caller: Caller, operation: str) -> None:
    part = {"raw": "AAAA", "mediaType": "application/x-unheard-of"}
    assert (await caller.call(operation, sent("a", parts=[part]))).reason == "CONTENT_TYPE_NOT_SUPPORTED"


@obliges("3.2.2-blocking")
@pytest.mark.parametrize(
    ("prefix", "state", "artifacts"),
    [
        ("tck-stream-artifact-chunked", "COMPLETED", [[{"text": "chunk-1 "}, {"text": "chunk-2"}]]),
        ("tck-stream-001", "COMPLETED", [[{"text": "Stream hello from TCK"}]]),
        ("tck-input-required", "INPUT_REQUIRED", []),
        ("tck-auth-required", "AUTH_REQUIRED", []),
        ("tck-reject-task", "REJECTED", []),
        ("tck-task-failure", "FAILED", []),
    ],
)
async def test_a_send_waits_for_an_end_or_a_question(
    caller: Caller, prefix: str, state: str, artifacts: list[Any]
) -> None:
    task = await caller.send(prefix)
    assert task["status"]["state"] == f"TASK_STATE_{state}"
    assert [artifact["parts"] for artifact in task.get("artifacts", [])] == artifacts


@obliges("3.2.2-immediate")
async def test_an_immediate_send_waits_for_nothing(caller: Caller) -> None:
    task = await caller.send("tck-cancel", configuration={"returnImmediately": True})
    assert task["status"]["state"] in {"TASK_STATE_SUBMITTED", "TASK_STATE_WORKING"}
    assert (await caller.call("CancelTask", {"id": task["id"]})).error is None


@obliges("3.2.4-history")
@pytest.mark.parametrize(("length", "expected"), [(None, 3), (0, 0), (1, 1), (2, 2), (9, 3)])
async def test_the_history_is_cut_as_asked(caller: Caller, context: str, length: int | None, expected: int) -> None:
    limit = {} if length is None else {"historyLength": length}
    asked = await caller.send("tck-input-required", contextId=context)
    answered = await caller.send("tck-input-required", taskId=asked["id"], configuration=limit)
    got = (await caller.call("GetTask", {"id": asked["id"], **limit})).result
    (listed,) = (await caller.call("ListTasks", {"contextId": context, **limit})).result["tasks"]
    assert [len(task.get("history", [])) for task in (answered, got, listed)] == [expected] * 3
    assert expected or "history" not in got


@obliges("3.4.1-told")
async def test_a_new_context_is_told(caller: Caller) -> None:
    first, second = await caller.send("tck-complete-task"), await caller.send("tck-complete-task")
    message = (await caller.call(BLOCKING, sent("tck-message-response"))).result["message"]
    assert len({first["contextId"], second["contextId"], message["contextId"]}) == 3


@obliges("3.4.1-refused")
@pytest.mark.parametrize("operation", [BLOCKING, STREAMING])
@pytest.mark.parametrize("context_id", ["c" * 257, "a\u0000b"])
async def test_a_context_is_kept_or_refused(caller: Caller, context: str, operation: str, context_id: str) -> None:
    assert (await caller.send("tck-complete-task", contextId=context))["contextId"] == context
    answer = await caller.call(operation, sent("tck-complete-task", contextId=context_id))
    assert answer.reason == "INVALID_PARAMS"


@obliges("3.4.2-unique")
async def test_equal_messages_make_tasks_of_their_own(caller: Caller) -> None:
    ids = {(await caller.send("tck-complete-task"))["id"] for _ in range(5)}
    assert len(ids) == 5


@obliges("3.4.2-unknown")
@pytest.mark.parametrize("operation", [BLOCKING, STREAMING])
async def test_an_unknown_task_takes_no_messages(caller: Caller, operation: str) -> None:
    assert (await caller.call(operation, sent("tck-complete-task", taskId="none"))).reason == "TASK_NOT_FOUND"


@obliges("3.4.3-inferred")
async def test_the_context_follows_from_the_task(caller: Caller, context: str) -> None:
    asked = await caller.send("tck-input-required", contextId=context)
    answered = await caller.send("tck-input-required", taskId=asked["id"])
    assert (answered["id"], answered["contextId"]) == (asked["id"], context)
    assert answered["status"]["state"] == "TASK_STATE_COMPLETED"
    assert {(message["taskId"], message["contextId"]) for message in answered["history"]} == {(asked["id"], context)}


@obliges("3.4.3-mismatch")
@pytest.mark.parametrize("operation", [BLOCKING, STREAMING])
async def test_another_tasks_context_is_refused(caller: Caller, operation: str) -> None:
    asked, other = await caller.send("tck-input-required"), await caller.send("tck-input-required")
    mixed = sent("tck-input-required", taskId=asked["id"], contextId=other["contextId"])
    assert (await caller.call(operation, mixed)).reason == "INVALID_PARAMS"
    assert (await caller.call("GetTask", {"id": asked["id"]})).result == asked


@obliges("7.6.1-asks")
async def test_authorization_is_asked_for_by_a_task(caller: Caller) -> None:
    task = await caller.send("tck-auth-required")
    assert task["status"]["state"] == "TASK_STATE_AUTH_REQUIRED"
    assert task["status"]["message"]["parts"][0]["text"]
    assert (await caller.send("a", taskId=task["id"]))["status"]["state"] == "TASK_STATE_COMPLETED"


@obliges("7.6.4-scope")
async def test_a_task_that_asks_for_authorization_gives_none(caller: Caller, stranger: Caller) -> None:
    task = await caller.send("tck-auth-required")
    follow_up = sent("a", taskId=task["id"])
    assert (await stranger.call(BLOCKING, follow_up)).reason == "TASK_NOT_FOUND"
    assert (await caller.call(BLOCKING, follow_up, Authorization="")).status in UNAUTHENTICATED
    assert (await caller.call("GetTask", {"id": task["id"]})).result == task
