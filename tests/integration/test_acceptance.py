"""What `helm test` runs, against an agent that keeps its promises and against some that do not."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any

import pytest
from a2a.types import TaskState
from starlette.requests import Request
from starlette.responses import JSONResponse

from crossdock.acceptance import Broken, Settings, accept
from crossdock.auth.jws import read_claims
from crossdock.errors import ConfigError, Failed, TryLater
from crossdock.server.service import Service
from crossdock.tasks.events import status_event
from tests.support.executors import Scripted
from tests.support.serving import listen, url_of
from tests.support.system import System, reachable_system


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    async with reachable_system(tmp_path) as made:
        yield made


def settings(crossdock: System, url: str, **changed: Any) -> Settings:
    folder = Path(crossdock.issuer.folder) / "secrets"
    given = {
        "url": url,
        "card": "puppet-agent",
        "issuer": crossdock.issuer.url,
        "client_id": "acme-orchestrator",
        "client_secret_file": folder / "acme-orchestrator",
        "other_client_id": "acme-caller",
        "other_secret_file": folder / "acme-caller",
        "task_seconds": 20,
    }
    return Settings(**{**given, **changed})


def two_customers(crossdock: System, url: str) -> Settings:
    secret = Path(crossdock.issuer.folder) / "secrets" / "globex-orchestrator"
    return settings(crossdock, url, stranger_client_id="globex-orchestrator", stranger_secret_file=secret)


async def test_an_agent_that_works_is_accepted_line_by_line(crossdock: System) -> None:
    agent = await crossdock.agent()
    lines = [line async for line in accept(settings(crossdock, agent.url))]
    assert [line.split()[0] for line in lines] == ["the", "task", "a", "a"]
    assert lines[0] == "the card is puppet-agent's"
    assert "completed" in lines[1]


async def test_a_task_of_another_customer_is_really_asked_for(crossdock: System) -> None:
    agent = await crossdock.agent()
    lines = [line async for line in accept(two_customers(crossdock, agent.url))]
    assert lines[2] == "tasks of globex-orchestrator, another customer's, are found by it alone"


async def test_an_agent_that_shows_a_customers_tasks_to_others_is_told(crossdock: System) -> None:
    """It knows what is nobody's, and who may call it; only whose a task is it does not look at."""
    known: set[str] = set()

    async def notes(context: Any, queue: Any) -> None:
        known.add(context.task_id)
        await queue.enqueue_event(status_event(context.task_id, context.context_id, TaskState.TASK_STATE_COMPLETED))

    agent = await crossdock.agent(Scripted(notes), wrap=lambda service: answering(service, known), grpc=False)
    assert [line async for line in accept(settings(crossdock, agent.url))]
    with pytest.raises(Broken, match="for a task that acme-orchestrator sent"):
        [line async for line in accept(two_customers(crossdock, agent.url))]


async def test_another_agents_card_is_told(crossdock: System) -> None:
    agent = await crossdock.agent(name="second-agent")
    with pytest.raises(Broken, match="second-agent's; puppet-agent was expected"):
        [line async for line in accept(settings(crossdock, agent.url))]


async def test_an_agent_that_does_no_work_is_told(crossdock: System) -> None:
    async def fails(*_: object) -> None:
        raise Failed("There is nothing here. Ask another one.")

    agent = await crossdock.agent(Scripted(fails))
    with pytest.raises(Broken, match="did no work: failed"):
        [line async for line in accept(settings(crossdock, agent.url))]


async def test_an_agent_that_takes_tokens_for_others_is_told(crossdock: System) -> None:
    """Both clients of this test may call it."""
    agent = await crossdock.agent()
    folder = Path(crossdock.issuer.folder) / "secrets"
    allowed = {"other_client_id": "globex-orchestrator", "other_secret_file": folder / "globex-orchestrator"}
    with pytest.raises(Broken, match="did not refuse a token of globex-orchestrator"):
        [line async for line in accept(settings(crossdock, agent.url, **allowed))]


async def test_a_wrong_secret_is_told_with_what_to_do(crossdock: System, tmp_path: Path) -> None:
    agent = await crossdock.agent()
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    with pytest.raises(ConfigError, match="Check that the client acme-orchestrator exists"):
        [line async for line in accept(settings(crossdock, agent.url, client_secret_file=wrong))]


async def test_nobody_there_is_told(crossdock: System) -> None:
    with listen() as bound:
        nowhere = url_of(bound)
    with pytest.raises(TryLater):
        [line async for line in accept(settings(crossdock, nowhere))]


async def test_an_agent_that_answers_for_any_task_is_told(crossdock: System) -> None:
    agent = await crossdock.agent(wrap=lambda service: answering(service, None), grpc=False)
    with pytest.raises(Broken, match="for a task that nobody sent"):
        [line async for line in accept(settings(crossdock, agent.url))]


def answering(service: Service, known: Collection[str] | None) -> Any:
    """Whoever may call and asks for one of the `known` tasks, by default for any, is told of it."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            return await service(scope, receive, send)
        request = await Request(scope, receive).json()
        asked = request["params"].get("id", "")
        refused = "acme-caller" in claims_of(scope)
        if request["method"] != "GetTask" or refused or not (known is None or asked in known):
            return await service(scope, repeated(request), send)
        task = {"id": asked, "status": {"state": "TASK_STATE_COMPLETED"}}
        return await JSONResponse({"jsonrpc": "2.0", "id": request["id"], "result": task})(scope, receive, send)

    return app


def claims_of(scope: Any) -> str:
    token = dict(scope["headers"])[b"authorization"].decode().split()[-1]
    return json.dumps(read_claims(token))


def repeated(body: Any) -> Any:
    """A `receive` that brings a body that was read already."""
    waiting = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive() -> Any:
        return waiting.pop() if waiting else await asyncio.Event().wait()

    return receive
