"""What the rendered place makes of a Deployment, a Service and a NetworkPolicy."""

import json
from collections import Counter
from typing import Any

from tests.e2e.harness.conftest import CLIENT, SERVER, STRANGER
from tests.support.rendered.cluster import Cluster
from tests.support.rendered.documents import Key
from tests.support.rendered.engine import EngineError
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
        try:
            answer = await get(small, f"http://{host}/", by=STRANGER)
        except EngineError as error:
            assert (
                "timed out" in str(error)
                or "Name or service not known" in str(error)
                or "failure in name" in str(error)
            )
        else:
            raise AssertionError(answer)
