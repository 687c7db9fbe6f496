"""A task of one customer at a shared agent, and every way in which another one may ask for it."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import grpc
from a2a.types import (
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    Message,
    Part,
    Role,
    SendMessageRequest,
    SubscribeToTaskRequest,
    TaskPushNotificationConfig,
)

from tests.support.grpc_channels import refused
from tests.support.operations import Answer, Caller
from tests.support.served import Served


@dataclass
class Theirs:
    """A task of acme's at a shared agent, which asks for input."""

    task: str
    context: str
    webhook: str = "any"


async def asked_for_input(system: Served) -> Theirs:
    """A new one."""
    acme = await system.rpc("anomaly", "acme-orchestrator")
    task = await acme.send("Please check my table.")
    assert task["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    return Theirs(task["id"], task["contextId"])


def calls(theirs: Theirs) -> dict[str, dict[str, Any]]:
    answer = {"message": {"messageId": "m", "role": "ROLE_USER", "taskId": theirs.task, "parts": [{"text": "1,2"}]}}
    task, webhook = {"id": theirs.task}, {"taskId": theirs.task, "id": theirs.webhook}
    return {
        "GetTask": task,
        "CancelTask": task,
        "SubscribeToTask": task,
        "SendMessage": answer,
        "SendStreamingMessage": answer,
        "CreateTaskPushNotificationConfig": {"taskId": theirs.task, "url": "https://example.com/hook"},
        "ListTaskPushNotificationConfigs": {"taskId": theirs.task},
        "GetTaskPushNotificationConfig": webhook,
        "DeleteTaskPushNotificationConfig": webhook,
    }


def rpcs(stub: Any, theirs: Theirs) -> list[Awaitable[Any]]:
    answer = Message(message_id="m", role=Role.ROLE_USER, task_id=theirs.task, parts=[Part(text="1,2")])
    return [
        stub.GetTask(GetTaskRequest(id=theirs.task)),
        stub.CancelTask(CancelTaskRequest(id=theirs.task)),
        stub.SubscribeToTask(SubscribeToTaskRequest(id=theirs.task)),
        stub.SendMessage(SendMessageRequest(message=answer)),
        stub.SendStreamingMessage(SendMessageRequest(message=answer)),
        stub.CreateTaskPushNotificationConfig(
            TaskPushNotificationConfig(task_id=theirs.task, url="https://example.com/h")
        ),
        stub.ListTaskPushNotificationConfigs(ListTaskPushNotificationConfigsRequest(task_id=theirs.task)),
        stub.GetTaskPushNotificationConfig(
            GetTaskPushNotificationConfigRequest(task_id=theirs.task, id=theirs.webhook)
        ),
        stub.DeleteTaskPushNotificationConfig(
            DeleteTaskPushNotificationConfigRequest(task_id=theirs.task, id=theirs.webhook)
        ),
    ]


async def finds_nothing(stranger: Caller, theirs: Theirs) -> None:
    """By any method over HTTP."""
    for operation, params in calls(theirs).items():
        answer: Answer = await stranger.call(operation, params)
        assert answer.reason == "TASK_NOT_FOUND", (operation, answer)
    resumed = await stranger.call("SubscribeToTask", {"id": theirs.task}, Last_Event_ID="1")
    assert resumed.reason == "TASK_NOT_FOUND"
    listed = await stranger.call("ListTasks", {"contextId": theirs.context})
    assert (listed.result["tasks"], listed.result["totalSize"]) == ([], 0)


async def finds_nothing_over_grpc(stub: Any, theirs: Theirs) -> None:
    for call in rpcs(stub, theirs):
        assert (await refused(call)).code() == grpc.StatusCode.NOT_FOUND
