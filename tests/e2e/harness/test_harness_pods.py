"""What the rendered place makes of a Deployment, a Service and a NetworkPolicy."""

import asyncio
import json
import secrets
from collections import Counter
from typing import Any

import pytest

from tests.e2e.harness.conftest import CLIENT, IMAGES, SERVER, SMALL, STRANGER
from tests.support.rendered.cluster import Cluster, cluster
from tests.support.rendered.documents import Key, Refused, documents
from tests.support.rendered.engine import Engine, EngineError
from tests.support.stack import until

GET = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1], timeout=3).read().decode())"


async def get(small: Cluster, url: str = "http://server.shop/", by: Key = CLIENT) -> Any:
    (pod,) = small.pods(by)
    return json.loads(await small.node.engine.call("exec", pod.id, "python", "-c", GET, url))


async def test_a_pod_runs_as_it_is_rendered(small: Cluster) -> None:
    answer = await get(small)
    assert answer["name"] == answer["pod"]
    assert (answer["uid"], answer["groups"]) == (10001, [10001, 10002])
    assert answer["arguments"] == ["hello", "$(UNKNOWN)", "$(GREETING)"]
    assert (answer["secret"], answer["version"]) == ("sesame", "1")
    (found, _) = await small.node.engine.inspect(*(pod.id for pod in small.pods(SERVER)))
    host = found["HostConfig"]
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Memory"], host["NanoCpus"]) == (
        True,
        ["ALL"],
        2**26,
        5 * 10**8,
    )
    assert host["SecurityOpt"] == ["no-new-privileges"]


async def test_a_service_takes_ready_pods_in_turns(small: Cluster) -> None:
    for name in ("server.shop", "server.shop.svc", "server.shop.svc.cluster.local"):
        await get(small, f"http://{name}:80/")
    told = Counter([(await get(small))["pod"] for _ in range(6)])
    assert sorted(told.values()) == [3, 3]
    closed, other = small.pods(SERVER)
    await small.node.engine.call("exec", closed.id, "touch", "/tmp/closed")

    async def is_out() -> bool:
        return not closed.ready

    await until(is_out, "the pod is still ready")
    assert {(await get(small))["pod"] for _ in range(4)} == {other.identity.name}
    await small.node.engine.call("exec", closed.id, "rm", "/tmp/closed")
    await small.settled(SERVER, seconds=20)
    assert closed.restarts == 0


async def test_who_is_not_let_in_cannot_connect(small: Cluster) -> None:
    """Neither by name nor by any pod's address, while the control can."""
    await get(small)
    addresses = [pod.address for pod in small.pods(SERVER)]
    for host in ("server.shop", *(f"{address}:8000" for address in addresses)):
        with pytest.raises(EngineError, match=r"timed out|[Nn]ame"):
            await get(small, f"http://{host}/", by=STRANGER)


RESOLVE = "import socket, sys; print(socket.gethostbyname(sys.argv[1]))"


async def test_who_may_not_ask_for_names_is_told_none(small: Cluster) -> None:
    """The server's policy leaves no way out, to no name server either; the client has no policy."""
    (client,), (one, other) = small.pods(CLIENT), small.pods(SERVER)
    call = small.node.engine.call
    assert await call("exec", client.id, "python", "-c", RESOLVE, "server.shop")
    with pytest.raises(EngineError, match="name resolution"):
        await call("exec", one.id, "python", "-c", RESOLVE, other.id)


async def test_a_deleted_pod_gets_its_time(small: Cluster) -> None:
    """Out of the Service at once, SIGTERM after preStop, and replaced."""
    gone = small.pods(SERVER)[0]
    deleting = asyncio.create_task(small.delete_pod(SERVER, gone))

    async def out() -> bool:
        return gone.terminating

    await until(out, "the deletion does not begin")
    assert "asked to end" not in await small.node.engine.logs(gone.id)
    assert gone.identity.name not in {(await get(small))["pod"] for _ in range(4)}
    await deleting
    await small.settled(SERVER, seconds=30)
    assert gone not in small.workloads[SERVER].pods


async def test_a_pod_whose_liveness_is_lost_is_started_again(small: Cluster) -> None:
    pod = small.pods(SERVER)[0]
    await small.node.engine.call("exec", pod.id, "touch", "/tmp/dead")

    async def restarted() -> bool:
        return pod.restarts == 1 and pod.ready

    await until(restarted, "it was not started again", 30)


async def test_a_changed_template_is_rolled_and_a_changed_file_is_seen(small: Cluster) -> None:
    before = {pod.id for pod in small.pods(SERVER)}
    text = SMALL.read_text()
    await small.apply(documents(text.replace('version: "1"', 'version: "2"')))
    assert (await get(small))["version"] == "2"
    assert {pod.id for pod in small.pods(SERVER)} == before
    await small.apply(documents(text.replace("checksum/config: one", "checksum/config: two")))
    await small.settled(SERVER, seconds=60)
    assert not before & {pod.id for pod in small.pods(SERVER)}


async def test_a_job_that_fails_says_so(small: Cluster) -> None:
    for code, ends in ((0, True), (1, False)):
        await small.apply(documents(JOB.format(code=code)))
        job = Key("Job", "street", f"job-{code}")
        if ends:
            await small.settled(job, seconds=30)
        else:
            with pytest.raises(Refused, match="failed"):
                await small.settled(job, seconds=30)
        await small.delete([job])


async def test_an_unknown_field_changes_nothing(small: Cluster) -> None:
    before = {pod.id for pod in small.pods(SERVER)}
    with pytest.raises(Refused, match=r"spec\.paused"):
        await small.apply(documents(SMALL.read_text().replace("replicas: 2", "replicas: 3\n  paused: true")))
    await small.settled(seconds=20)
    assert {pod.id for pod in small.pods(SERVER)} == before


async def test_nothing_is_left_of_a_place_that_fails() -> None:
    with pytest.raises(ZeroDivisionError):
        await fails()
    assert not any((await Engine(FAILS).left()).values())


FAILS = f"crossdock-test-{secrets.token_hex(4)}"


async def fails() -> None:
    async with cluster(FAILS, IMAGES) as made:
        await made.apply(documents(SMALL.read_text()))
        assert sum(map(len, (await made.node.engine.left()).values())) > 3
        raise ZeroDivisionError


JOB = """
apiVersion: batch/v1
kind: Job
metadata: {{name: job-{code}, namespace: street}}
spec:
  backoffLimit: 0
  template:
    metadata: {{labels: {{app: job}}}}
    spec:
      restartPolicy: Never
      enableServiceLinks: false
      automountServiceAccountToken: false
      containers:
        - {{name: job, image: "registry.test/python:1", command: [python, -c, "raise SystemExit({code})"]}}
"""
