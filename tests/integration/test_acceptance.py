"""What `helm test` runs, against an agent that keeps its promises and against some that do not."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from crossdock.acceptance import Broken, Settings, accept
from crossdock.errors import ConfigError, Failed, TryLater
from crossdock.server.service import Service
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


async def test_an_agent_that_works_is_accepted_line_by_line(crossdock: System) -> None:
    agent = await crossdock.agent()
    lines = [line async for line in accept(settings(crossdock, agent.url))]
    assert [line.split()[0] for line in lines] == ["the", "task", "a", "a"]
    assert lines[0] == "the card is puppet-agent's"
    assert "completed" in lines[1]


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
    def careless(service: Service) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or scope["method"] != "POST":
                return await service(scope, receive, send)
            request = await Request(scope, receive).json()
            if request["method"] != "GetTask":
                return await service(scope, repeated(request), send)
            task = {"id": request["params"]["id"], "status": {"state": "TASK_STATE_COMPLETED"}}
            return await JSONResponse({"jsonrpc": "2.0", "id": request["id"], "result": task})(scope, receive, send)

        return app

    agent = await crossdock.agent(wrap=careless, grpc=False)
    with pytest.raises(Broken, match="for a task that nobody sent"):
        [line async for line in accept(settings(crossdock, agent.url))]


def repeated(body: Any) -> Any:
    """A `receive` that brings a body that was read already."""
    waiting = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive() -> Any:
        return waiting.pop() if waiting else await asyncio.Event().wait()

    return receive
