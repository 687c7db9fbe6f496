"""The conformance agent as public suites find it: a process, no token, and a behaviour for each prefix."""

import asyncio
import base64
import contextlib
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from a2a.types import AgentCard

from tests.support.conformance_door import REST_PATH
from tests.support.conformance_service import Choices, conformance_service
from tests.support.grpc_operations import GrpcCaller
from tests.support.operations import UNAUTHENTICATED, Caller, RestCaller, RpcCaller, sent
from tests.support.processes import free_port
from tests.support.redis_server import RedisServer
from tests.support.serving import listen, serve, url_of
from tests.support.wire import BINDINGS, GRPC, HTTP_JSON, JSONRPC, card_at

CONTENT = base64.b64encode(b"Generated file content").decode()
ROOT = Path(__file__).parents[2]
VERSION = {"A2A-Version": "1.0"}
Agent = Callable[..., AbstractAsyncContextManager[tuple[Caller, AgentCard]]]


@pytest.fixture(params=BINDINGS)
def binding(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@asynccontextmanager
async def joined(binding: str, url: str, grpc_port: int) -> AsyncIterator[Caller]:
    """A client of the agent at `url` that has no token."""
    async with (
        httpx.AsyncClient(timeout=20) as http,
        grpc.aio.insecure_channel(f"127.0.0.1:{grpc_port}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel,
    ):
        callers: dict[str, Caller] = {
            JSONRPC: RpcCaller(http, url, VERSION),
            HTTP_JSON: RestCaller(http, url + REST_PATH, VERSION),
            GRPC: GrpcCaller(channel, VERSION),
        }
        yield callers[binding]


@pytest.fixture
def agent(binding: str, tmp_path: Path) -> Agent:
    """An agent inside this process, with what is chosen; yields a client of it, and its card."""

    @asynccontextmanager
    async def started(**choices: Any) -> AsyncIterator[tuple[Caller, AgentCard]]:
        bound, grpc_port = listen(), free_port()
        service = conformance_service(Choices(port=9999, grpc_port=grpc_port, **choices), tmp_path, url=url_of(bound))
        async with (
            serve(service, bound) as url,
            joined(binding, url, grpc_port) as caller,
            httpx.AsyncClient() as http,
        ):
            yield caller, await card_at(http, url)

    return started


ENDS = [
    ("tck-complete-task", "COMPLETED", "Hello from TCK", []),
    ("tck-artifact-text", "COMPLETED", "", [{"text": "Generated text content"}]),
    ("tck-artifact-file", "COMPLETED", "", [
        {"raw": CONTENT, "filename": "output.txt", "mediaType": "text/plain"}
    ]),
    ("tck-artifact-file-url", "COMPLETED", "", [
        {"url": "https://example.com/output.txt", "filename": "output.txt", "mediaType": "text/plain"}
    ]),
    ("tck-artifact-data", "COMPLETED", "", [
        {"data": {"key": "value", "count": 42}, "mediaType": "application/json"}
    ]),
    ("tck-input-required", "INPUT_REQUIRED", "What else do you want?", []),
    ("tck-auth-required", "AUTH_REQUIRED", "Authorize this at the agent's operator.", []),
    ("tck-reject-task", "REJECTED", "Rejected, as was asked for.", []),
    ("tck-task-failure", "FAILED", "Failed, as was asked for.", []),
    ("tck-multi-turn", "INPUT_REQUIRED", "Go on, or say done.", []),
    ("tck-stream-001", "COMPLETED", "", [{"text": "Stream hello from TCK"}]),
    ("tck-stream-002", "COMPLETED", "", []),
    ("tck-stream-003", "COMPLETED", "", [{"text": "Stream task lifecycle"}]),
    ("tck-stream-basic", "COMPLETED", "", [{"text": "Streamed content"}]),
    ("tck-stream-ordering-001", "COMPLETED", "", [{"text": "Ordered output"}]),
    ("tck-stream-artifact-text", "COMPLETED", "", [{"text": "Streamed text content"}]),
    ("tck-stream-artifact-chunked", "COMPLETED", "", [{"text": "chunk-1 "}, {"text": "chunk-2"}]),
    ("tck-stream-chunked", "COMPLETED", "", [{"text": "chunk-1 "}, {"text": "chunk-2"}]),
    ("test-resubscribe-message-id", "COMPLETED", "", []),
    ("whatever", "COMPLETED", "Nothing in particular was asked for.", []),
]  # fmt: skip


STREAMS = [
    ("tck-stream-001", ["task", "WORKING", "Stream hello from TCK", "COMPLETED"]),
    ("tck-stream-002", ["task", "COMPLETED"]),
    ("tck-stream-003", ["task", "WORKING", "Stream task lifecycle", "COMPLETED"]),
    ("tck-stream-basic", ["task", "WORKING", "Streamed content", "COMPLETED"]),
    ("tck-stream-ordering-001", ["task", "WORKING", "Ordered output", "COMPLETED"]),
    ("tck-stream-artifact-text", ["task", "WORKING", "Streamed text content", "COMPLETED"]),
    ("tck-stream-artifact-file", ["task", "WORKING", "output.txt", "COMPLETED"]),
    ("tck-stream-artifact-chunked", ["task", "WORKING", "chunk-1 ", "chunk-2 appended last", "COMPLETED"]),
    ("tck-stream-chunked", ["task", "WORKING", "chunk-1 ", "chunk-2 appended last", "COMPLETED"]),
    ("tck-message-response", ["message"]),
    ("test-resubscribe-message-id", ["task", "WORKING", "COMPLETED"]),
]


async def ends(caller: Caller) -> None:
    for prefix, state, said, parts in ENDS:
        by_id = await caller.send(f"{prefix}-{'x' * 8}")
        by_text = await caller.send("m", parts=[{"text": f"{prefix} by text"}])
        for task in (by_id, by_text):
            assert task["status"]["state"] == f"TASK_STATE_{state}", prefix
            assert [part for artifact in task.get("artifacts", []) for part in artifact["parts"]] == parts
            message = task["status"].get("message")
            assert (message["parts"][0]["text"] if message else "") == said
    answer = await caller.call("SendMessage", sent("tck-message-response"))
    assert answer.result["message"]["role"] == "ROLE_AGENT"


async def streams(caller: Caller) -> None:
    for prefix, expected in STREAMS:
        events = await caller.streamed("SendStreamingMessage", sent(prefix))
        assert (prefix, list(map(told, events))) == (prefix, expected)


def told(event: dict[str, Any]) -> str:
    """What an event is about: its kind, a state, or the text or the name of an artifact's part."""
    if "statusUpdate" in event:
        return str(event["statusUpdate"]["status"]["state"]).removeprefix("TASK_STATE_")
    if "artifactUpdate" not in event:
        return ", ".join(event)
    update = event["artifactUpdate"]
    (part,) = update["artifact"]["parts"]
    return str(part.get("text") or part["filename"]) + (" appended last" if update.get("append") else "")


async def test_each_prefix_has_its_end(agent: Agent) -> None:
    async with agent(streaming_timeout=0.01) as (caller, _):
        await ends(caller)


async def test_each_prefix_has_its_events(agent: Agent) -> None:
    async with agent(streaming_timeout=0.01) as (caller, _):
        await streams(caller)


async def test_a_long_task_gives_its_artifact_in_the_end(agent: Agent) -> None:
    async with agent() as (caller, _):
        events = await caller.streamed("SendStreamingMessage", sent("tck-long-running"))
        assert [next(iter(event)) for event in events] == ["task", "statusUpdate", "artifactUpdate", "statusUpdate"]


async def test_a_conversation_goes_on_until_it_is_done(agent: Agent) -> None:
    async with agent() as (caller, _):
        task = await caller.send("tck-multi-turn-1")
        for text, state in (("more", "INPUT_REQUIRED"), ("still more", "INPUT_REQUIRED"), ("done now", "COMPLETED")):
            task = await caller.send("tck-multi-turn-2", taskId=task["id"], parts=[{"text": text}])
            assert task["status"]["state"] == f"TASK_STATE_{state}"


async def test_a_long_task_is_canceled(agent: Agent) -> None:
    async with agent() as (caller, _):
        task = await caller.send("tck-cancel", configuration={"returnImmediately": True})
        canceled = await caller.call("CancelTask", {"id": task["id"]})
        assert canceled.result["status"]["state"] == "TASK_STATE_CANCELED"


async def test_equal_message_ids_make_tasks_of_their_own(agent: Agent) -> None:
    async with agent() as (caller, _):
        assert len({(await caller.send("tck-complete-task"))["id"] for _ in range(3)}) == 3


async def test_each_interface_is_written_as_suites_read_it(agent: Agent) -> None:
    async with agent() as (_, card):
        urls = {(item.protocol_binding, item.protocol_version): item.url for item in card.supported_interfaces}
    assert len(urls) == len(card.supported_interfaces) == 6
    assert re.fullmatch(r"127\.0\.0\.1:\d+", urls[GRPC, "1.0"])
    assert urls[GRPC, "0.3"] == f"http://{urls[GRPC, '1.0']}"
    assert urls[HTTP_JSON, "1.0"].endswith(REST_PATH)
    assert all(url.startswith("http://") for (_, version), url in urls.items() if version == "0.3")


async def test_capabilities_and_extensions_are_chosen(agent: Agent) -> None:
    uri = "urn:example:needed"
    async with agent(capabilities=False, required_extension=uri) as (caller, card):
        declared = card.capabilities
        assert (declared.streaming, declared.push_notifications, declared.extended_agent_card) == (False, False, False)
        assert [item.uri for item in declared.extensions if item.required] == [uri]
        assert (await caller.call("SendMessage", sent("a"))).reason == "EXTENSION_SUPPORT_REQUIRED"
        extended = await caller.call("GetExtendedAgentCard", A2A_Extensions=uri)
        assert extended.reason == "UNSUPPORTED_OPERATION"
        assert not card.security_requirements


async def test_a_token_is_asked_for_if_there_is_one(agent: Agent) -> None:
    async with agent(token="let-me-in") as (caller, card):
        assert card.security_schemes["bearer"].http_auth_security_scheme.scheme == "Bearer"
        for given in ("", "Bearer other", "Basic let-me-in", "Bearer let-me-in-too"):
            refused = await caller.call("ListTasks", Authorization=given)
            assert (refused.status in UNAUTHENTICATED, given) == (True, given)
            assert refused.headers["www-authenticate"].startswith("Bearer ")
        assert (await caller.call("ListTasks", Authorization="Bearer let-me-in")).result["tasks"] == []


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """The agent in a process of its own, and its URL once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "tests.support.conformance_agent", "--port", str(port), *arguments]
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CROSSDOCK_")}
    inherited["TCK_STREAMING_TIMEOUT"] = "0.01"
    started = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=inherited, stderr=PIPE)
    try:
        yield started, f"http://127.0.0.1:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            started.kill()
        await started.wait()


async def answers(started: Process, http: httpx.AsyncClient, url: str) -> None:
    async with asyncio.timeout(30):
        while started.returncode is None:
            with contextlib.suppress(httpx.TransportError):
                await card_at(http, url)
                return
            await asyncio.sleep(0.05)
    raise AssertionError("the agent has stopped")


@pytest.mark.parametrize("journal", ["memory", "redis"])
async def test_the_process_serves_and_stops(journal: str, tmp_path: Path) -> None:
    """On every binding what the table of prefixes says; and a task that one made is there on all."""
    redis = RedisServer(tmp_path)
    if journal == "redis":
        await redis.start()
    place = f"redis://127.0.0.1:{redis.port}" if journal == "redis" else "memory"
    try:
        grpc_port = free_port()
        async with process("--grpc-port", str(grpc_port), "--journal", place) as (started, url):
            async with httpx.AsyncClient(timeout=20) as http:
                await answers(started, http, url)
                task = await RestCaller(http, url + REST_PATH, VERSION).send("tck-artifact-text")
            for binding in BINDINGS:
                async with joined(binding, url, grpc_port) as caller:
                    assert (await caller.call("GetTask", {"id": task["id"]})).result == task
                    await ends(caller)
                    await streams(caller)
            started.send_signal(signal.SIGTERM)
            async with asyncio.timeout(15):
                assert await started.wait() == 0
    finally:
        if journal == "redis":
            redis.stop()


async def test_a_journal_that_is_none_is_told() -> None:
    async with process("--journal", "postgres://somewhere") as (started, _):
        assert started.stderr
        complaint = (await started.stderr.read()).decode()
        assert await started.wait() == 2
    assert complaint.startswith("--journal: give memory or redis://host:port.")
