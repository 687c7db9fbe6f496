"""What an operator sees of the work: traces over both hops, logs, metrics and health."""

import asyncio
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanKind
from prometheus_client.parser import text_string_to_metric_families

from crossdock.telemetry.backlog import Backlog
from tests.support.executors import message
from tests.support.logs import Output, logged
from tests.support.obligations import obliges
from tests.support.orchestration import orchestrator
from tests.support.redis_server import RedisServer
from tests.support.system import Agent, System
from tests.support.wire import body, frames


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    """All spans that end during the test. A process has one provider: the first test that needs one sets it."""
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    processor = SimpleSpanProcessor(exporter)
    provider.add_span_processor(processor)
    yield exporter
    processor.shutdown()


@pytest.fixture
def output() -> Iterator[Output]:
    with logged() as made:
        yield made


class TracedSystem(System):
    """Its clients send their trace context, as those of a service do."""

    def http(self, **options: Any) -> httpx.AsyncClient:
        made = super().http(**options)
        HTTPXClientInstrumentor.instrument_client(made)
        return made


@pytest.fixture
def traced(crossdock: System) -> TracedSystem:
    return TracedSystem(crossdock.issuer, crossdock.stack)


async def of_trace(exporter: InMemorySpanExporter, caller: Span) -> list[ReadableSpan]:
    """The spans of the caller's trace, once both servers are through with their requests."""
    trace_id = caller.get_span_context().trace_id

    def found() -> list[ReadableSpan]:
        return [span for span in exporter.get_finished_spans() if span.context and span.context.trace_id == trace_id]

    async with asyncio.timeout(5):
        while len([span for span in found() if is_request(span)]) < 2:  # noqa: ASYNC110 - the end of a span is silent
            await asyncio.sleep(0.01)
    return found()


def is_request(span: ReadableSpan) -> bool:
    return span.kind == SpanKind.SERVER and span.name.startswith("POST ")


async def test_one_trace_runs_through_both_hops(traced: TracedSystem, spans: InMemorySpanExporter) -> None:
    served = await orchestrator(traced)
    with trace.get_tracer("test").start_as_current_span("caller") as caller:
        async for event in traced.client(served.url, "acme-caller").send(message("complete").message):
            last = event
    assert "TASK_STATE_COMPLETED" in str(last)
    found = await of_trace(spans, caller)
    by_id = {span.context.span_id: span for span in found if span.context}

    def ancestors(span: ReadableSpan) -> list[ReadableSpan]:
        parent = by_id.get(span.parent.span_id) if span.parent else None
        return [parent, *ancestors(parent)] if parent else []

    tasks = [span for span in found if "a2a.task.id" in (span.attributes or {})]
    assert len(tasks) == 2, "one task at the orchestrator, one at the agent"
    below = max(tasks, key=lambda span: len(ancestors(span)))
    above = next(span for span in tasks if span is not below)
    assert above in ancestors(below)
    assert is_request(above)
    assert is_request(below), "whoever waits for the work sees it in the request's own span"
    assert above.end_time >= below.end_time, "a task's span lasts as long as its work"  # type: ignore[operator]
    attributes = [dict(span.attributes or {}) for span in tasks]
    (acted,) = served.work[0].requests
    assert acted.task_id in {values["a2a.task.id"] for values in attributes}


async def test_work_that_nobody_waits_for_has_a_span_of_its_own(
    traced: TracedSystem, spans: InMemorySpanExporter
) -> None:
    agent = await traced.agent()
    spans.clear()
    task = await send(traced, agent, "wait", configuration={"returnImmediately": True})
    canceled = await traced.http().post(f"{agent.url}/tasks/{task['id']}:cancel", headers=await traced.headers())
    assert canceled.status_code == httpx.codes.OK
    ended = spans.get_finished_spans()
    (work,) = [span for span in ended if span.name == "task"]
    requests = [span for span in ended if is_request(span) and work.parent == span.context]
    assert len(requests) == 1, "the message's, not the cancel's"
    assert [span for span in ended if "a2a.task.id" in (span.attributes or {})] == [work]


async def test_the_routing_decision_stands_in_a_span(traced: TracedSystem, spans: InMemorySpanExporter) -> None:
    served = await orchestrator(traced)
    with trace.get_tracer("test").start_as_current_span("caller") as caller:
        async for _ in traced.client(served.url, "acme-caller").send(message("complete").message):
            pass
    found = await of_trace(spans, caller)
    (decided,) = [span.attributes for span in found if "crossdock.routing.plan" in (span.attributes or {})]
    assert decided is not None
    assert (decided["crossdock.routing.method"], decided["crossdock.routing.plan"]) == ("rules", "puppet")
    assert "anything" in str(decided["crossdock.routing.reason"])


async def test_a_failed_request_is_an_error_in_its_span(crossdock: System, spans: InMemorySpanExporter) -> None:
    agent = await crossdock.agent()
    spans.clear()
    answer = await crossdock.http().get(f"{agent.url}/tasks/no", headers=await crossdock.headers())
    assert answer.status_code == httpx.codes.NOT_FOUND
    (span,) = [
        span for span in spans.get_finished_spans() if span.kind == SpanKind.SERVER and span.name.startswith("GET")
    ]
    assert (span.attributes or {})["http.response.status_code"] == 404


async def send(crossdock: System, agent: Agent, text: str, client_id: str = "acme-orchestrator", **fields: Any) -> Any:
    headers = await crossdock.headers(client_id)
    content = {**body(text), **fields}
    return (await crossdock.http().post(f"{agent.url}/message:send", json=content, headers=headers)).json()["task"]


async def test_how_a_task_ends_is_logged_with_what_finds_it_again(
    crossdock: System, spans: InMemorySpanExporter, output: Output
) -> None:
    agent = await crossdock.agent()
    tasks = {text: await send(crossdock, agent, text) for text in ("complete", "fail", "artifactthenraise", "reject")}
    waiting = await send(crossdock, agent, "wait", configuration={"returnImmediately": True})
    await agent.work.working.wait()
    await crossdock.client(agent.url).cancel(waiting["id"])
    expected = {
        "completed": [tasks["complete"]],
        "failed": [tasks["fail"], tasks["artifactthenraise"]],
        "rejected": [tasks["reject"]],
        "canceled": [waiting],
    }
    for name, those in expected.items():
        lines = output.lines(f"task_{name}")
        assert {line["task_id"] for line in lines} == {task["id"] for task in those}, name
        assert {line["context_id"] for line in lines} == {task["contextId"] for task in those}
        for line in lines:
            assert (line["agent"], line["customer"], line["level"]) == ("puppet-agent", "acme", "info")
            assert len(line["trace_id"]) == 32
            assert line["seconds"] < 60
    assert not output.lines("task_submitted"), "what comes next says it"
    working = {line["task_id"] for line in output.lines("task_working")}
    assert waiting["id"] in working, "if its replica dies, this line tells which one worked it"
    assert tasks["complete"]["id"] not in working, "its end came in the same moment"
    for task in tasks.values():
        traces = {line["trace_id"] for line in output.lines() if line.get("task_id") == task["id"]}
        assert len(traces) == 1, "one task's lines are found by one trace id"


async def test_a_fault_is_in_the_log_under_the_id_that_the_caller_got(crossdock: System, output: Output) -> None:
    task = await send(crossdock, await crossdock.agent(), "artifactthenraise")
    told = task["status"]["message"]["parts"][0]["text"]
    (fault,) = output.lines("task_fault")
    assert fault["error_id"] in told
    assert (fault["task_id"], fault["customer"], fault["level"]) == (task["id"], "acme", "error")
    assert "RuntimeError" in fault["exception"]
    assert "hunter2" not in told


@obliges("13.4-logs")
async def test_no_token_and_no_secret_is_ever_logged(crossdock: System, output: Output) -> None:
    served = await orchestrator(crossdock)
    http, headers = crossdock.http(), await crossdock.headers("acme-caller")
    token = headers["Authorization"].removeprefix("Bearer ")
    for text in ("complete", "fail", "artifactthenraise", f"complete Bearer {token}"):
        await http.post(f"{served.url}/message:send", json=body(text), headers=headers)
    await http.post(served.url, content=f'{{"a": "{token}', headers=headers)
    await http.get(f"{served.url}/tasks?pageToken={token}", headers=headers)
    for bad in (token[:-4], f"{token}x", "hunter2"):
        await http.get(f"{served.url}/tasks", headers={"Authorization": f"Bearer {bad}"})
    written = output.getvalue()
    assert output.lines("task_completed")
    assert output.lines("request_refused")
    assert "eyJ" not in written
    assert "hunter2" not in "".join(str(line) for line in output.lines("request_refused"))
    for client_id in ("acme-caller", "acme-orchestrator"):
        assert crossdock.issuer.secret(client_id) not in written


async def scraped(http: httpx.AsyncClient, url: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = await http.get(f"{url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def test_who_ends_a_task_that_another_accepted_measures_its_time(crossdock: System, tmp_path: Path) -> None:
    redis = RedisServer(tmp_path / "redis")
    await redis.start()
    crossdock.stack.callback(redis.stop)
    door = await crossdock.agent(redis_nodes=redis.nodes, role="api")
    worker = await crossdock.agent(redis_nodes=redis.nodes, role="worker")
    http, headers = crossdock.http(), await crossdock.headers()
    asked = (await http.post(f"{door.url}/message:send", json=body("ask"), headers=headers)).json()["task"]
    await http.post(f"{door.url}/message:send", json=body("answer", taskId=asked["id"]), headers=headers)
    labels = {"agent": "puppet-agent", "customer": "acme", "state": "completed"}
    assert worker.service.metrics.registry.get_sample_value("crossdock_task_seconds_count", labels) == 1


async def test_metrics_count_tasks_streams_refusals_and_hops(crossdock: System) -> None:
    served = await orchestrator(crossdock)
    http = crossdock.http()
    management = await crossdock.serve(served.service.management)
    below = await crossdock.serve(served.puppet.service.management)
    headers = await crossdock.headers("acme-caller")
    for text in ("complete", "fail"):
        await http.post(f"{served.url}/message:send", json=body(text), headers=headers)
    await http.get(f"{served.url}/tasks")
    async with http.stream("POST", f"{served.url}/message:stream", json=body("wait"), headers=headers) as response:
        coming = frames(response)
        task_id = (await anext(coming)).data["task"]["id"]
        await served.work[0].working.wait()
        metrics, lower = await scraped(http, management), await scraped(http, below)
    who = {"agent": "acme-orchestrator", "customer": "acme"}
    for state, count in [("submitted", 3), ("completed", 1), ("failed", 1)]:
        assert metrics[of("crossdock_tasks_total", **who, state=state)] == count
    for state in ("completed", "failed"):
        assert metrics[of("crossdock_task_seconds_count", **who, state=state)] == 1
    assert metrics[of("crossdock_open_streams", **who)] == 1
    assert metrics[of("crossdock_auth_rejections_total", agent="acme-orchestrator", reason="missing")] == 1
    assert metrics[of("crossdock_hop_seconds_count", **who, callee="puppet", outcome="completed")] == 1
    assert lower[of("crossdock_tasks_total", agent="puppet-agent", customer="acme", state="completed")] == 1
    assert lower[of("crossdock_open_streams", agent="puppet-agent", customer="acme")] == 1
    await http.post(f"{served.url}/tasks/{task_id}:cancel", headers=headers)
    async with asyncio.timeout(5):
        while (await scraped(http, management))[of("crossdock_open_streams", **who)]:  # noqa: ASYNC110 - a gauge tells nobody that it changed
            await asyncio.sleep(0.01)
    assert (await scraped(http, management))[of("crossdock_tasks_total", **who, state="canceled")] == 1


async def test_health_is_on_the_management_port_only(crossdock: System) -> None:
    agent = await crossdock.agent()
    management, http = await crossdock.serve(agent.service.management), crossdock.http()
    assert (await http.get(f"{management}/livez")).text == "ok"
    ready = await http.get(f"{management}/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (200, True)
    assert set(ready.json()["checks"].values()) == {"ok"}
    for path in ("/livez", "/readyz", "/metrics"):
        assert (await http.get(agent.url + path)).status_code == httpx.codes.UNAUTHORIZED
        assert (await http.get(agent.url + path, headers=await crossdock.headers())).status_code == 404
    for path in ("/tasks", "/", "/.well-known/agent-card.json"):
        assert (await http.get(management + path)).status_code == httpx.codes.NOT_FOUND


async def test_readiness_names_an_issuer_that_is_down_and_recovers(crossdock: System) -> None:
    crossdock.issuer.down = True
    agent = await crossdock.agent()
    management, http = await crossdock.serve(agent.service.management), crossdock.http()
    answer = await http.get(f"{management}/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["checks"] == {"accepting": "ok", "tasks": "ok", "issuer": "failing"}
    assert (await http.get(f"{management}/livez")).status_code == httpx.codes.OK
    crossdock.issuer.down = False
    async with asyncio.timeout(10):
        while (await http.get(f"{management}/readyz")).status_code != httpx.codes.OK:  # noqa: ASYNC110 - it is a probe
            await asyncio.sleep(0.05)


async def test_a_service_that_drains_is_not_ready_and_says_so(crossdock: System) -> None:
    agent = await crossdock.agent()
    management, http = await crossdock.serve(agent.service.management), crossdock.http()
    await agent.service.drain()
    answer = await http.get(f"{management}/readyz")
    assert (answer.status_code, answer.json()["checks"]["accepting"]) == (503, "failing")
    refused = await http.post(f"{agent.url}/message:send", json=body(), headers=await crossdock.headers())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize("package", ["anomaly_agent", "contract_agent", "escalation_agent", "orchestrator"])
async def test_the_sdks_own_tracing_is_off_in_every_service(package: str) -> None:
    program = (
        f"import sys, {package}.__main__ as main; assert 'a2a' not in sys.modules, 'imported too early';"
        "from crossdock.telemetry.tracing import silence_sdk_tracing; silence_sdk_tracing();"
        "import a2a.utils.telemetry as telemetry; print(type(telemetry.trace).__name__)"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    assert b"NoOp" in printed


async def test_who_scales_is_told_of_waiting_and_of_running_tasks(crossdock: System, tmp_path: Path) -> None:
    """What runs is the process's own; what waits is told by each replica alike."""
    redis = RedisServer(tmp_path / "redis")
    await redis.start()
    crossdock.stack.callback(redis.stop)
    door = await crossdock.agent(redis_nodes=redis.nodes, role="api")
    for _ in range(3):
        await send(crossdock, door, "wait", configuration={"returnImmediately": True})
    worker = await crossdock.agent(redis_nodes=redis.nodes, role="worker", running_tasks=2)
    async with asyncio.timeout(5):
        while worker.service.engine.running < 2:  # noqa: ASYNC110 - claiming tells nobody
            await asyncio.sleep(0.01)
    for service, running in ((door.service, 0), (worker.service, 2)):
        await Backlog(service.engine, service.engine._journal, service.metrics).look()
        metrics = service.metrics.registry
        assert metrics.get_sample_value("crossdock_queued_tasks", {"agent": "puppet-agent"}) == 1
        assert metrics.get_sample_value("crossdock_running_tasks", {"agent": "puppet-agent"}) == running
    redis.kill()
    await Backlog(door.service.engine, door.service.engine._journal, door.service.metrics).look()
    unknown = door.service.metrics.registry.get_sample_value("crossdock_queued_tasks", {"agent": "puppet-agent"})
    await redis.start()
    assert unknown is not None
    assert math.isnan(unknown)
