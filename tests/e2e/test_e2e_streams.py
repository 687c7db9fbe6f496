"""Streams through the ingress: events arrive as they happen, and go on elsewhere when a pod is lost."""

import json

import pytest

from tests.support.arrival import ROWS, arrived_as_they_happened, delays
from tests.support.kube_place import KubePlace, Pod, release
from tests.support.long_task import RESULTS, Watch, ended_once, long_message, watch, working
from tests.support.operations import RestCaller
from tests.support.rendered_place import RenderedPlace
from tests.support.stack import until

BUFFERING = {
    "proxy_buffering off;": "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;",
    "proxy_http_version 1.1;": "proxy_http_version 1.0;",
}


async def test_events_arrive_one_by_one(place: KubePlace) -> None:
    for name, client in (("acme", "acme-caller"), ("anomaly", "acme-orchestrator")):
        found = await delays(await watch(place, name, client), ROWS)
        assert arrived_as_they_happened(found), (name, found)


@pytest.mark.only("rendered", "the controller of a cluster is not the suite's to misconfigure")
async def test_buffered_events_fail_the_same_assertion(rendered: RenderedPlace) -> None:
    """At a controller whose configuration differs by what buffers, and delimits by the connection's end."""
    async with rendered.other_ingress(BUFFERING) as port:
        http = rendered.reached(rendered.http(), port)
        task = Watch(rendered, RestCaller(http, rendered.path("anomaly"), await rendered.headers("acme-orchestrator")))
        found = await delays(task, ROWS)
    assert not arrived_as_they_happened(found), found


async def worker(place: KubePlace, name: str, task_id: str) -> Pod:
    """The pod that says of itself that it works the task."""

    async def found() -> Pod | None:
        for pod in await place.pods(release(name)):
            said = (await place.logs(pod)).splitlines()
            if any("task_working" in line and task_id in line for line in said):
                return pod
        return None

    works: Pod = await until(found, f"no pod of {name} works {task_id}")
    return works


@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", ["acme", "anomaly"])
async def test_a_task_goes_on_when_the_pod_that_works_it_is_killed(place: KubePlace, name: str) -> None:
    """The orchestrator's, or the agent's: the stream resumes after the last event that was seen."""
    async with working(place) as task:
        task_id = task.task_id
        if name == "anomaly":

            async def begun() -> list[dict[str, str]]:
                agent = await place.rpc("anomaly", "acme-orchestrator")
                tasks: list[dict[str, str]] = (await agent.call("ListTasks", {"contextId": task.context_id})).result[
                    "tasks"
                ]
                return tasks

            task_id = (await until(begun, "the agent has no task", pause=0.3))[0]["id"]
        await place.delete_pod(await worker(place, name, task_id), grace=0)
    assert task.numbers == list(range(task.numbers[0], task.last + 1))
    assert task.artifacts >= RESULTS
    await ended_once(place, task)


CANCEL = """
import sys, urllib.request
headers = {"Authorization": f"Bearer {sys.argv[2]}", "A2A-Version": "1.0", "Content-Type": "application/json"}
url = f"http://127.0.0.1:8080/tasks/{sys.argv[1]}:cancel"
print(urllib.request.urlopen(urllib.request.Request(url, b"{}", headers, method="POST")).read().decode())
"""


async def test_a_task_is_cancelled_through_another_pod(place: KubePlace) -> None:
    """One that does not work it is asked, from inside."""
    caller = await place.rest("anomaly", "acme-orchestrator")
    params = {**long_message(), "configuration": {"returnImmediately": True}}
    task_id = (await caller.call("SendMessage", params)).task["id"]
    works = await worker(place, "anomaly", task_id)
    other = next(pod for pod in await place.pods(release("anomaly")) if pod.name != works.name)
    said = await place.execute(other, "python", "-c", CANCEL, task_id, await place.token("acme-orchestrator"))
    assert json.loads(said)["status"]["state"] == "TASK_STATE_CANCELED"

    async def told() -> bool:
        said = [*(await place.logs(works)).splitlines(), *(await place.logs(other)).splitlines()]
        return any("task_canceled" in line and task_id in line for line in said)

    await until(told, "nobody says that the task was cancelled")
    found = await caller.call("GetTask", {"id": task_id})
    assert found.result["status"]["state"] == "TASK_STATE_CANCELED"
