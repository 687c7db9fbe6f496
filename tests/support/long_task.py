"""A task of the anomaly agent that takes some seconds, says so as it goes on, and brings artifacts."""

import asyncio
import base64
import csv
import io
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import httpx

from examples import inputs
from tests.support.operations import Caller, RestCaller, named
from tests.support.served import Served
from tests.support.wire import Frame, frames

ENDS = {f"TASK_STATE_{name}" for name in ("COMPLETED", "FAILED", "CANCELED", "REJECTED")}
SOURCE = inputs.OWN / "shipments" / "carrier_export.csv"
ROWS = 12_000
RESULTS = {"anomalies", "report", "chart"}
ENDING = 120.0
PAUSE = 0.1
COMPLETED = "TASK_STATE_COMPLETED"


@cache
def table(rows: int = ROWS) -> str:
    """Our sample's rows again and again, in base64; each copy's first column is its own, as ids are."""
    with SOURCE.open(newline="", encoding="utf-8") as file:
        head, *body = csv.reader(file)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(head)
    writer.writerows([f"{row[0]}-{number}", *row[1:]] for number, row in zip(range(rows), _again(body), strict=False))
    return base64.b64encode(out.getvalue().encode()).decode()


def _again(body: list[list[str]]) -> Any:
    while True:
        yield from body


def long_message(rows: int = ROWS) -> dict[str, Any]:
    """The parameters of a send."""
    parts = [
        {"text": "Which of these deliveries look wrong, and why?"},
        {"raw": table(rows), "filename": "deliveries.csv", "mediaType": "text/csv"},
    ]
    return {"message": {"messageId": str(uuid.uuid4()), "role": "ROLE_USER", "parts": parts}}


@dataclass
class Watch:
    """A caller's view of one task, over as many streams as it takes: each event's number once."""

    system: Served
    caller: RestCaller
    task_id: str = ""
    context_id: str = ""
    last: int = 0
    numbers: list[int] = field(default_factory=list)
    artifacts: set[str] = field(default_factory=set)
    states: list[str] = field(default_factory=list)
    streams: int = 0

    @property
    def ended(self) -> bool:
        return bool(self.states) and self.states[-1] in ENDS

    async def send(
        self, rows: int = ROWS, message: dict[str, Any] | None = None, **headers: str
    ) -> AsyncGenerator[Frame]:
        """A long message by default."""
        request = self.caller.request("SendStreamingMessage", message or long_message(rows), named(headers))
        async for frame in self._read(request):
            yield frame

    async def resume(self) -> AsyncGenerator[Frame]:
        """What came after the last event that was seen; it begins with the task as it was then."""
        request = self.caller.request("SubscribeToTask", {"id": self.task_id}, {"Last-Event-ID": str(self.last)})
        async for frame in self._read(request, resumed=True):
            yield frame

    async def until_end(self) -> None:
        """Goes on at any replica, however often a stream breaks."""
        while not self.ended:
            try:
                async with aclosing(self.resume()) as events:
                    async for _ in events:
                        pass
            except (httpx.TransportError, httpx.HTTPStatusError):
                await asyncio.sleep(PAUSE)

    async def _read(self, request: httpx.Request, *, resumed: bool = False) -> AsyncGenerator[Frame]:
        response = await self.caller.http.send(request, stream=True)
        try:
            if response.status_code != httpx.codes.OK:
                await response.aread()
                response.raise_for_status()
            self.streams += 1
            async with aclosing(frames(response)) as found:
                async for frame in found:
                    self._heard(frame, snapshot=resumed)
                    resumed = False
                    yield frame
        finally:
            await response.aclose()

    def _heard(self, frame: Frame, *, snapshot: bool) -> None:
        assert frame.number is not None, frame
        if snapshot:
            assert frame.number == self.last
        else:
            self.numbers.append(frame.number)
        self.last = frame.number
        (kind, content), *_ = frame.data.items()
        self.task_id = self.task_id or content.get("id", "")
        self.context_id = self.context_id or content.get("contextId", "")
        if kind == "artifactUpdate":
            self.artifacts.add(content["artifact"]["name"])
        elif not snapshot:
            self.states.append(content["status"]["state"])


async def watch(system: Served, name: str, client_id: str) -> Watch:
    caller: Caller = await system.rest(name, client_id)
    assert isinstance(caller, RestCaller)
    return Watch(system, caller)


@asynccontextmanager
async def working(system: Served) -> AsyncIterator[Watch]:
    """A long task of acme's at its orchestrator, which the anomaly agent works; followed by its caller to the end."""
    task = await watch(system, "acme", "acme-caller")
    begun = asyncio.Event()

    async def follow() -> None:
        try:
            async with aclosing(task.send(ROWS)) as events:
                async for frame in events:
                    if frame.data.get("statusUpdate"):
                        begun.set()
        except httpx.TransportError:
            pass
        await task.until_end()

    following = asyncio.create_task(follow())
    try:
        async with asyncio.timeout(60):
            await begun.wait()
        yield task
        await asyncio.wait_for(following, ENDING)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def ended_once(system: Served, task: Watch, customer: str = "acme") -> None:
    """Its whole log has one end, which is that of the task; and the shared agent worked one task for it."""
    assert task.states[-1] == COMPLETED
    assert task.artifacts >= RESULTS
    log = Watch(system, task.caller, task.task_id, last=1)
    async with aclosing(log.resume()) as events:
        async for _ in events:
            pass
    assert [state for state in log.states if state in ENDS] == [COMPLETED]
    assert log.numbers == list(range(2, log.last + 1))
    shared = (await at_the_agent(system, task, customer)).result["tasks"]
    assert [each["status"]["state"] for each in shared] == [COMPLETED]


async def at_the_agent(system: Served, task: Watch, customer: str = "acme") -> Any:
    agent = await system.rpc("anomaly", f"{customer}-orchestrator")
    return await agent.call("ListTasks", {"contextId": task.context_id})
