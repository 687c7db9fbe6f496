"""What only a cluster can show."""

import pytest

from tests.support.cluster_place import ClusterPlace
from tests.support.flow import flow
from tests.support.kube_place import CUSTOMERS, release
from tests.support.stack import until

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.only("cluster", "nobody measures the pods, so no autoscaler acts")
async def test_the_autoscaler_adds_pods_under_load(cluster: ClusterPlace) -> None:
    lively = release("anomaly").changed(**{"autoscaling.enabled": "true", "autoscaling.cpuPercent": "10"})
    await cluster.install(lively)

    async def more() -> bool:
        return len(await cluster.pods(lively)) > 2

    async with flow(cluster, *CUSTOMERS):
        await until(more, "no pod was added", 600, pause=2)
    await cluster.scale(release("anomaly"), 2)


@pytest.mark.only("cluster", "there is one machine, so no node to drain")
async def test_a_node_is_drained_under_load(cluster: ClusterPlace) -> None:
    node = await cluster.spare_node()
    async with flow(cluster, *CUSTOMERS) as going:
        await going.more()
        try:
            await cluster.kubectl("drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=600s")
            await cluster.well()
            await going.more()
        finally:
            await cluster.kubectl("uncordon", node)


@pytest.mark.only("cluster", "there is no API server to admit pods")
async def test_a_pod_with_rights_is_not_admitted(cluster: ClusterPlace) -> None:
    wanted = ("run", "privileged", f"--image={cluster.installer.image}", "--privileged", "--restart=Never")
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        await cluster.kubectl(*wanted, "--namespace", "acme")


@pytest.mark.only("cluster", "Helm runs test hooks against an API server")
@pytest.mark.parametrize("name", ["anomaly", "contract", "escalation", *CUSTOMERS])
async def test_helms_own_test_passes(cluster: ClusterPlace, name: str) -> None:
    tested = release(name).changed(**{"test.enabled": "true"})
    await cluster.install(tested)
    await cluster.helm("test", name, "--namespace", tested.namespace, "--timeout", "300s")
    await cluster.install(release(name))
