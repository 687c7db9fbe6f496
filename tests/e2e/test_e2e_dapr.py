"""Orchestrators and agents through their sidecars, which is what only a cluster can show."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.cluster_place import ClusterPlace
from tests.support.flow import flow
from tests.support.kube_place import CUSTOMERS, SHARED, KubePlace, release
from tests.support.long_task import ended_once, working
from tests.support.stack import until
from tests.support.third_customer import NAME
from tests.support.through_sidecar import status, with_sidecar

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.only("cluster", "there is no Dapr control plane"),
]
AGENT = "anomaly-agent.crossdock-agents"
CONNECT = "import socket; socket.create_connection(('anomaly-agent.crossdock-agents', 8080), 5)"


async def switch_on(cluster: ClusterPlace) -> None:
    await asyncio.gather(*(cluster.install(with_sidecar(name)) for name in (*SHARED.values(), *CUSTOMERS)))


async def switch_off(cluster: ClusterPlace) -> None:
    await asyncio.gather(*(cluster.install(release(name)) for name in (*SHARED.values(), *CUSTOMERS)))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sidecars(stood: KubePlace) -> AsyncIterator[None]:
    assert isinstance(stood, ClusterPlace)
    await switch_on(stood)
    yield
    await switch_off(stood)


async def test_dapr_is_switched_on_and_off_under_load(cluster: ClusterPlace) -> None:
    """With it the agents' ports admit no pod that goes past its sidecar."""
    async with flow(cluster, *CUSTOMERS) as going:
        await switch_on(cluster)
        await going.more()
        pod = (await cluster.pods(release("acme")))[0]
        with pytest.raises(AssertionError, match="Error"):
            await cluster.execute(pod, "python", "-c", CONNECT)
        await switch_off(cluster)
        await going.more()


async def told(cluster: ClusterPlace, name: str, wanted: int) -> None:
    """Until the sidecars of all pods of the customer's orchestrator answer so."""

    async def so() -> bool:
        pods = await cluster.pods(release(name))
        return bool(pods) and {await status(cluster, pod, AGENT) for pod in pods} == {wanted}

    await until(so, f"the sidecars of {name} do not answer {wanted}", 180, pause=2)


@pytest.mark.usefixtures("sidecars")
async def test_an_orchestrator_that_is_not_listed_is_denied_by_the_agents_sidecar(cluster: ClusterPlace) -> None:
    """Its network and its certificate let it through: the list alone does not."""
    for name in CUSTOMERS:
        await told(cluster, name, 200)
    await cluster.install(with_sidecar("anomaly", "acme"))
    try:
        await told(cluster, "globex", 403)
        await told(cluster, "acme", 200)
    finally:
        await cluster.install(with_sidecar("anomaly"))
    await told(cluster, "globex", 200)


@pytest.mark.usefixtures("described", "sidecars")
async def test_a_third_customer_is_onboarded_through_a_policy_that_is_added(cluster: ClusterPlace) -> None:
    """Sidecars read their policies again, which cuts what goes through them: no task is lost, every stream goes on."""
    before = {name: set(await cluster.pods(release(name))) for name in (*SHARED.values(), *CUSTOMERS)}
    async with flow(cluster, *CUSTOMERS) as going, working(cluster) as task:
        await asyncio.to_thread(cluster.installer.add, NAME)
        await cluster.install(with_sidecar(NAME))
        await told(cluster, NAME, 403)
        await asyncio.gather(*(cluster.install(with_sidecar(agent, *CUSTOMERS, NAME)) for agent in SHARED.values()))
        await told(cluster, NAME, 200)
        async with flow(cluster, NAME) as theirs:
            await theirs.more(1)
        await going.more()
    await ended_once(cluster, task)
    assert task.numbers == list(range(task.numbers[0], task.last + 1))
    assert {name: set(await cluster.pods(release(name))) for name in before} == before
    await cluster.remove_customer(NAME)
    await asyncio.gather(*(cluster.install(with_sidecar(agent)) for agent in SHARED.values()))
