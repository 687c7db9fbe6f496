"""The orchestrator over real agents: what it streams, passes on and keeps."""

import asyncio
from typing import Any

import httpx
import pytest
from a2a.types import ListTasksRequest, Message, Task, TaskArtifactUpdateEvent, TaskState

from crossdock.client import patience
from crossdock.client.patience import Away
from crossdock.extensions import ROUTING, SKILL, STYLE
from crossdock.parts import plain, text_of
from crossdock.tasks.events import fold
from tests.support.cutting import cutter
from tests.support.executors import message
from tests.support.orchestration import CUSTOMER, orchestrator
from tests.support.system import System

TRYING = "Trying again until the task's time is over."
OVER = "and the task's time is over. Send the request again later."


async def run(crossdock: System, url: str, text: str, **ids: str) -> tuple[Task, list[object]]:
    events: list[object] = []
    task = Task()
    async for event in crossdock.client(url, "acme-caller").send(message(text, **ids).message):
        events.append(event)
        fold(task, event)  # type: ignore[arg-type]
    return task, events


async def test_progress_and_artifacts_come_up_as_they_happen(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task, events = await run(crossdock, served.url, "complete this", context_id="my-context")
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert task.context_id == "my-context"
    assert served.work[0].requests[0].context_id == "my-context"
    assert {artifact.artifact_id for artifact in task.artifacts} == {"puppet.echo", "puppet.data"}
    said = [text_of(event.status.message) for event in events if hasattr(event, "status")]
    assert "puppet: half way" in said


async def test_the_decision_stands_in_the_tasks_metadata(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task, _ = await run(crossdock, served.url, "complete this")
    decision = plain(task.metadata)[ROUTING]
    assert (decision["method"], decision["rule"], decision["plan"]) == ("rules", "anything", ["puppet"])
    assert decision["cards"] == {"puppet": "1.0.0", "second": "1.0.0"}
    assert set(decision) == {"method", "plan", "reason", "rule", "scores", "candidates", "cards"}


async def test_each_steps_data_feeds_the_next(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task, _ = await run(crossdock, served.url, "complete both")
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    _, second = served.work
    (part,) = second.requests[0].data
    assert (part.data, part.metadata) == ({"files": []}, {"source": "puppet-agent/data"})
    assert {artifact.artifact_id.split(".")[0] for artifact in task.artifacts} == {"puppet", "second"}
    assert second.requests[0].metadata[STYLE] == {"language": "de", "tone": "formal"}
    assert second.requests[0].hops == 2  # the caller and the orchestrator


async def test_an_agents_question_is_passed_up_and_the_answer_down(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task, _ = await run(crossdock, served.url, "ask me")
    assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert text_of(task.status.message) == "Which one?"
    answered, _ = await run(crossdock, served.url, "answer that", task_id=task.id)
    assert answered.status.state == TaskState.TASK_STATE_COMPLETED
    puppet, _ = served.work
    assert puppet.requests[0].task_id == puppet.requests[1].task_id
    assert puppet.requests[1].checkpoint == {"asked": "ask me"}


async def test_a_request_that_nobody_fits_is_asked_back_and_goes_on(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task, _ = await run(crossdock, served.url, "nobody")
    assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    assert plain(task.metadata)[ROUTING]["plan"] == []
    assert not served.work[0].requests


async def test_a_failure_comes_up_in_the_agents_words(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    failed, _ = await run(crossdock, served.url, "fail")
    rejected, _ = await run(crossdock, served.url, "reject")
    crashed, events = await run(crossdock, served.url, "artifactthenraise")
    assert failed.status.state == TaskState.TASK_STATE_FAILED
    assert text_of(failed.status.message) == "puppet: The archive is empty."
    assert rejected.status.state == TaskState.TASK_STATE_REJECTED
    assert crashed.status.state == TaskState.TASK_STATE_FAILED
    assert isinstance(events[-2], TaskArtifactUpdateEvent)
    assert "hunter2" not in str(events)


async def test_a_cancel_is_passed_on_to_the_agent_at_work(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    client = crossdock.client(served.url, "acme-caller")
    puppet, _ = served.work
    running = asyncio.create_task(run(crossdock, served.url, "wait"))
    await puppet.working.wait()
    (task,) = (await client.list(ListTasksRequest())).tasks
    canceled = await client.cancel(task.id)
    assert canceled.status.state == TaskState.TASK_STATE_CANCELED
    async with asyncio.timeout(5):
        await puppet.interrupted.wait()
        last, _ = await running
    assert last.status.state == TaskState.TASK_STATE_CANCELED
    headers = await crossdock.headers()
    (below,) = (await crossdock.http().get(f"{served.puppet.url}/tasks", headers=headers)).json()["tasks"]
    assert below["status"]["state"] == "TASK_STATE_CANCELED"


async def test_an_agent_that_is_down_is_named(crossdock: System) -> None:
    served = await orchestrator(crossdock, task_seconds=3)
    await served.puppet.service.drain()
    task, _ = await run(crossdock, served.url, "complete this")
    assert task.status.state == TaskState.TASK_STATE_FAILED
    assert text_of(task.status.message) == f"puppet-agent is busy at present, {OVER}"


async def test_an_agent_that_is_away_is_seen_and_leaves_the_orchestrator_ready(crossdock: System) -> None:
    up = 'crossdock_agent_up{agent="acme-orchestrator",callee="puppet"}'
    puppet = await crossdock.agent()
    async with cutter(puppet.url) as (line, url):
        served = await orchestrator(crossdock, puppet_url=url, task_seconds=3)
        transport = httpx.ASGITransport(served.service.management)
        async with httpx.AsyncClient(transport=transport, base_url="http://management.test") as http:
            await run(crossdock, served.url, "complete this")
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["degraded"]) == (httpx.codes.OK, [])
            assert f"{up} 1.0" in (await http.get("/metrics")).text
            line.down = True
            line.cut_all()
            task, _ = await run(crossdock, served.url, "complete this")
            assert task.status.state == TaskState.TASK_STATE_FAILED
            said = text_of(task.status.message)
            assert said == f"puppet-agent cannot be reached at present, {OVER}"
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["degraded"]) == (httpx.codes.OK, ["puppet"])
            assert f"{up} 0.0" in (await http.get("/metrics")).text


async def test_a_task_waits_for_agents_that_are_away_and_says_so(
    crossdock: System, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before any card was seen, before a request, and before the answer to a question."""
    monkeypatch.setattr(patience, "UNTOLD_SECONDS", 0.3)
    puppet = await crossdock.agent()
    customer = CUSTOMER.replace("    - id: second\n", "").replace("[puppet, second]", "[puppet]")
    async with cutter(puppet.url) as (line, url):
        line.down = True
        served = await orchestrator(crossdock, customer=customer, puppet_url=url)
        client = crossdock.client(served.url, "acme-caller")
        turns: list[int] = []

        async def survived(text: str, told: str, **ids: str) -> Task:
            line.down = True
            line.cut_all()
            task = Task()
            async for event in client.send(message(text, **ids).message):
                assert not isinstance(event, Message | Away)
                fold(task, event)
                if text_of(task.status.message) == f"{told} cannot be reached at present. {TRYING}":
                    kept = await served.service.engine._journal.checkpoint(task.id)
                    turns.append((kept or {}).get("turn", 0))
                    line.down = False
            assert not line.down
            return task

        first = await survived("complete this", "The customer's agents")
        second = await survived("ask me", "puppet-agent")
        third = await survived("complete it", "puppet-agent", task_id=second.id)
        assert first.status.state == third.status.state == TaskState.TASK_STATE_COMPLETED
        assert [request.text for request in puppet.work.requests] == ["complete this", "ask me", "complete it"]
        assert turns == [0, 0, 1]  # a successor would know that the agent has not heard of the last turn


async def test_a_circle_of_agents_is_cut(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    headers = {**await crossdock.headers("acme-caller"), "crossdock-hops": "9"}
    body = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]}}
    answer = await crossdock.http().post(f"{served.url}/message:send", json=body, headers=headers)
    assert answer.status_code == 400
    assert "8 agents" in answer.json()["error"]["message"]


async def test_a_file_that_an_agent_cannot_read_is_left_out(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    request = message("complete").message
    request.parts.add(raw=b"%PDF", filename="a.pdf", media_type="application/pdf")
    events = [event async for event in crossdock.client(served.url, "acme-caller").send(request)]
    assert any("a.pdf; left out" in str(event) for event in events)
    assert served.work[0].requests[0].files == ()


async def test_a_cancel_while_the_agent_waits_for_an_answer_is_passed_on(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task, _ = await run(crossdock, served.url, "ask me")
    canceled = await crossdock.client(served.url, "acme-caller").cancel(task.id)
    assert canceled.status.state == TaskState.TASK_STATE_CANCELED
    headers = await crossdock.headers()
    (below,) = (await crossdock.http().get(f"{served.puppet.url}/tasks", headers=headers)).json()["tasks"]
    assert below["status"]["state"] == "TASK_STATE_CANCELED"


async def named(crossdock: System, url: str, skill: str, **token: Any) -> httpx.Response:
    """The answer to a request that names a skill, under acme's caller's token with some claims replaced."""
    authorization = f"Bearer {await crossdock.issuer.mint('acme-caller', **token)}"
    body = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}], "metadata": {SKILL: skill}}}
    headers = {"Authorization": authorization, "A2A-Version": "1.0"}
    return await crossdock.http().post(f"{url}/message:send", json=body, headers=headers)


async def test_a_named_skill_decides_alone_and_is_passed_on(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    task = (await named(crossdock, served.url, "second.other")).json()["task"]
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    decision = task["metadata"][ROUTING]
    assert (decision["method"], decision["rule"], decision["plan"]) == ("rules", "named skill", ["second"])
    assert decision["reason"] == "The caller named the skill second.other."
    puppet, second = served.work
    assert not puppet.requests
    assert second.requests[0].skill == "other"


async def test_an_unknown_skill_is_rejected_with_those_that_can_be_named(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    answer = await named(crossdock, served.url, "add_contract")
    assert answer.status_code == 400
    assert "handle_request, puppet.act, puppet.other, second.act, second.other" in answer.json()["error"]["message"]


async def test_a_named_skill_goes_on_with_the_answer_to_its_question(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    request = message("ask me").message
    request.metadata.update({SKILL: "second.other"})
    task = Task()
    async for event in crossdock.client(served.url, "acme-caller").send(request):
        fold(task, event)  # type: ignore[arg-type]
    assert task.status.state == TaskState.TASK_STATE_INPUT_REQUIRED
    await run(crossdock, served.url, "answer that", task_id=task.id)
    assert [request.skill for request in served.work[1].requests] == ["other", "other"]


async def test_rights_at_an_agent_limit_the_skills_that_may_be_named(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    base = ["agent-access", "skill:orchestrator.handle_request"]

    async def status(*roles: str) -> int:
        claims = {"realm_access": {"roles": list(roles)}}
        return (await named(crossdock, served.url, "second.other", claims=claims)).status_code

    assert await status(*base) == 200
    assert await status(*base, "skill:second.other") == 200
    assert await status(*base, "skill:puppet.act") == 200  # a right at another agent limits nothing here
    assert await status(*base, "skill:second.act") == 403
    assert await status("agent-access", "skill:second.other") == 403


async def test_a_file_that_the_named_agent_cannot_read_is_rejected_where_there_is_nothing_else(
    crossdock: System,
) -> None:
    served = await orchestrator(crossdock)
    request = message("").message
    del request.parts[:]
    request.parts.add(raw=b"%PDF", filename="a.pdf", media_type="application/pdf")
    request.metadata.update({SKILL: "puppet.act"})
    task = Task()
    async for event in crossdock.client(served.url, "acme-caller").send(request):
        fold(task, event)  # type: ignore[arg-type]
    assert task.status.state == TaskState.TASK_STATE_REJECTED
    assert "puppet does not read a.pdf. Send one of: text/plain" in text_of(task.status.message)


async def test_a_skill_named_at_an_agent_holds_for_the_later_turns_of_its_task(crossdock: System) -> None:
    served = await crossdock.agent()
    client = crossdock.client(served.url)
    first = message("ask me").message
    first.metadata.update({SKILL: "other"})
    task = Task()
    async for event in client.send(first):
        fold(task, event)  # type: ignore[arg-type]
    assert plain(task.metadata)[SKILL] == {"skill": "other", "reason": "the caller named it"}
    async for _ in client.send(message("answer that", task_id=task.id).message):
        pass
    assert [request.skill for request in served.work.requests] == ["other", "other"]


async def test_the_only_skill_that_a_customer_may_use_is_the_one_used(crossdock: System) -> None:
    narrowed = CUSTOMER.replace("- id: puppet\n", "- id: puppet\n      skills: [other]\n")
    served = await orchestrator(crossdock, customer=narrowed)
    task, _ = await run(crossdock, served.url, "complete this")
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert served.work[0].requests[0].skill == "other"


async def test_a_skill_that_is_not_open_to_the_customer_is_stopped(crossdock: System) -> None:
    narrowed = CUSTOMER.replace("- id: puppet\n", "- id: puppet\n      skills: [other, third]\n")
    served = await orchestrator(crossdock, customer=narrowed)
    task, _ = await run(crossdock, served.url, "wait for it")
    assert task.status.state == TaskState.TASK_STATE_REJECTED
    assert "puppet: the request needs its skill act" in text_of(task.status.message)
    headers = await crossdock.headers()
    (below,) = (await crossdock.http().get(f"{served.puppet.url}/tasks", headers=headers)).json()["tasks"]
    assert below["status"]["state"] == "TASK_STATE_CANCELED"
