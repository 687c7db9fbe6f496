"""The first validation case of the field: a task's way from submitted to its one end, over the wire."""

import json
from typing import Any

import httpx
import pytest
from google.protobuf.json_format import MessageToDict

from crossdock.extensions import EVENT_NUMBER, SKILL
from tests.support.executors import message
from tests.support.grpc_channels import stub
from tests.support.system import Agent, System
from tests.support.wire import GRPC, HTTP_JSON

STATES = {"statusUpdate", "artifactUpdate", "task", "message"}


@pytest.fixture(params=[HTTP_JSON, GRPC])
def binding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def stream(crossdock: System, agent: Agent, text: str, binding: str = HTTP_JSON) -> list[Any]:
    """All events of one request, as (id, kind, payload), up to the end or a question."""
    if binding == HTTP_JSON:
        return await over_http(crossdock, agent.url, text)
    caller = await stub(crossdock, agent, a2a_extensions=EVENT_NUMBER)
    events = []
    async for response in caller.SendStreamingMessage(message(text)):
        ((kind, payload),) = MessageToDict(response).items()
        events.append((int(payload["metadata"][EVENT_NUMBER]), kind, payload))
        if kind == "statusUpdate" and state(events[-1]) == "TASK_STATE_INPUT_REQUIRED":
            break
    return events


async def over_http(crossdock: System, url: str, text: str) -> list[Any]:
    body = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}]}}
    headers = await crossdock.headers()
    async with crossdock.http().stream("POST", f"{url}/message:stream", json=body, headers=headers) as response:
        assert response.status_code == httpx.codes.OK, await response.aread()
        assert response.headers["x-accel-buffering"] == "no"
        return [frame async for frame in frames(response)]


async def frames(response: httpx.Response) -> Any:
    number = 0
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            number = int(line[4:])
        elif line.startswith("data: "):
            event = json.loads(line[6:])
            (kind,) = STATES & event.keys()
            yield number, kind, event[kind]
            if event.get("statusUpdate", {}).get("status", {}).get("state") == "TASK_STATE_INPUT_REQUIRED":
                return


def state(frame: Any) -> str:
    return str(frame[2]["status"]["state"])


async def test_submitted_working_artifacts_and_then_the_end(crossdock: System, binding: str) -> None:
    agent = await crossdock.agent()
    events = await stream(crossdock, agent, "complete", binding)
    assert [number for number, _, _ in events] == list(range(1, len(events) + 1))
    assert events[0][1] == "task"
    assert state(events[0]) == "TASK_STATE_SUBMITTED"
    assert state(events[1]) == "TASK_STATE_WORKING"
    kinds = [kind for _, kind, _ in events]
    assert max(i for i, kind in enumerate(kinds) if kind == "artifactUpdate") < len(kinds) - 1
    assert state(events[-1]) == "TASK_STATE_COMPLETED"


async def test_an_artifact_stands_before_the_end_also_when_the_pipeline_raises(crossdock: System, binding: str) -> None:
    agent = await crossdock.agent()
    events = await stream(crossdock, agent, "artifactthenraise", binding)
    assert [kind for _, kind, _ in events][-2:] == ["artifactUpdate", "statusUpdate"]
    assert state(events[-1]) == "TASK_STATE_FAILED"
    assert "hunter2" not in json.dumps(events)
    assert "error " in events[-1][2]["status"]["message"]["parts"][0]["text"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reject", "TASK_STATE_REJECTED"),
        ("fail", "TASK_STATE_FAILED"),
        ("nothing", "TASK_STATE_FAILED"),
        ("chunks", "TASK_STATE_COMPLETED"),
        ("ask", "TASK_STATE_INPUT_REQUIRED"),
    ],
)
async def test_every_path_has_one_end(crossdock: System, binding: str, text: str, expected: str) -> None:
    agent = await crossdock.agent()
    events = await stream(crossdock, agent, text, binding)
    assert state(events[-1]) == expected
    ends = [frame for frame in events if "status" in frame[2] and state(frame) in {expected}]
    assert len(ends) == 1


async def test_chunks_of_an_artifact_are_joined_in_the_task(crossdock: System, binding: str) -> None:
    agent = await crossdock.agent()
    events = await stream(crossdock, agent, "chunks", binding)
    task = await crossdock.client(agent.url).get(events[0][2]["id"])
    assert [part.text for part in task.artifacts[0].parts] == list("01234")


async def test_the_inferred_skill_is_said(crossdock: System) -> None:
    agent = await crossdock.agent()
    events = await stream(crossdock, agent, "complete")
    metadata = [payload.get("metadata", {}) for _, _, payload in events]
    said = [values[SKILL] for values in metadata if SKILL in values]
    assert said == [{"skill": "act", "reason": "it is what puppets do"}]


async def test_a_follow_up_knows_what_was_said_and_kept(crossdock: System) -> None:
    agent = await crossdock.agent()
    events = await stream(crossdock, agent, "ask me")
    task = events[0][2]
    body = {
        "message": {
            "messageId": "m2",
            "role": "ROLE_USER",
            "taskId": task["id"],
            "parts": [{"text": "answer that"}],
        }
    }
    response = await crossdock.http().post(f"{agent.url}/message:send", json=body, headers=await crossdock.headers())
    answered = response.json()["task"]
    assert answered["contextId"] == task["contextId"]
    assert answered["status"]["state"] == "TASK_STATE_COMPLETED"
    memory = answered["artifacts"][0]["parts"][0]["data"]
    assert memory == {"earlier": ["ask me", "Which one?"], "checkpoint": {"asked": "ask me"}}


async def test_a_new_task_in_an_old_context_gets_its_owners_history_only(crossdock: System) -> None:
    agent = await crossdock.agent()

    async def send(text: str, client_id: str) -> Any:
        body = {
            "message": {"messageId": "m", "role": "ROLE_USER", "contextId": "talk", "parts": [{"text": text}]},
        }
        headers = await crossdock.headers(client_id)
        return (await crossdock.http().post(f"{agent.url}/message:send", json=body, headers=headers)).json()["task"]

    await send("complete mine", "acme-orchestrator")
    await send("complete theirs", "globex-orchestrator")
    recalled = (await send("recall", "acme-orchestrator"))["artifacts"][0]["parts"][0]["data"]
    assert "complete mine" in recalled
    assert "complete theirs" not in recalled
