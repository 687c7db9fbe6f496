"""Heavy computation stays off the event loop, and dies with its task."""

import asyncio
import os
import re
import time

import httpx
import pytest
from a2a.types import TaskState

from tests.support.executors import message, size
from tests.support.system import Agent, System

TRIES = 4


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def gone(pid: int) -> None:
    async with asyncio.timeout(10):
        while alive(pid):  # noqa: ASYNC110 - the end of a process that is not our child sends no signal
            await asyncio.sleep(0.02)


async def spinning(crossdock: System, url: str) -> tuple[str, int, object]:
    """Starts an endless computation; returns its task and the pid of its process."""
    events = crossdock.client(url).send(message("spin").message)
    task_id = ""
    async for event in events:
        task_id = task_id or getattr(event, "id", "")
        found = re.search(r"pid (\d+)", str(event))
        if found:
            return task_id, int(found[1]), events
    raise AssertionError("the computation did not start")


async def longest_stall(crossdock: System, agent: Agent, content: bytes) -> float:
    """While the file is sent, computed on in a child, and its task is asked for."""
    request = message("compute").message
    request.parts.add(raw=content, filename="big.csv", media_type="text/csv")
    longest = 0.0

    async def feel() -> None:
        nonlocal longest
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.01)
            longest = max(longest, time.perf_counter() - before - 0.01)

    headers = await crossdock.headers()
    client = crossdock.client(agent.url)
    await client.card()
    feeling = asyncio.create_task(feel())  # from before the request: to receive and to parse it takes long, too
    await asyncio.sleep(0)
    events = client.send(request)
    first = await anext(events)
    answer = await crossdock.http().get(f"{agent.url}/tasks/{first.id}?historyLength=0", headers=headers)  # type: ignore[union-attr]
    last = [event async for event in events][-1]
    feeling.cancel()
    assert answer.status_code == httpx.codes.OK
    assert last.status.state == TaskState.TASK_STATE_COMPLETED  # type: ignore[union-attr]
    return longest


async def test_a_large_file_does_not_stall_the_event_loop(crossdock: System) -> None:
    agent = await crossdock.agent()
    content = os.urandom(24 * 1024 * 1024)
    stalls = []
    for _ in range(TRIES):  # other work on the machine makes a stall too, but hardly each time
        stalls.append(await longest_stall(crossdock, agent, content))
        started = time.perf_counter()
        size(lambda text, fraction: None, content)
        inline = time.perf_counter() - started
        if stalls[-1] < inline / 2:
            return
    pytest.fail(f"the loop stood still for as long as the computation takes: {stalls}")


async def test_cancel_kills_the_child(crossdock: System) -> None:
    agent = await crossdock.agent()
    task_id, pid, _ = await spinning(crossdock, agent.url)
    canceled = await crossdock.client(agent.url).cancel(task_id)
    assert canceled.status.state == TaskState.TASK_STATE_CANCELED
    await gone(pid)


async def test_the_deadline_kills_the_child(crossdock: System) -> None:
    agent = await crossdock.agent(task_seconds=3.0)
    task_id, pid, _ = await spinning(crossdock, agent.url)
    await gone(pid)
    task = await crossdock.client(agent.url).get(task_id)
    assert task.status.state == TaskState.TASK_STATE_FAILED


async def test_the_callers_deadline_counts(crossdock: System) -> None:
    agent = await crossdock.agent()
    headers = {**await crossdock.headers(), "crossdock-timeout": "0.2"}
    body = {"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "wait"}]}}
    answer = (await crossdock.http().post(f"{agent.url}/message:send", json=body, headers=headers)).json()["task"]
    assert answer["status"]["state"] == "TASK_STATE_FAILED"
    assert "0.2 s" in answer["status"]["message"]["parts"][0]["text"]


async def test_a_killed_child_is_a_clear_failure(crossdock: System) -> None:
    agent = await crossdock.agent()
    _, pid, events = await spinning(crossdock, agent.url)
    os.kill(pid, 9)
    last = [event async for event in events][-1]  # type: ignore[attr-defined]
    assert last.status.state == TaskState.TASK_STATE_FAILED
    assert "without a result" in str(last)
