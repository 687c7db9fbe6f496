"""Push notifications from a served agent to a real webhook (sections 3.1.7 to 3.1.10, 4.3.3 and 13.2)."""

import asyncio
import json
import re
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from a2a.client import Client
from a2a.compat.v0_3 import a2a_v0_3_pb2 as old
from a2a.types import (
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    TaskPushNotificationConfig,
)
from jose import jws
from starlette.responses import RedirectResponse, Response

from crossdock.auth.jws import SigningKey
from crossdock.extensions import PUSH
from crossdock.tasks.redis_journal import RedisJournal
from tests.support.grpc_channels import channel, old_stub, refused
from tests.support.obligations import obliges
from tests.support.redis_server import RedisServer
from tests.support.system import Agent, System, system
from tests.support.webhook import Received, Webhook, webhook
from tests.support.wire import GRPC, HTTP_JSON, JSONRPC, body, card_at, rpc, sdk_client

STATES = ["submitted", "working", "working", "working", "", "", "completed"]
NUMBERS = [1, 2, 3, 4, 5, 6, 7]
FAST: dict[str, Any] = {"push_private_urls": True, "push_plain_http": True, "push_retry_seconds": 0.05}


@pytest.fixture
async def hook() -> AsyncIterator[Webhook]:
    async with webhook() as made:
        yield made


def asking(hook: Webhook, text: str = "complete", **config: Any) -> dict[str, Any]:
    """A message that brings its webhook."""
    return {**body(text), "configuration": {"taskPushNotificationConfig": {"url": hook.url, **config}}}


async def post(
    crossdock: System, agent: Agent, path: str, content: Any, client: str = "acme-orchestrator"
) -> httpx.Response:
    return await crossdock.http().post(agent.url + path, json=content, headers=await crossdock.headers(client))


async def sent(crossdock: System, agent: Agent, content: dict[str, Any], client: str = "acme-orchestrator") -> Any:
    answer = await post(crossdock, agent, "/message:send", content, client)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()["task"]


def count(agent: Agent, outcome: str) -> float:
    labels = {"agent": "puppet-agent", "customer": "acme", "outcome": outcome}
    return agent.service.metrics.registry.get_sample_value("crossdock_push_deliveries_total", labels) or 0.0


async def until(agent: Agent, outcome: str, number: int) -> None:
    deadline = asyncio.get_running_loop().time() + 10
    while count(agent, outcome) < number:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.01)


HERE = Path(__file__).parent
EXAMPLE = re.findall(r"```python\n(.*?)```", (HERE.parents[1] / "docs/push-notifications.md").read_text(), re.DOTALL)


def verified(received: Received, jwks: Any) -> dict[str, Any]:
    """The signature's header, once the documented check finds it good."""
    example: dict[str, Any] = {}
    exec("".join(EXAMPLE), example)
    return dict(example["check"](received.body, received.headers["crossdock-signature"], jwks, time.time()))


async def test_a_webhook_that_came_with_the_message_hears_everything_in_order(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    task = await sent(crossdock, agent, asking(hook))
    received = await hook.until_ended()
    assert [item.state for item in received] == STATES
    assert [item.number for item in received] == NUMBERS
    assert received[0].event["task"]["id"] == task["id"]
    assert received[4].event["artifactUpdate"]["artifact"]["parts"] == [{"text": "complete"}]
    assert {item.headers["content-type"] for item in received} == {"application/a2a+json"}
    assert len({item.headers["crossdock-delivery"] for item in received}) == len(NUMBERS)
    await until(agent, "delivered", len(NUMBERS))


@obliges("4.3.3-credentials")
async def test_a_request_carries_the_token_and_the_credentials(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    secrets: dict[str, Any] = {"token": "tok-1", "authentication": {"scheme": "Bearer", "credentials": "cred-2"}}
    await sent(crossdock, agent, asking(hook, **secrets))
    (first, *_) = await hook.until_ended()
    assert first.headers["x-a2a-notification-token"] == "tok-1"
    assert first.headers["authorization"] == "Bearer cred-2"
    assert first.headers["host"] == httpx.URL(hook.url).netloc.decode()
    (request,) = agent.work.requests
    assert "tok-1" not in repr(request)


async def test_a_signature_verifies_against_the_published_keys(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    await sent(crossdock, agent, asking(hook))
    received = await hook.until_ended()
    card = await card_at(crossdock.http(), agent.url)
    (push,) = [item for item in card.capabilities.extensions if item.uri == PUSH]
    published = await crossdock.http().get(str(push.params["jwks"]))
    assert published.headers["cache-control"] == "public, max-age=300"
    jwks = published.json()
    assert not [key for key in jwks["keys"] if "d" in key]
    for item in received:
        header = verified(item, jwks)
        assert (header["iss"], header["aud"]) == (agent.url, hook.url)
        assert header["jti"] == item.headers["crossdock-delivery"]
    with pytest.raises(jws.JWSError):
        verified(Received(received[0].headers, received[1].body), jwks)


async def test_keys_come_from_a_file(crossdock: System, hook: Webhook, tmp_path: Path) -> None:
    keys = [SigningKey.generate("ES256"), SigningKey.generate("RS256")]
    file = tmp_path / "keys.pem"
    file.write_text("".join(key.pem for key in keys))
    agent = await crossdock.agent(signing_key_file=file, **FAST)
    await sent(crossdock, agent, asking(hook))
    jwks = (await crossdock.http().get(f"{agent.url}/.well-known/jwks.json")).json()
    assert [key["kid"] for key in jwks["keys"]] == [key.kid for key in keys]
    assert verified((await hook.until(1))[0], jwks)["kid"] == keys[0].kid


async def test_a_webhook_that_fails_twice_gets_the_same_event_until_it_takes_it(
    crossdock: System, hook: Webhook
) -> None:
    agent = await crossdock.agent(**FAST)
    hook.answers = [Response(status_code=503), Response(status_code=503, headers={"Retry-After": "0"})]
    await sent(crossdock, agent, asking(hook))
    received = await hook.until_ended()
    assert [item.number for item in received] == [1, 1, *NUMBERS]
    assert len({item.headers["crossdock-delivery"] for item in received[:3]}) == 1
    assert len({item.body for item in received[:3]}) == 1
    await until(agent, "failed", 2)
    assert count(agent, "dead") == 0


@obliges("13.2-webhooks")
async def test_a_redirect_is_a_failure(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(push_attempts=1, **FAST)
    async with webhook() as other:
        hook.answers = [RedirectResponse(other.url)]
        await sent(crossdock, agent, asking(hook))
        await until(agent, "dead", 1)
        assert not other.received


async def test_a_webhook_that_never_takes_anything_is_given_up_and_kept(
    crossdock: System, hook: Webhook, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = await crossdock.agent(push_attempts=3, **FAST)
    hook.answers = [Response(status_code=500) for _ in range(3)]
    task = await sent(crossdock, agent, asking(hook, id="c", token="secret-token"))
    await until(agent, "dead", 1)
    assert [item.number for item in hook.received] == [1, 1, 1]
    logged = capsys.readouterr().out
    assert "push_dead" in logged
    assert "answered 500" in logged
    assert "secret-token" not in logged
    configs = f"/tasks/{task['id']}/pushNotificationConfigs"
    http, headers = crossdock.http(), await crossdock.headers()
    assert (await http.get(agent.url + configs, headers=headers)).json() == {}
    assert (await http.get(f"{agent.url}{configs}/c", headers=headers)).json()["url"] == hook.url
    answer = await post(crossdock, agent, configs, {"id": "c", "url": hook.url})
    assert answer.status_code == httpx.codes.OK
    assert [item.number for item in (await hook.until_ended())[3:]] == NUMBERS


async def test_a_webhook_that_is_gone_is_not_asked_again(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    hook.answers = [Response(status_code=410)]
    await sent(crossdock, agent, asking(hook))
    await until(agent, "dead", 1)
    assert len(hook.received) == 1


async def test_a_hanging_webhook_delays_neither_the_task_nor_others(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(push_timeout_seconds=5.0, **FAST)
    async with webhook() as hanging:
        hanging.open.clear()
        loop = asyncio.get_running_loop()
        begun = loop.time()
        for _ in range(5):  # more than one customer may have under way
            task = await sent(crossdock, agent, asking(hanging))
            assert task["status"]["state"] == "TASK_STATE_COMPLETED"
        await sent(crossdock, agent, asking(hook), "globex-orchestrator")
        await hook.until_ended()
        assert loop.time() - begun < 4.0
        assert len(hanging.received) == 4


async def test_a_webhook_that_never_answers_costs_a_bounded_time(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(push_timeout_seconds=0.2, push_attempts=2, **FAST)
    hook.open.clear()
    await sent(crossdock, agent, asking(hook))
    await until(agent, "dead", 1)
    assert [item.number for item in hook.received] == [1, 1]


async def test_deleting_stops_what_is_under_way(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    hook.open.clear()
    task = await sent(crossdock, agent, asking(hook, id="c"))
    await hook.until(1)
    http, headers = crossdock.http(), await crossdock.headers()
    url = f"{agent.url}/tasks/{task['id']}/pushNotificationConfigs/c"
    for _ in range(2):
        assert (await http.delete(url, headers=headers)).json() == {}
    assert (await http.get(url, headers=headers)).status_code == httpx.codes.NOT_FOUND
    hook.open.set()
    async with webhook() as other:  # what comes later has passed where the deleted one would have been
        await sent(crossdock, agent, asking(other))
        await other.until_ended()
    assert len(hook.received) == 1


async def test_a_late_webhook_hears_the_end(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    task = await sent(crossdock, agent, body())
    await post(crossdock, agent, f"/tasks/{task['id']}/pushNotificationConfigs", {"url": hook.url})
    assert [item.state for item in await hook.until_ended()] == ["completed"]


async def test_a_webhook_may_come_with_a_further_message(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    task = await sent(crossdock, agent, body("ask"))
    follow = asking(hook, "answer")
    follow["message"]["taskId"] = task["id"]
    await sent(crossdock, agent, follow)
    received = await hook.until_ended()
    assert received[0].number > 2
    assert received[0].state == "working"


async def test_a_stopping_service_still_delivers_the_end(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    content = asking(hook, "wait")
    content["configuration"]["returnImmediately"] = True
    await sent(crossdock, agent, content)
    await hook.until(2)
    await crossdock.stack.aclose()
    assert hook.received[-1].state == "failed"


async def test_a_large_event_is_shortened(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(push_max_body=2_000, **FAST)
    await sent(crossdock, agent, asking(hook, "complete " + "x" * 5_000))
    received = await hook.until_ended()
    assert [item.state for item in received] == STATES
    assert max(len(item.body) for item in received) <= 2_000
    assert received[4].event["artifactUpdate"]["metadata"] == {PUSH: {"shortened": True}}
    assert received[0].event["task"]["metadata"] == {PUSH: {"shortened": True}}


async def test_another_customers_configurations_do_not_exist(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    task = await sent(crossdock, agent, asking(hook, id="c"))
    http, headers = crossdock.http(), await crossdock.headers("globex-orchestrator")
    base = f"{agent.url}/tasks/{task['id']}/pushNotificationConfigs"
    answers = [
        await http.get(base, headers=headers),
        await http.get(f"{base}/c", headers=headers),
        await http.delete(f"{base}/c", headers=headers),
        await http.post(base, json={"url": hook.url, "id": "c"}, headers=headers),
    ]
    assert {answer.status_code for answer in answers} == {httpx.codes.NOT_FOUND}
    assert len({answer.json()["error"]["message"] for answer in answers}) == 1
    assert (await http.get(f"{base}/c", headers=await crossdock.headers())).json()["url"] == hook.url


async def test_a_task_has_a_limited_number_of_webhooks(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(push_configs_per_task=2, **FAST)
    task = await sent(crossdock, agent, asking(hook))
    base = f"/tasks/{task['id']}/pushNotificationConfigs"
    assert (await post(crossdock, agent, base, {"url": hook.url})).status_code == httpx.codes.OK
    refused = await post(crossdock, agent, base, {"url": hook.url})
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert "at most 2 push configurations" in refused.json()["error"]["message"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"url": "ftp://example.com/x"}, "url: A webhook's URL must begin with"),
    ({"url": "https://user:pass@1.1.1.1/"}, "url must hold no user and no password"),
    ({"url": "http://1.1.1.1/"}, "url: A webhook's URL must begin with https://."),
    ({"url": "https://10.0.0.1/"}, "url: The webhook's URL points into a private network."),
    ({"url": "https://[::ffff:169.254.169.254]/"}, "url: The webhook's URL points into a private network."),
    ({"url": "https://1.1.1.1/" + "x" * 3_000}, "url must have at most 2048 characters"),
    ({"url": "https://1.1.1.1/", "token": "a\r\nb"}, "token must hold at most"),
    ({"url": "https://1.1.1.1/", "token": "ü"}, "token must hold at most"),
    ({"url": "https://1.1.1.1/", "id": "a\nb"}, "id must hold at most"),
    ({"url": "https://1.1.1.1/", "authentication": {"scheme": "Be arer"}}, "authentication.scheme must be"),
    ({"url": "https://1.1.1.1/", "authentication": {"scheme": "Basic", "credentials": "\x00"}},
     "authentication.credentials must hold"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "text"), BAD, ids=[text for _, text in BAD])
async def test_a_configuration_that_does_not_fit_is_told_by_its_field(
    crossdock: System, config: dict[str, Any], text: str
) -> None:
    agent = await crossdock.agent()
    task = await sent(crossdock, agent, body())
    answer = await post(crossdock, agent, f"/tasks/{task['id']}/pushNotificationConfigs", config)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.json()["error"]["message"].startswith(text)
    inline = {**body(), "configuration": {"taskPushNotificationConfig": config}}
    answer = await post(crossdock, agent, "/message:send", inline)
    assert answer.json()["error"]["message"].startswith(f"configuration.taskPushNotificationConfig.{text}")


@pytest.mark.parametrize(
    ("settings", "url", "text"),
    [
        ({"push_private_urls": True}, "http://127.0.0.1:1/", "url: A webhook's URL must begin with https://."),
        ({"push_plain_http": True}, "http://127.0.0.1:1/", "url: The webhook's URL points into a private network."),
        ({"push_plain_http": True}, "http://1.1.1.1/", ""),
        (FAST, "http://127.0.0.1:1/", ""),
    ],
)
async def test_private_addresses_and_plain_http_are_allowed_apart(
    crossdock: System, settings: dict[str, Any], url: str, text: str
) -> None:
    agent = await crossdock.agent(**settings)
    task = await sent(crossdock, agent, body("ask"))
    answer = await post(crossdock, agent, f"/tasks/{task['id']}/pushNotificationConfigs", {"url": url})
    assert answer.json().get("error", {"message": ""})["message"] == text


@obliges("13.2-webhooks")
async def test_a_name_that_turns_private_after_the_check_is_not_dialled(
    crossdock: System, hook: Webhook, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = await crossdock.agent(push_retry_seconds=0.05, push_attempts=2)
    real, answers = socket.getaddrinfo, iter(["93.184.216.34"])

    def rebound(host: Any, *args: Any, **options: Any) -> Any:
        return real(next(answers, "127.0.0.1") if host == "rebind.example" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebound)
    port = httpx.URL(hook.url).port
    config = {"url": f"https://rebind.example:{port}/hook"}
    await sent(crossdock, agent, {**body(), "configuration": {"taskPushNotificationConfig": config}})
    await until(agent, "dead", 1)
    assert capsys.readouterr().out.count("The webhook's URL points into a private network") == 2
    assert not hook.received


async def test_the_checked_address_is_dialled_under_the_original_name(
    crossdock: System, hook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await crossdock.agent(**FAST)
    real = socket.getaddrinfo

    def named(host: Any, *args: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "hook.example" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", named)
    port = httpx.URL(hook.url).port
    config = {"url": f"http://hook.example:{port}/hook"}
    await sent(crossdock, agent, {**body(), "configuration": {"taskPushNotificationConfig": config}})
    assert (await hook.until(1))[0].headers["host"] == f"hook.example:{port}"


async def test_another_replica_goes_on_where_a_stopped_one_was(tmp_path: Path, hook: Webhook) -> None:
    redis = RedisServer(tmp_path / "redis")
    await redis.start()
    try:
        hook.answers = [Response(status_code=204), Response(status_code=503)]
        async with system(tmp_path / "first") as first:
            agent = await first.agent(
                journal=RedisJournal("push", redis.address), **{**FAST, "push_retry_seconds": 2.0}
            )
            await sent(first, agent, asking(hook))
            await hook.until(2)
        async with system(tmp_path / "second") as second:
            await second.agent(journal=RedisJournal("push", redis.address), **FAST)
            assert [item.number for item in await hook.until_ended()] == [1, 2, *NUMBERS[1:]]
    finally:
        redis.stop()


@obliges("3.1.7-create", "3.1.8-get", "3.1.9-list", "3.1.10-delete")
@pytest.mark.parametrize("binding", [JSONRPC, HTTP_JSON, GRPC])
async def test_the_sdks_client_manages_configurations(crossdock: System, hook: Webhook, binding: str) -> None:
    agent = await crossdock.agent(**FAST)
    sdk: Client = await sdk_client(crossdock, agent.url, binding)
    task_id = (await sent(crossdock, agent, body()))["id"]
    made = await sdk.create_task_push_notification_config(TaskPushNotificationConfig(task_id=task_id, url=hook.url))
    assert made.id
    assert made.task_id == task_id
    found = await sdk.get_task_push_notification_config(
        GetTaskPushNotificationConfigRequest(task_id=task_id, id=made.id)
    )
    assert found == made
    second = TaskPushNotificationConfig(task_id=task_id, url=hook.url, id="own", token="t")
    assert await sdk.create_task_push_notification_config(second) == second
    wanted = ListTaskPushNotificationConfigsRequest(task_id=task_id)
    listed = await sdk.list_task_push_notification_configs(wanted)
    assert {config.id for config in listed.configs} == {made.id, "own"}
    await sdk.delete_task_push_notification_config(DeleteTaskPushNotificationConfigRequest(task_id=task_id, id=made.id))
    assert list((await sdk.list_task_push_notification_configs(wanted)).configs) == [second]


async def test_0_3_manages_configurations_by_json_rpc(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    task_id = (await sent(crossdock, agent, body()))["id"]
    headers = await crossdock.headers(version="0.3")

    async def call(method: str, **params: Any) -> Any:
        request = rpc(f"tasks/pushNotificationConfig/{method}", params)
        answer = (await crossdock.http().post(agent.url, json=request, headers=headers)).json()
        assert "result" in answer, answer
        return answer["result"]

    made = await call("set", taskId=task_id, pushNotificationConfig={"url": hook.url})
    assert made["pushNotificationConfig"]["url"] == hook.url
    assert await call("get", id=task_id) == made
    config_id = made["pushNotificationConfig"]["id"]
    assert await call("get", id=task_id, pushNotificationConfigId=config_id) == made
    assert await call("list", id=task_id) == [made]
    assert await call("delete", id=task_id, pushNotificationConfigId=config_id) is None
    assert await call("list", id=task_id) == []


async def test_0_3_manages_configurations_by_http(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    task_id = (await sent(crossdock, agent, body()))["id"]
    http, headers = crossdock.http(), await crossdock.headers(version="0.3")
    base = f"{agent.url}/v1/tasks/{task_id}/pushNotificationConfigs"
    wanted = {"config": {"pushNotificationConfig": {"id": "c", "url": hook.url}}}
    made = (await http.post(base, json=wanted, headers=headers)).json()
    assert made["name"] == f"tasks/{task_id}/pushNotificationConfigs/c"
    assert (await http.get(f"{base}/c", headers=headers)).json() == made
    assert (await http.get(base, headers=headers)).json() == {"configs": [made]}


async def old_grpc(crossdock: System, agent: Agent) -> Any:
    return old_stub(channel(crossdock, agent.grpc, await crossdock.headers(version="0.3")))


async def test_0_3_manages_configurations_by_grpc(crossdock: System, hook: Webhook) -> None:
    agent = await crossdock.agent(**FAST)
    task_id = (await sent(crossdock, agent, body("ask")))["id"]
    caller, parent = await old_grpc(crossdock, agent), f"tasks/{task_id}"
    config = old.PushNotificationConfig(
        id="c", url=hook.url, token="t", authentication={"schemes": ["Bearer"], "credentials": "cred"}
    )
    wanted = old.TaskPushNotificationConfig(name=f"{parent}/pushNotificationConfigs/c", push_notification_config=config)
    request = old.CreateTaskPushNotificationConfigRequest(parent=parent, config_id="c", config=wanted)
    assert await caller.CreateTaskPushNotificationConfig(request) == wanted
    get = old.GetTaskPushNotificationConfigRequest(name=wanted.name)
    assert await caller.GetTaskPushNotificationConfig(get) == wanted
    listing = old.ListTaskPushNotificationConfigRequest(parent=parent)
    assert list((await caller.ListTaskPushNotificationConfig(listing)).configs) == [wanted]
    for _ in range(2):
        await caller.DeleteTaskPushNotificationConfig(old.DeleteTaskPushNotificationConfigRequest(name=wanted.name))
    assert (await refused(caller.GetTaskPushNotificationConfig(get))).code() == grpc.StatusCode.NOT_FOUND
    assert not (await caller.ListTaskPushNotificationConfig(listing)).configs


@pytest.mark.parametrize("method", ["SendMessage", "SendStreamingMessage"])
async def test_a_message_of_0_3_brings_its_webhook_by_grpc(crossdock: System, hook: Webhook, method: str) -> None:
    agent = await crossdock.agent(**FAST)
    request = old.SendMessageRequest(
        request=old.Message(message_id="m", role=old.Role.ROLE_USER, content=[old.Part(text="complete")]),
        configuration={"push_notification": {"url": hook.url, "token": "tok"}, "blocking": True},
    )
    call = getattr(await old_grpc(crossdock, agent), method)(request)
    task = (await (call if method == "SendMessage" else call.read())).task
    received = await hook.until_ended()
    assert [item.state for item in received] == STATES
    assert received[0].event["task"]["id"] == task.id
    assert {item.headers["x-a2a-notification-token"] for item in received} == {"tok"}


async def test_a_service_that_sends_none_says_so(crossdock: System) -> None:
    agent = await crossdock.agent(push_notifications=False)
    card = await card_at(crossdock.http(), agent.url)
    assert not card.capabilities.push_notifications
    answer = await crossdock.http().get(f"{agent.url}/.well-known/jwks.json", headers=await crossdock.headers())
    assert answer.status_code == httpx.codes.NOT_FOUND


async def test_the_key_set_alone_is_public(crossdock: System) -> None:
    agent = await crossdock.agent()
    assert (await card_at(crossdock.http(), agent.url)).capabilities.push_notifications
    assert json.loads((await crossdock.http().get(f"{agent.url}/.well-known/jwks.json")).text)["keys"]
    for path in ("/.well-known/jwks.json/", "/.well-known/other"):
        assert (await crossdock.http().get(agent.url + path)).status_code == httpx.codes.UNAUTHORIZED
