"""What an operator does while tasks run: none is lost, and every stream goes on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.support import collector
from tests.support.flow import flow
from tests.support.kube_place import CUSTOMERS, KubePlace, Pod, release
from tests.support.load import load
from tests.support.long_task import Watch, long_message, watch
from tests.support.served import Served

pytestmark = pytest.mark.timeout(300)


def names(pods: list[Pod]) -> set[str]:
    return {pod.name for pod in pods}


async def test_pods_are_deleted_and_killed_under_load(place: KubePlace, record_property: object) -> None:
    """One of each kind goes gracefully, the other is killed."""
    async with flow(place, *CUSTOMERS) as going:
        await going.more()
        chosen = [await place.pods(release(name)) for name in ("acme", "anomaly")]
        await asyncio.gather(*(place.delete_pod(first) for first, _ in chosen))
        await place.well()
        await asyncio.gather(*(place.delete_pod(second, grace=0) for _, second in chosen))
        await place.well()
        await going.more()
    _tell(record_property, f"{going.count} tasks, none lost")


async def test_a_graceful_deletion_fails_no_request(place: KubePlace, record_property: object) -> None:
    async with load(place) as going:
        await going.more()
        chosen = [(await place.pods(release(name)))[0] for name in ("globex", "contract")]
        await asyncio.gather(*(place.delete_pod(pod) for pod in chosen))
        await place.well()
        await going.more()
    assert going.failed == []
    _tell(record_property, f"{going.served} requests, none failed")


@asynccontextmanager
async def held_open(system: Served) -> AsyncIterator[Watch]:
    """A stream of a task that waits for its caller; at the end the caller answers, and the stream tells of the end."""
    caller = await system.rest("acme", "acme-caller")
    answer = await caller.call("SendMessage", {"message": _words("Please check my table.")})
    task = Watch(system, (await watch(system, "acme", "acme-caller")).caller, answer.task["id"])
    task.last = await _newest(task)
    following = asyncio.create_task(task.until_end())
    try:
        yield task
        message = {**long_message(500)["message"], "taskId": task.task_id, "contextId": answer.task["contextId"]}
        await caller.call("SendMessage", {"message": message, "configuration": {"returnImmediately": True}})
        await asyncio.wait_for(following, 120)
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


def _words(text: str) -> dict[str, object]:
    return {"messageId": text, "role": "ROLE_USER", "parts": [{"text": text}]}


async def _newest(task: Watch) -> int:
    """The number of the task's last event: a new stream without a cursor begins with it."""
    request = task.caller.request("SubscribeToTask", {"id": task.task_id}, {})
    async for frame in task._read(request):
        assert frame.number is not None
        task.numbers.clear()
        return frame.number
    raise AssertionError("an empty stream")


async def test_a_rolling_update_and_an_upgrade_under_load(
    place: KubePlace, record_property: object, tmp_path: Path
) -> None:
    """An agent's pods are replaced for an annotation, an orchestrator's for what its customer changed; and for a
    collector, which is down and disturbs nothing."""
    changed = tmp_path / "changed.yaml"
    changed.write_text(CHANGED)
    before = {name: names(await place.pods(release(name))) for name in ("acme", "anomaly")}
    async with held_open(place) as held, flow(place, *CUSTOMERS) as going, load(place) as requests:
        await going.more()
        again = release("anomaly").changed(**{"podAnnotations.rollout/again": "yes"})
        await asyncio.gather(place.install(again), place.install(release("acme").changed(changed)))
        await going.more()
        after = {name: names(await place.pods(release(name))) for name in before}
    assert all(not before[name] & after[name] for name in before)
    assert requests.failed == []
    assert held.streams > 1
    assert held.numbers == list(range(held.numbers[0], held.last + 1))
    assert held.states[-1] == "TASK_STATE_COMPLETED"
    figures = f"{going.count} tasks, {requests.served} requests, a stream resumed {held.streams - 1} times"
    _tell(record_property, f"{figures}, {await _without_collector(place)}")


CHANGED = f"""
customer: {{style: {{tone: firm}}}}
platform: {{telemetry: {{otlpEndpoint: {collector.DOWN}}}}}
"""


async def _without_collector(place: KubePlace) -> str:
    """Acme's orchestrator beside globex', which was told of none."""

    async def ask(http: httpx.AsyncClient, name: str, headers: dict[str, str]) -> None:
        assert (await http.get(f"{place.path(name)}/tasks?pageSize=1", headers=headers)).status_code == httpx.codes.OK

    asked = {name: partial(ask, place.http(), name, await place.headers(f"{name}-caller")) for name in CUSTOMERS}
    before = await _complaints(place)
    found = await collector.medians(asked)
    assert collector.as_fast(found["acme"], found["globex"]), found
    after = await _complaints(place)
    told = [line for was, now in zip(before, after, strict=True) for line in now[len(was) :]]
    assert collector.few(told), told[:3]
    without, usual = (f"{1000 * found[name]:.0f} ms a request" for name in CUSTOMERS)
    return f"{without} without its collector, {usual} told of none"


async def _complaints(place: KubePlace) -> list[list[str]]:
    """Of the exporter, in each of acme's pods so far."""
    logs = [await place.logs(pod) for pod in await place.pods(release("acme"))]
    return [[line for line in collector.complaints(log) if "export" in line.lower()] for log in logs]


async def test_scaled_from_two_to_four_and_back(place: KubePlace, record_property: object) -> None:
    async with flow(place, "acme") as going, load(place) as requests:
        await going.more(1)
        for replicas in (4, 2):
            await place.scale(release("anomaly"), replicas)
            assert len(await place.pods(release("anomaly"))) == replicas
        await going.more(1)
    assert requests.failed == []
    _tell(record_property, f"{going.count} tasks, {requests.served} requests, none failed")


async def test_wrong_values_fail_before_anything_changes(place: KubePlace, tmp_path: Path) -> None:
    """A key that there is not, a value of another type, and a customer's block that the code would refuse."""
    before = await place.everything()
    for number, (text, word) in enumerate(WRONG.items()):
        path = tmp_path / f"{number}.yaml"
        path.write_text(text)
        with pytest.raises(Exception, match=word):
            await place.install(release("acme").changed(path))
    assert await place.everything() == before


WRONG = {
    "replicaz: 3\n": "replicaz",
    "drain: {seconds: long}\n": "seconds",
    "customer: {routing: {method: guess}}\n": "method",
}


def _tell(record_property: object, figure: str) -> None:
    assert callable(record_property)
    record_property("told", figure)
