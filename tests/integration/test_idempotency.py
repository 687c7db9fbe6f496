"""`Idempotency-Key`: of equal requests one is worked, whatever binding, replica and journal they come to."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from a2a.types import SendMessageRequest, Task
from google.protobuf.json_format import ParseDict

from crossdock.cards.building import CARD_PATHS
from crossdock.extensions import IDEMPOTENCY
from crossdock.tasks.events import fold
from tests.support.executors import Puppet
from tests.support.grpc_channels import refused, stub
from tests.support.redis_server import RedisServer, running_redis
from tests.support.system import Agent, System
from tests.support.wire import HTTP_JSON, JSONRPC, Frame, body, frames, payload, rpc

PATHS = {"SendMessage": "/message:send", "SendStreamingMessage": "/message:stream"}


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@dataclass
class Replicas:
    """Two replicas of an agent, where the journal can be shared; otherwise both are the same one."""

    crossdock: System
    first: Agent
    second: Agent

    @property
    def runs(self) -> int:
        works: list[Puppet] = [self.first.work, *([self.second.work] if self.second is not self.first else [])]
        return sum(len(work.requests) for work in works)

    async def post(
        self,
        agent: Agent,
        params: Any,
        *,
        key: str | None = "k",
        binding: str = HTTP_JSON,
        client: str = "acme-orchestrator",
    ) -> httpx.Response:
        headers = await self.headers(key, client)
        path, content = (PATHS["SendMessage"], params) if binding == HTTP_JSON else ("/", rpc("SendMessage", params))
        return await self.crossdock.http().post(agent.url + path, json=content, headers=headers)

    async def headers(self, key: str | None, client: str = "acme-orchestrator") -> dict[str, str]:
        return {**await self.crossdock.headers(client), **({} if key is None else {"Idempotency-Key": key})}

    async def sent(self, agent: Agent, params: Any, **options: Any) -> dict[str, Any]:
        answer = (await self.post(agent, params, **options)).json()
        task: dict[str, Any] = answer.get("result", answer)["task"]
        return task

    async def streamed(self, agent: Agent, params: Any, binding: str = HTTP_JSON, key: str = "k") -> list[Frame]:
        method = "SendStreamingMessage"
        path, content = (PATHS[method], params) if binding == HTTP_JSON else ("/", rpc(method, params))
        request = self.crossdock.http().stream("POST", agent.url + path, json=content, headers=await self.headers(key))
        async with request as response:
            return [frame async for frame in frames(response)]


@pytest.fixture(params=["memory", "redis"])
def nodes(request: pytest.FixtureRequest) -> str:
    if request.param == "memory":
        return ""
    redis: RedisServer = request.getfixturevalue("redis")
    redis.flush()
    return redis.nodes


@pytest.fixture
async def replicas(crossdock: System, nodes: str) -> Replicas:
    made = [await crossdock.agent(redis_nodes=nodes) for _ in range(2 if nodes else 1)]
    return Replicas(crossdock, made[0], made[-1])


def folded(seen: list[Frame]) -> Task:
    task = Task()
    for frame in seen:
        fold(task, payload(frame))
    return task


@pytest.mark.parametrize("binding", [HTTP_JSON, JSONRPC])
async def test_the_same_request_gives_the_same_task_and_answer(replicas: Replicas, binding: str) -> None:
    options = {"binding": binding}
    first = await replicas.sent(replicas.first, body("complete"), **options)
    again = await replicas.sent(replicas.second, body("complete"), **options)
    assert first["status"]["state"] == "TASK_STATE_COMPLETED"
    assert again == first
    assert replicas.runs == 1


async def test_how_the_answer_is_wanted_makes_no_other_request(replicas: Replicas) -> None:
    first = await replicas.sent(replicas.first, body("complete"))
    at_once = {**body("complete"), "configuration": {"returnImmediately": True, "historyLength": 0}}
    assert (await replicas.sent(replicas.second, at_once))["id"] == first["id"]
    assert (await replicas.sent(replicas.second, body("complete"), binding=JSONRPC))["id"] == first["id"]
    assert folded(await replicas.streamed(replicas.second, body("complete"))).id == first["id"]


async def test_requests_that_come_together_make_one_task(replicas: Replicas) -> None:
    both = [replicas.first, replicas.second] * 8
    tasks = await asyncio.gather(*(replicas.sent(agent, body("complete")) for agent in both))
    assert len({task["id"] for task in tasks}) == 1
    assert {task["status"]["state"] for task in tasks} == {"TASK_STATE_COMPLETED"}
    assert replicas.runs == 1


@pytest.mark.parametrize("binding", [HTTP_JSON, JSONRPC])
async def test_another_request_with_the_key_is_refused(replicas: Replicas, binding: str) -> None:
    options = {"binding": binding}
    await replicas.sent(replicas.first, body("complete"), **options)
    for other in (body("complete that"), body("complete", messageId="another"), body("complete", contextId="c")):
        answer = await replicas.post(replicas.second, other, **options)
        error = answer.json()["error"]
        assert answer.status_code == 409
        assert error["code"] == (409 if binding == HTTP_JSON else -32041)
        assert (error.get("details") or error["data"])[0]["reason"] == "IDEMPOTENCY_KEY_REUSED"
        assert "take a new key" in error["message"]
    assert replicas.runs == 1


async def test_the_key_is_metadata_over_grpc(replicas: Replicas) -> None:
    caller = await stub(replicas.crossdock, replicas.second, idempotency_key="k")
    first = await replicas.sent(replicas.first, body("complete"))
    wanted = ParseDict(body("complete"), SendMessageRequest())
    assert (await caller.SendMessage(wanted)).task.id == first["id"]
    streamed = [response async for response in caller.SendStreamingMessage(wanted)]
    assert [response.task.id for response in streamed] == [first["id"]]
    error = await refused(caller.SendMessage(ParseDict(body("complete that"), SendMessageRequest())))
    assert (error.code().name, "take a new key" in error.details()) == ("ALREADY_EXISTS", True)
    assert replicas.runs == 1


async def test_what_was_worked_is_not_worked_again_when_its_task_is_forgotten(crossdock: System, nodes: str) -> None:
    agent = await crossdock.agent(redis_nodes=nodes, retention_seconds=0.2, lease_seconds=0.3)
    replicas = Replicas(crossdock, agent, agent)
    task = await replicas.sent(agent, body("complete"))
    http, url, headers = crossdock.http(), f"{agent.url}/tasks/{task['id']}", await replicas.headers(None)
    async with asyncio.timeout(10):
        while (await http.get(url, headers=headers)).status_code != httpx.codes.NOT_FOUND:
            pass
    for binding, code in ((HTTP_JSON, 409), (JSONRPC, -32043)):
        error = (await replicas.post(agent, body("complete"), binding=binding)).json()["error"]
        assert error["code"] == code
        assert (error.get("details") or error["data"])[0]["reason"] == "IDEMPOTENT_TASK_EXPIRED"
        assert "with a new key" in error["message"]
    assert replicas.runs == 1


async def test_a_key_belongs_to_its_owner(replicas: Replicas) -> None:
    mine = await replicas.sent(replicas.first, body("complete"))
    theirs = await replicas.sent(replicas.second, body("complete that"), client="globex-orchestrator")
    assert mine["id"] != theirs["id"]


async def test_without_a_key_equal_message_ids_make_new_tasks(replicas: Replicas) -> None:
    options: Any = {"key": None}
    first = await replicas.sent(replicas.first, body("complete"), **options)
    assert (await replicas.sent(replicas.second, body("complete"), **options))["id"] != first["id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "caf\u00e9"])
@pytest.mark.parametrize("binding", [HTTP_JSON, JSONRPC])
async def test_a_key_that_is_none_is_refused(crossdock: System, binding: str, key: str) -> None:
    agent = await crossdock.agent()
    replicas = Replicas(crossdock, agent, agent)
    answer = await replicas.post(agent, body(), key=key.encode("latin-1"), binding=binding)  # type: ignore[arg-type]
    error = answer.json()["error"]
    assert error["code"] == (400 if binding == HTTP_JSON else -32602)
    assert "idempotency-key must hold 1 to 255" in error["message"]


ONE_OF_TWO = ["idempotency-key", "crossdock-timeout", "crossdock-hops", "a2a-version"]


@pytest.mark.parametrize("name", ONE_OF_TWO)
@pytest.mark.parametrize("binding", [HTTP_JSON, JSONRPC])
async def test_a_header_that_came_twice_is_refused(crossdock: System, binding: str, name: str) -> None:
    agent = await crossdock.agent()
    twice = [*(await crossdock.headers()).items(), (name, "1"), (name.title(), "2")]
    path, content = ("/message:send", body()) if binding == HTTP_JSON else ("/", rpc("SendMessage", body()))
    answer = await crossdock.http().post(agent.url + path, json=content, headers=twice)
    error = answer.json()["error"]
    assert error["code"] == (400 if binding == HTTP_JSON else -32602)
    assert f"{name} came more than once" in error["message"]
    assert not agent.work.requests


@pytest.mark.parametrize("name", ONE_OF_TWO)
async def test_metadata_that_came_twice_is_refused(crossdock: System, name: str) -> None:
    agent = await crossdock.agent()
    caller = await stub(crossdock, agent)
    call = caller.SendMessage(ParseDict(body(), SendMessageRequest()), metadata=((name, "1"), (name, "1")))
    error = await refused(call)
    assert (error.code().name, f"{name} came more than once" in error.details()) == ("INVALID_ARGUMENT", True)
    assert not agent.work.requests


@pytest.mark.parametrize("binding", [HTTP_JSON, JSONRPC])
async def test_a_repeated_stream_is_the_task_and_what_follows(replicas: Replicas, binding: str) -> None:
    first = replicas.first.work
    running = asyncio.create_task(replicas.streamed(replicas.first, body("wait"), binding))
    await asyncio.wait_for(first.working.wait(), 10)
    again = asyncio.create_task(replicas.streamed(replicas.second, body("wait"), binding))
    (task,) = (
        await replicas.crossdock.http().get(f"{replicas.first.url}/tasks", headers=await replicas.headers(None))
    ).json()["tasks"]
    await replicas.crossdock.http().post(
        f"{replicas.first.url}/tasks/{task['id']}:cancel", headers=await replicas.headers(None)
    )
    whole, repeated = await running, await again
    assert folded(repeated) == folded(whole)
    first_number = repeated[0].number
    assert [frame.number for frame in repeated] == list(range(first_number or 0, len(whole) + 1))
    assert replicas.runs == 1


async def test_a_repeated_stream_of_an_ended_task_is_the_task(replicas: Replicas) -> None:
    whole = await replicas.streamed(replicas.first, body("complete"))
    (only,) = await replicas.streamed(replicas.second, body("complete"))
    assert (only.number, folded([only])) == (len(whole), folded(whole))


async def test_a_repeated_answer_to_a_question_is_worked_once(replicas: Replicas) -> None:
    task = await replicas.sent(replicas.first, body("ask me"), key="one")
    answer = body("ask again", taskId=task["id"], messageId="m2")
    asked = await replicas.sent(replicas.first, answer, key="two")
    assert await replicas.sent(replicas.second, answer, key="two") == asked
    assert replicas.runs == 2
    # Its stream ends with the question of this turn, not of the one before.
    seen = replicas.streamed(replicas.second, answer, key="two")
    reading = asyncio.create_task(seen)
    last = await replicas.sent(replicas.first, body("complete that", taskId=task["id"], messageId="m3"), key="three")
    assert [frame.number for frame in await reading]
    # The task has ended meanwhile: the repeated answer gets it as it is.
    ended = await replicas.sent(replicas.second, answer, key="two")
    assert (ended, last["status"]["state"]) == (last, "TASK_STATE_COMPLETED")
    (only,) = await replicas.streamed(replicas.second, answer, key="two")
    assert folded([only]).id == task["id"]
    refused = await replicas.post(replicas.second, answer, key="four")
    assert "has ended" in refused.json()["error"]["message"]
    assert replicas.runs == 3


async def test_a_repeated_answer_streams_its_own_turns_end(replicas: Replicas) -> None:
    task = await replicas.sent(replicas.first, body("ask me"), key="one")
    answer = body("ask again", taskId=task["id"], messageId="m2")
    await replicas.sent(replicas.first, answer, key="two")
    headers = await replicas.headers("two")
    url = f"{replicas.second.url}/message:stream"
    async with replicas.crossdock.http().stream("POST", url, json=answer, headers=headers) as response:
        coming = frames(response)
        first, second = await anext(coming), await anext(coming)
        await response.aclose()
    assert first.data["task"]["status"]["state"] == "TASK_STATE_WORKING"
    assert second.data["statusUpdate"]["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert second.number == (first.number or 0) + 1


async def test_the_card_tells_of_it(crossdock: System) -> None:
    agent = await crossdock.agent()
    card = (await crossdock.http().get(agent.url + CARD_PATHS[0])).json()
    (told,) = [item for item in card["capabilities"]["extensions"] if item["uri"] == IDEMPOTENCY]
    assert told["params"] == {"header": "idempotency-key", "seconds": 86_400}
