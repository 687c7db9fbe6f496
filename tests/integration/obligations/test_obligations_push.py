"""Sections 3.1.7 to 3.1.10 and 4.3.3: push notification configurations, and what they bring about."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.support.obligations import obliges
from tests.support.operations import Caller, sent
from tests.support.webhook import Webhook, webhook

pytestmark = pytest.mark.asyncio(loop_scope="module")
CREATE, GET = "CreateTaskPushNotificationConfig", "GetTaskPushNotificationConfig"
LIST, DELETE = "ListTaskPushNotificationConfigs", "DeleteTaskPushNotificationConfig"


@pytest_asyncio.fixture(loop_scope="module")
async def hook() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


def bringing(hook: Webhook, prefix: str, **config: Any) -> dict[str, Any]:
    """A message with a configuration."""
    return sent(prefix, configuration={"taskPushNotificationConfig": {"url": hook.url, **config}})


async def configs(caller: Caller, task_id: str) -> list[Any]:
    return list((await caller.call(LIST, {"taskId": task_id})).result.get("configs", []))


def by_id(found: list[Any]) -> list[Any]:
    return sorted(found, key=lambda config: config["id"])


@obliges("3.1.7-create", "3.1.8-get", "3.1.9-list")
async def test_configurations_are_kept_as_they_were_given(caller: Caller, hook: Webhook) -> None:
    task = await caller.send("tck-input-required")
    whole = {
        "taskId": task["id"],
        "id": "own",
        "url": hook.url,
        "token": "t",
        "authentication": {"scheme": "Bearer", "credentials": "c"},
    }
    assert (await caller.call(CREATE, whole)).result == whole
    named = (await caller.call(CREATE, {"taskId": task["id"], "url": hook.url})).result
    assert named == {"taskId": task["id"], "id": named["id"], "url": hook.url}
    for config in (whole, named):
        assert (await caller.call(GET, {"taskId": task["id"], "id": config["id"]})).result == config
    assert by_id(await configs(caller, task["id"])) == by_id([whole, named])


@obliges("5.1-equal")
async def test_a_configuration_is_the_same_on_another_binding(caller: Caller, other: Caller, hook: Webhook) -> None:
    task = await caller.send("tck-input-required")
    made = (await caller.call(CREATE, {"taskId": task["id"], "url": hook.url})).result
    assert (await other.call(GET, {"taskId": task["id"], "id": made["id"]})).result == made
    assert (await other.call(DELETE, {"taskId": task["id"], "id": made["id"]})).result == {}
    assert await configs(caller, task["id"]) == []


@obliges("3.1.10-delete")
async def test_a_second_delete_changes_nothing(caller: Caller, hook: Webhook) -> None:
    task = await caller.send("tck-input-required")
    for config_id in ("a", "b"):
        await caller.call(CREATE, {"taskId": task["id"], "id": config_id, "url": hook.url})
    for _ in range(2):
        assert (await caller.call(DELETE, {"taskId": task["id"], "id": "a"})).result == {}
    assert (await caller.call(GET, {"taskId": task["id"], "id": "a"})).reason == "TASK_NOT_FOUND"
    assert [config["id"] for config in await configs(caller, task["id"])] == ["b"]


@obliges("3.1.7-unknown", "3.1.8-get", "13.1-scope")
@pytest.mark.parametrize("operation", [CREATE, GET, LIST, DELETE])
async def test_somebody_elses_task_has_no_configurations(
    caller: Caller, stranger: Caller, hook: Webhook, operation: str
) -> None:
    task = await caller.send("tck-input-required")
    made = (await caller.call(CREATE, {"taskId": task["id"], "id": "c", "url": hook.url})).result
    more = {CREATE: {"id": "c", "url": hook.url}, LIST: {}}.get(operation, {"id": "c"})
    theirs = await stranger.call(operation, {"taskId": task["id"], **more})
    none = await caller.call(operation, {"taskId": "none", **more})
    assert (theirs.reason, theirs.error, theirs.status) == ("TASK_NOT_FOUND", none.error, none.status)
    assert await configs(caller, task["id"]) == [made]


@obliges("4.3.3-attempt", "4.3.3-payload", "4.3.3-credentials")
@pytest.mark.parametrize("operation", ["SendMessage", "SendStreamingMessage"])
async def test_a_webhook_that_a_message_brings_hears_it_all(caller: Caller, hook: Webhook, operation: str) -> None:
    secrets = {"token": "tok", "authentication": {"scheme": "Bearer", "credentials": "cred"}}
    asked = bringing(hook, "tck-stream-001", id="c", **secrets)
    if operation == "SendMessage":
        task = (await caller.call(operation, asked)).task
    else:
        task = (await caller.streamed(operation, asked))[0]["task"]
    received = await hook.until_ended()
    kinds = [next(iter(item.event)) for item in received]
    assert kinds == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]
    assert received[0].event["task"]["id"] == task["id"]
    assert {item.headers["authorization"] for item in received} == {"Bearer cred"}
    assert {item.headers["x-a2a-notification-token"] for item in received} == {"tok"}
    assert (await caller.call(GET, {"taskId": task["id"], "id": "c"})).result["url"] == hook.url


@obliges("3.1.7-create", "4.3.3-attempt")
async def test_a_webhook_that_a_further_message_brings_hears_the_rest(caller: Caller, hook: Webhook) -> None:
    task = await caller.send("tck-input-required")
    asked = bringing(hook, "a")
    asked["message"]["taskId"] = task["id"]
    await caller.call("SendMessage", asked)
    assert [item.state for item in await hook.until_ended()] == ["working", "completed"]


@obliges("3.3.4-push")
async def test_a_configuration_in_a_message_is_refused_where_none_are_declared(bare: Caller, hook: Webhook) -> None:
    assert (await bare.call("SendMessage", bringing(hook, "a"))).reason == "PUSH_NOTIFICATION_NOT_SUPPORTED"
