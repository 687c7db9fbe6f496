"""Calls through a Dapr sidecar: the agents' names lead nowhere else, so that nothing can go round it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from a2a.types import Task, TaskState
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from crossdock.auth.tokens import BearerAuth, GivenToken, TokenSource
from crossdock.cards.caching import CardCache
from crossdock.client import patience
from crossdock.client.agent import AgentClient
from crossdock.client.calls import ClientPolicy
from crossdock.client.pool import pooled_client
from crossdock.client.sidecar import app_of
from crossdock.errors import ConfigError, Forbidden, TryLater, Unauthenticated
from crossdock.extensions import HOPS_HEADER, KEY_HEADER, TIMEOUT_HEADER
from crossdock.tasks.events import fold
from orchestrator.app import create_app
from orchestrator.settings import Settings
from tests.support import through_sidecar
from tests.support.executors import message
from tests.support.orchestration import place
from tests.support.serving import free_port, listen, serve, url_of
from tests.support.sidecar import Sidecar, sidecar
from tests.support.system import Agent, System, system

APP = "puppet-agent.crossdock-agents"
URL = f"http://{APP}:8080"


@pytest.fixture
async def agent(crossdock: System) -> Agent:
    return await crossdock.agent()


@pytest.fixture
async def beside(agent: Agent) -> AsyncIterator[Sidecar]:
    async with sidecar({APP: agent.url}) as made:
        yield made


def client(crossdock: System, beside: Sidecar, client_id: str = "acme-orchestrator", **policy: float) -> AgentClient:
    http = pooled_client(sidecar=beside.port, through=[URL])
    http._mounts.update(crossdock.http()._mounts)
    crossdock.stack.push_async_callback(http.aclose)
    tokens = TokenSource(http, crossdock.issuer.url, client_id, lambda: crossdock.issuer.secret(client_id))
    crossdock.stack.push_async_callback(tokens.close)
    http.auth = BearerAuth(tokens, origins=[URL])
    return AgentClient(URL, http, CardCache(http), name="puppet-agent", policy=ClientPolicy(**policy))  # type: ignore[arg-type]


@pytest.mark.parametrize(("denied", "status"), [(set(), 200), ({APP}, 403)])
async def test_a_pods_own_program_tells_what_its_sidecar_answers(
    beside: Sidecar, denied: set[str], status: int
) -> None:
    """As the suite runs it in pods of a cluster."""
    beside.denied = denied
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", through_sidecar.PROGRAM, APP, str(beside.port)), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert (int(out), len(beside.seen)) == (status, 1)


async def ended(made: AgentClient, text: str, **options: str) -> Task:
    task = Task()
    async for event in made.send(message(text).message, **options):  # type: ignore[arg-type]
        fold(task, event)  # type: ignore[arg-type]
    return task


async def test_cards_and_streams_go_through_it(crossdock: System, beside: Sidecar) -> None:
    made = client(crossdock, beside)
    assert (await made.card()).name == "puppet-agent"
    assert (await ended(made, "complete this")).status.state == TaskState.TASK_STATE_COMPLETED
    assert [headers["dapr-app-id"] for headers in beside.seen] == [APP, APP]
    assert beside.seen[-1]["accept"] == "text/event-stream, application/json"


async def test_events_come_as_they_happen(crossdock: System, agent: Agent, beside: Sidecar) -> None:
    events = client(crossdock, beside).send(message("gated").message)
    async with asyncio.timeout(20):
        for _ in range(4):  # the Task, and what comes before the gate
            await anext(events)
    agent.work.gate.set()
    assert [event async for event in events]


async def test_what_a_hop_carries_arrives(crossdock: System, beside: Sidecar) -> None:
    tracer = TracerProvider().get_tracer("test")
    with trace.use_span(tracer.start_span("caller")) as span:
        await ended(client(crossdock, beside), "complete this", key="k-1")
    sent = beside.seen[-1]
    assert sent["authorization"].startswith("Bearer ")
    assert sent[KEY_HEADER] == "k-1"
    assert sent[HOPS_HEADER]
    assert float(sent[TIMEOUT_HEADER])
    assert format(span.get_span_context().trace_id, "032x") in sent["traceparent"]


async def test_a_token_that_the_agent_refuses_is_renewed_and_then_told(crossdock: System, beside: Sidecar) -> None:
    made = client(crossdock, beside, "acme-caller")  # whose tokens are for another card
    with pytest.raises(Unauthenticated, match="does not accept the token"):
        await ended(made, "complete this")
    assert all("dapr-app-id" in headers for headers in beside.seen)


async def test_what_the_agent_refuses_stays_its_word(crossdock: System, beside: Sidecar) -> None:
    made = client(crossdock, beside)
    token = await crossdock.issuer.mint(claims={"realm_access": {"roles": []}})
    made._http.auth = BearerAuth(GivenToken(token), origins=[URL])
    with pytest.raises(Forbidden, match="agent-access"):
        await ended(made, "complete this")


async def test_access_control_that_forbids_the_call(crossdock: System, beside: Sidecar) -> None:
    made = client(crossdock, beside)
    await made.card()
    beside.denied.add(APP)
    with pytest.raises(Forbidden, match=f"Dapr does not let this service call {APP}"):
        await ended(made, "complete this", key="k")


@pytest.mark.parametrize("key", ["", "k"])
async def test_an_app_that_is_away_is_waited_for_if_that_is_safe(
    crossdock: System, agent: Agent, beside: Sidecar, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FIRST_WAIT", 0.01)
    made = client(crossdock, beside)
    await made.card()
    beside.apps.clear()
    calls = len(beside.seen)
    sending = asyncio.create_task(ended(made, "complete this", key=key))
    async with asyncio.timeout(20):
        await beside.after(calls + (2 if key else 1))
    beside.apps[APP] = agent.url
    if key:
        assert (await sending).status.state == TaskState.TASK_STATE_COMPLETED
        assert len(agent.work.requests) == 1
        return
    # Nobody knows whether the agent had it.
    with pytest.raises(TryLater, match="cannot be reached"):
        await sending
    assert len(beside.seen) == calls + 1


async def test_a_sidecar_that_is_not_there(crossdock: System) -> None:
    nowhere = Sidecar({}, httpx.AsyncClient(), port=free_port())
    with pytest.raises(TryLater, match="cannot be reached"):
        await client(crossdock, nowhere, seconds=0.5).card()


async def test_one_setting_of_an_orchestrator(tmp_path: Path) -> None:
    bound = listen()
    async with system(tmp_path, url=url_of(bound)) as crossdock, serve(crossdock.issuer.app, bound):
        agents = {f"{name}-agent": await crossdock.agent(name=f"{name}-agent") for name in ("puppet", "second")}
        async with sidecar({f"{name}.crossdock-agents": each.url for name, each in agents.items()}) as beside:
            urls = [f"http://{name}.crossdock-agents:8080" for name in agents]
            own = listen()
            settings = Settings(
                port=9001, grpc=False, public_url=url_of(own), dapr_http_port=beside.port, **place(crossdock, *urls)
            )
            url = await crossdock.serve(create_app(settings), own)
            task = await ended(crossdock.client(url, "acme-caller"), "complete both")
    assert task.status.state == TaskState.TASK_STATE_COMPLETED
    assert {headers["dapr-app-id"] for headers in beside.seen} == {f"{name}.crossdock-agents" for name in agents}


@pytest.mark.parametrize(
    ("url", "app"),
    [
        ("http://anomaly-agent.crossdock-agents:8080", "anomaly-agent.crossdock-agents"),
        ("http://anomaly-agent.crossdock-agents.svc.cluster.local:8080/a2a", "anomaly-agent.crossdock-agents"),
        ("http://anomaly-agent", "anomaly-agent"),
    ],
)
def test_the_app_that_a_url_names(url: str, app: str) -> None:
    assert app_of(url) == app


@pytest.mark.parametrize("url", ["http://127.0.0.1:8002", "http://[::1]:8002", "http://localhost:8002"])
def test_urls_that_name_none(url: str, tmp_path: Path) -> None:
    file = tmp_path / "any"
    values = {"issuer": "http://issuer.test", "customer_file": file, "client_secret_file": file}
    with pytest.raises(ConfigError, match=r"CROSSDOCK_DAPR_HTTP_PORT: .*names no app"):
        Settings.load(agents={"anomaly": url}, dapr_http_port=3500, **values)
    assert Settings.load(agents={"anomaly": url}, **values).dapr_http_port is None
