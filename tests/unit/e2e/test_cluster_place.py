"""The suite's place `cluster`, against a kubectl that keeps what it is given and honours selectors."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest

from tests.e2e import test_e2e_boundary
from tests.support import installation
from tests.support.cluster_place import ClusterPlace
from tests.support.installation import ClusterLog
from tests.support.kube_place import release

TOLD = ("DOMAIN", "HTTPS_PORT", "INGRESS_ADDRESS", "INSTALLER_IMAGE", "KUBE_CONTEXT", "REGISTRY", "TAG", "VALUES")


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ClusterLog:
    for name in TOLD:
        monkeypatch.delenv(name, raising=False)
    return installation.repository(tmp_path).cluster(monkeypatch)


def place() -> ClusterPlace:
    return ClusterPlace(AsyncExitStack())


def namespace(name: str, role: str) -> dict[str, Any]:
    return {"kind": "Namespace", "metadata": {"name": name, "labels": {"crossdock.dev/role": role}}}


def pod(namespace: str, name: str, node: str, owner: str, kind: str = "ReplicaSet") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "ownerReferences": [{"kind": kind, "name": owner}]}
    return {"kind": "Pod", "metadata": metadata, "spec": {"nodeName": node}}


async def test_a_pod_of_a_namespace_that_is_nobodys_is_found(kept: ClusterLog) -> None:
    """What is everywhere is looked for where our roles are; a pod that is alone, where it is."""
    cluster = place()
    cluster.kube.apply([namespace("acme", "customer"), pod("acme", "acme-1", "a", "acme")])
    await test_e2e_boundary.test_a_stranger_connects_to_nobody(cluster)
    assert [each.name for each in await cluster.everything()] == ["acme-1"]
    waited = [call for call in kept.calls() if call[0] == "wait"]
    assert [call[1:4] for call in waited] == [["pod/nobody", "--namespace", "nobody"]]
    assert kept.objects("pod") == {"acme/acme-1"}


async def test_a_stranger_that_connects_is_told(kept: ClusterLog) -> None:
    (kept.folder / "said").write_text("redis.crossdock-data 6379 connected\n")
    with pytest.raises(AssertionError, match="connected"):
        await test_e2e_boundary.test_a_stranger_connects_to_nobody(place())


PAIR = [pod("acme", "acme-1", "a", "acme"), pod("acme", "acme-2", "b", "acme")]


@pytest.mark.parametrize(
    ("alone", "node"),
    [
        ([pod("crossdock-data", "redis-0", "a", "redis", "StatefulSet")], "b"),
        ([pod("crossdock-data", "redis-0", "b", "redis", "StatefulSet")], "a"),
        (
            [pod("crossdock-data", "redis-0", "b", "redis"), pod("crossdock-data", "agent", "a", "all", "DaemonSet")],
            "a",
        ),
    ],
)
@pytest.mark.usefixtures("kept")
async def test_a_node_that_is_drained_has_nothing_that_there_is_only_once(
    alone: list[dict[str, Any]], node: str
) -> None:
    cluster = place()
    roles = [namespace("acme", "customer"), namespace("crossdock-data", "data")]
    cluster.kube.apply([*roles, *PAIR, *alone])
    assert await cluster.spare_node() == node


@pytest.mark.usefixtures("kept")
async def test_where_there_is_no_such_node_it_says_so() -> None:
    cluster = place()
    cluster.kube.apply([namespace("acme", "customer"), pod("acme", "acme-1", "a", "acme")])
    with pytest.raises(AssertionError, match="add a node"):
        await cluster.spare_node()


@pytest.mark.usefixtures("kept")
async def test_callers_connect_to_the_ingress_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert place().grpc_of("acme") == ("acme.grpc.crossdock.localhost", "127.0.0.1:443")
    monkeypatch.setenv("INGRESS_ADDRESS", "192.0.2.7")
    monkeypatch.setenv("DOMAIN", "freight.example:8443")
    monkeypatch.setenv("HTTPS_PORT", "9443")  # of the system that Compose runs
    there = place()
    assert there.grpc_of("acme") == ("acme.grpc.freight.example:8443", "192.0.2.7:8443")
    connected: list[tuple[str, int]] = []

    async def connect_tcp(self: object, host: str, port: int, **options: Any) -> None:
        connected.append((host, port))
        raise OSError

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect_tcp)
    async with there.reached(httpx.AsyncClient(trust_env=False)) as http:
        with pytest.raises(OSError):  # noqa: PT011 - the one from above
            await http.get("https://acme.freight.example:8443/")
    assert connected == [("192.0.2.7", 8443)]


async def test_replicas_are_a_value_and_nobody_else_changes_them(
    kept: ClusterLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Where an autoscaler may act, no count holds."""
    log, helm = tmp_path / "helm.log", tmp_path / "helm"
    helm.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{log}\n')
    helm.chmod(0o755)
    monkeypatch.setenv("HELM", str(helm))
    monkeypatch.setenv("VALUES", "ours.yaml")
    cluster = place()
    owned = [pod("crossdock-agents", f"anomaly-{number}", "a", "anomaly") for number in range(4)]
    for each in owned:
        each["metadata"]["labels"] = {"app.kubernetes.io/instance": "anomaly"}
    cluster.kube.apply(owned)
    await cluster.scale(release("anomaly"), 4)
    words = log.read_text().splitlines()
    assert {"replicas=4", "autoscaling.enabled=false", "ours.yaml"} <= set(words)
    assert not [call for call in kept.calls() if call[0] == "scale"]
