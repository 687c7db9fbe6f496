"""The profile `telemetry` beside the running system: what reaches it, and what does not depend on it."""

import asyncio
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import httpx
import pytest

from installer.docker import Docker
from tests.support.gateway import docker
from tests.support.long_task import ended_once, working
from tests.support.project import Container
from tests.support.stack import Stack, until

pytestmark = pytest.mark.timeout(240)
COLLECTOR, PROMETHEUS = "otel-collector", "prometheus"
EXPORTING = ("orchestrator-acme", "escalation")
"""Enough for a trace across services: all others stay as they are."""
PORTS = dict(zip(EXPORTING, (9001, 9004), strict=True))
SCRAPED = ("anomaly", "contract", "escalation", "edge", "orchestrator-acme", "orchestrator-globex")
TOLD = {"COMPOSE_PROFILES": "telemetry", "OTLP_ENDPOINT": f"http://{COLLECTOR}:4318"}
QUIET = {"COMPOSE_PROFILES": "", "OTLP_ENDPOINT": ""}
FEW = 10
"""Lines of a replica's log about a collector that is away, for as long as a long task takes."""
LETTER = "Draft an escalation to dispatch@carrier.example: two pallets from Kiel arrived crushed."
SPAN = re.compile(
    r"^Span #\d+$\s+Trace ID +: (?P<trace>\w+)\s+Parent ID +: (?P<parent>\w*)\s+ID +: (?P<id>\w+)\s+"
    r"Name +: (?P<name>.*)\s+Kind +: (?P<kind>\w+)",
    re.M,
)
SERVICE = re.compile(r"service\.name: Str\((.*)\)")


@dataclass(frozen=True)
class Seen:
    """A span as the collector tells of it."""

    service: str
    trace: str
    id: str
    parent: str
    kind: str


def seen(log: str) -> list[Seen]:
    """Spans of one service stand under one `ResourceSpans`."""
    return [
        Seen(_service(resource), span["trace"], span["id"], span["parent"], span["kind"])
        for resource in log.split("ResourceSpans #")[1:]
        for span in SPAN.finditer(resource)
    ]


def _service(resource: str) -> str:
    found = SERVICE.search(resource)
    assert found, resource[:500]
    return found[1]


@dataclass(frozen=True)
class Telemetry:
    """What is there for the length of a test."""

    system: Stack
    compose: Docker

    async def started(self, *services: str, **variables: str) -> None:
        """As `make up` starts them, with these variables."""
        told = replace(self.compose, variables={**self.compose.variables, **variables})
        options = ("up", "--detach", "--no-build", "--no-deps", "--wait", *services)
        await asyncio.to_thread(told.compose, *options)

    async def removed(self) -> None:
        profile = ("--profile", "telemetry")
        await asyncio.to_thread(self.compose.compose, *profile, "rm", "--stop", "--force", COLLECTOR, PROMETHEUS)
        await docker("volume", "rm", "--force", f"{self.system.project.name}_{PROMETHEUS}")

    async def container(self, service: str) -> Container:
        (found,) = await self.system.project.containers(service)
        return found

    async def trace(self, trace_id: str) -> list[Seen]:
        log = await docker("logs", (await self.container(COLLECTOR)).name)
        return [span for span in seen(log) if span.trace == trace_id]


@asynccontextmanager
async def telemetry(system: Stack) -> AsyncIterator[Telemetry]:
    """Started, and at the end gone again, unless the system has it."""
    made = Telemetry(system, system.place.docker)
    if await system.project.containers(COLLECTOR):
        yield made
        await docker("start", (await made.container(COLLECTOR)).name)
        return
    try:
        await made.started(COLLECTOR, PROMETHEUS, *EXPORTING, **TOLD)
        yield made
    finally:
        await made.started(*EXPORTING, **QUIET)
        await made.removed()


async def test_traces_and_metrics_arrive_and_are_not_needed(system: Stack, network: httpx.AsyncClient) -> None:
    """In one go, since each start of replicas takes its time."""
    async with telemetry(system) as made:
        await one_trace_goes_through_all(made)
        await all_that_is_scraped_is_up(made, network)
        await nothing_is_missed_without_a_collector(made, network)


async def one_trace_goes_through_all(made: Telemetry) -> None:
    """From the caller's own span, which is not the collector's, to the agent."""
    trace_id, span_id = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    caller = await made.system.rest("acme", "acme-caller")
    message = {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": [{"text": LETTER}]}
    answer = await caller.call("SendMessage", {"message": message}, traceparent=f"00-{trace_id}-{span_id}-01")
    assert answer.task["status"]["state"] == "TASK_STATE_COMPLETED"

    async def whole() -> list[Seen]:
        """As soon as each span's parent is there too: replicas send theirs every few seconds."""
        spans = await made.trace(trace_id)
        known = {span.id for span in spans} | {span_id}
        services = {span.service for span in spans}
        return spans if len(services) > 1 and all(span.parent in known for span in spans) else []

    spans = await until(whole, f"no whole trace {trace_id}")
    by_id = {span.id: span for span in spans}
    begun = [span for span in spans if span.parent == span_id]
    assert [(span.service, span.kind) for span in begun] == [("orchestrator", "Server")]
    crossing = {(by_id[span.parent].service, span.service) for span in spans if span.parent in by_id}
    assert ("orchestrator", "escalation-agent") in crossing


async def all_that_is_scraped_is_up(made: Telemetry, network: httpx.AsyncClient) -> None:
    replicas = Counter(
        "orchestrator" if each.service.startswith("orchestrator") else each.service
        for each in await made.system.project.containers(*SCRAPED)
    )

    async def scraped() -> bool:
        answer = await network.get(f"http://{PROMETHEUS}:9090/api/v1/targets?state=active")
        targets = answer.json()["data"]["activeTargets"] if answer.status_code == httpx.codes.OK else []
        return Counter(each["labels"]["job"] for each in targets if each["health"] == "up") == replicas

    await until(scraped, f"Prometheus does not have {dict(replicas)}", 60, pause=0.3)


async def nothing_is_missed_without_a_collector(made: Telemetry, network: httpx.AsyncClient) -> None:
    """It is stopped in the middle of a task whose events stream on."""
    system, since = made.system, str(int(time.time()))
    async with working(system) as task:
        await docker("stop", (await made.container(COLLECTOR)).name)
        before, streams = len(task.numbers), task.streams
        caller = await system.rest("escalation", "acme-orchestrator")
        for _ in range(5):
            message = {"messageId": uuid.uuid4().hex, "role": "ROLE_USER", "parts": [{"text": LETTER}]}
            assert (
                (await caller.call("SendMessage", {"message": message})).task["status"]["state"].endswith("COMPLETED")
            )
    await ended_once(system, task)
    assert (len(task.numbers) > before, task.streams) == (True, streams)
    replicas = await system.project.containers(*EXPORTING)
    for replica in replicas:
        ready = await network.get(f"http://{replica.name}:{PORTS[replica.service]}/readyz")
        assert ready.status_code == httpx.codes.OK
        said = (await docker("logs", "--since", since, replica.name)).splitlines()
        assert len(complaints := [line for line in said if complains(line)]) < FEW, complaints[:3]
    await asyncio.gather(*map(ends_in_time, replicas))


def complains(line: str) -> bool:
    try:
        return str(json.loads(line)["level"]) in {"warning", "error"}
    except (ValueError, KeyError):
        return True


async def ends_in_time(replica: Container) -> None:
    """What it could not send does not hold it up until it is killed."""
    await docker("stop", replica.name)
    state = json.loads(await docker("inspect", "--format", "{{json .State}}", replica.name))
    assert state["ExitCode"] == 0, state
