"""Services as processes: their ports, a clean stop in the middle of work, and a start that fails with a reason."""

import asyncio
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from a2a.types import TaskState
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from tests.support.executors import message
from tests.support.grpc_channels import a2a_stub, channel, health_stub
from tests.support.processes import Running, free_port, launch, running
from tests.support.system import System, reachable_system
from tests.support.wire import GRPC, body, frames


@pytest.fixture
async def crossdock(tmp_path: Path) -> AsyncIterator[System]:
    """The issuer is on a real port here: other processes ask it for its keys."""
    agents = {"puppet": ("act", "other"), "escalation": ("draft_escalation",)}
    async with reachable_system(tmp_path, agents=agents) as made:
        yield made


async def not_ready(http: httpx.AsyncClient, service: Running) -> None:
    async with asyncio.timeout(10):
        while True:
            answer = await http.get(f"{service.management}/readyz")
            if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                assert answer.json()["checks"]["accepting"] == "failing"
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("text", ["wait", "spin"])
async def test_a_stop_in_the_middle_of_work_ends_the_task_before_the_connection(crossdock: System, text: str) -> None:
    async with running(crossdock, "tests.support.puppet_process", drain_seconds=0.5) as service:
        http, headers = crossdock.http(), await crossdock.headers()
        async with http.stream("POST", f"{service.url}/message:stream", json=body(text), headers=headers) as response:
            coming = frames(response)
            seen = [await anext(coming)]
            while not re.search("waiting|pid", str(seen[-1].data)):
                seen.append(await anext(coming))
            stopping = asyncio.create_task(service.stop())
            await not_ready(http, service)
            refused = await http.post(f"{service.url}/message:send", json=body(), headers=headers)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
            async with asyncio.timeout(10):
                seen += [frame async for frame in coming]
        status = seen[-1].data["statusUpdate"]["status"]
        assert status["state"] == "TASK_STATE_FAILED"
        assert "was stopped" in status["message"]["parts"][0]["text"]
        assert [frame.number for frame in seen] == list(range(1, len(seen) + 1))
        async with asyncio.timeout(10):
            assert await stopping == 0
        written = (await service.log).decode()
        assert '"event":"stopping"' in written
        assert '"event":"task_failed"' in written
        assert "Traceback" not in written


async def test_a_stop_ends_grpc_streams_too(crossdock: System) -> None:
    async with running(crossdock, "tests.support.puppet_process", drain_seconds=0.2) as service:
        caller = a2a_stub(channel(crossdock, service.grpc, await crossdock.headers()))
        stream = caller.SendStreamingMessage(message("wait"))
        first = await stream.read()
        async with asyncio.timeout(15):
            stopping = asyncio.create_task(service.stop())
            last = [response async for response in stream][-1]
            assert await stopping == 0
        assert first.task.id == last.status_update.task_id
        assert last.status_update.status.state == TaskState.TASK_STATE_FAILED
        assert "Traceback" not in (await service.log).decode()


async def test_work_that_ends_in_time_is_finished(crossdock: System) -> None:
    async with running(crossdock, "tests.support.puppet_process", drain_seconds=10) as service:
        http, headers = crossdock.http(), await crossdock.headers()
        content = {**body("wait"), "configuration": {}}
        deadline = {**headers, "crossdock-timeout": "1"}
        async with http.stream("POST", f"{service.url}/message:stream", json=content, headers=deadline) as response:
            coming = frames(response)
            await anext(coming)
            stopping = asyncio.create_task(service.stop())
            last = [frame async for frame in coming][-1]
        text = last.data["statusUpdate"]["status"]["message"]["parts"][0]["text"]
        assert text == "The task took longer than its limit of 1 s and was stopped."
        assert await stopping == 0


async def test_a_task_that_waits_for_its_caller_ends_too(crossdock: System) -> None:
    async with running(crossdock, "tests.support.puppet_process", drain_seconds=0.2) as service:
        http, headers = crossdock.http(), await crossdock.headers()
        async with http.stream("POST", f"{service.url}/message:stream", json=body("ask"), headers=headers) as response:
            coming = frames(response)
            async for frame in coming:
                if "INPUT_REQUIRED" in str(frame.data):
                    break
            stopping = asyncio.create_task(service.stop())
            last = [frame async for frame in coming][-1]
        assert last.data["statusUpdate"]["status"]["state"] == "TASK_STATE_FAILED"
        assert await stopping == 0


async def test_ctrl_c_is_a_clean_stop(crossdock: System) -> None:
    async with running(crossdock, "tests.support.puppet_process", drain_seconds=0.2) as service:
        service.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(10):
            assert await service.process.wait() == 0
        assert "Traceback" not in (await service.log).decode()


async def test_a_service_has_its_ports(crossdock: System) -> None:
    async with running(crossdock, "escalation_agent", drain_seconds=0.2) as service:
        http = crossdock.http()
        assert (await http.get(f"{service.management}/livez")).text == "ok"
        assert "crossdock_open_streams" in (await http.get(f"{service.management}/metrics")).text
        assert (await http.get(f"{service.url}/metrics")).status_code == httpx.codes.UNAUTHORIZED
        card = (await http.get(f"{service.url}/.well-known/agent-card.json")).json()
        assert (card["name"], card["supportedInterfaces"][0]["url"]) == ("escalation-agent", service.url)
        listed = await http.get(f"{service.url}/tasks", headers=await crossdock.headers())
        assert listed.json()["tasks"] == []
        (address,) = {item["url"] for item in card["supportedInterfaces"] if item["protocolBinding"] == GRPC}
        assert address == service.grpc
        check = health_stub(channel(crossdock, address)).Check
        assert (await check(HealthCheckRequest())).status == HealthCheckResponse.SERVING
        assert await service.stop() == 0


async def test_settings_that_do_not_fit_are_all_named(crossdock: System) -> None:
    process = await launch("escalation_agent", port=99_999, max_body=0, issuer="nonsense")
    _, complaints = await process.communicate()
    assert process.returncode == 2
    for name in ("CROSSDOCK_PORT", "CROSSDOCK_MAX_BODY", "CROSSDOCK_ISSUER"):
        assert f"{name}: " in complaints.decode()
    assert "Traceback" not in complaints.decode()


@pytest.mark.parametrize("above", [0, 1000, 2000])
async def test_a_port_that_is_taken_is_named(crossdock: System, above: int) -> None:
    port = free_port()
    taken = await asyncio.start_server(lambda *_: None, "127.0.0.1", port + above)
    process = await launch("tests.support.puppet_process", port=port, issuer=crossdock.issuer.url)
    async with taken, asyncio.timeout(20):
        _, complaints = await process.communicate()
    assert process.returncode == 2
    said = f"Cannot listen on port {port + above} of 127.0.0.1: Address already in use."
    assert complaints.decode().splitlines()[-1].startswith(said)
    assert "Traceback" not in complaints.decode()
