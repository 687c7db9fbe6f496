"""Who may call what, over every binding; and who may connect to whom inside."""

import asyncio
import base64
import json

import httpx
import yaml

from crossdock.auth.jws import read_claims
from tests.support.kube_place import KubePlace, release
from tests.support.operations import RestCaller, RpcCaller
from tests.support.strangers import asked_for_input, finds_nothing, finds_nothing_over_grpc
from tests.support.verdicts import GOOD, STRANGER, verdicts

CONNECT = """
import socket, sys
for host, port in (each.split(":") for each in sys.argv[1:]):
    try:
        socket.create_connection((host, int(port)), 3).close()
        print(host, port, "connected")
    except OSError as error:
        print(host, port, "refused", type(error).__name__)
"""
STORES = ("redis.crossdock-data:6379", "postgres.crossdock-data:5432")
AGENT = "anomaly-agent.crossdock-agents"
NOBODY = """
apiVersion: v1
kind: Namespace
metadata: {name: nobody, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Pod
metadata: {name: nobody, namespace: nobody, labels: {app.kubernetes.io/name: orchestrator}}
spec:
  enableServiceLinks: false
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  securityContext: {runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
  containers:
    - name: idle
      image: INSTALLER
      command: [python, -c, "import threading; threading.Event().wait()"]
      securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
"""


async def test_a_good_token_comes_in(place: KubePlace) -> None:
    for name, client in (("acme", "acme-caller"), ("globex", "globex-caller"), ("anomaly", "acme-orchestrator")):
        assert await verdicts(place, name, await place.token(client)) == GOOD


async def test_no_token_and_garbage_do_not(place: KubePlace) -> None:
    for token in ("", "garbage", forged(await place.token("acme-caller"))):
        for name in ("acme", "contract"):
            assert await verdicts(place, name, token) == STRANGER, (name, token)


def forged(token: str) -> str:
    """As globex's, with a signature that was made for acme."""
    head, _, signature = token.split(".")
    changed = json.dumps({**read_claims(token), "customer": "globex"}).encode()
    return ".".join((head, base64.urlsafe_b64encode(changed).rstrip(b"=").decode(), signature))


async def test_a_token_for_another_card_does_not(place: KubePlace) -> None:
    caller, orchestrator = await place.token("acme-caller"), await place.token("acme-orchestrator")
    assert await verdicts(place, "anomaly", caller) == STRANGER
    assert await verdicts(place, "acme", orchestrator) == STRANGER
    assert await verdicts(place, "globex", caller) == STRANGER


async def test_another_customers_task_is_not_found_by_any_method(place: KubePlace) -> None:
    theirs = await asked_for_input(place)
    for binding in (RpcCaller, RestCaller):
        globex = binding(place.http(), place.path("anomaly"), await place.headers("globex-orchestrator"))
        await finds_nothing(globex, theirs)
    await finds_nothing_over_grpc(place.grpc("anomaly", await place.token("globex-orchestrator")), theirs)
    acme = await place.rpc("anomaly", "acme-orchestrator")
    assert (await acme.call("GetTask", {"id": theirs.task})).result["id"] == theirs.task


async def test_nothing_else_of_keycloak_can_be_reached(place: KubePlace) -> None:
    http, origin = place.http(), place.domain.realm_host
    for path in (
        "/admin/master/console/",
        "/realms/master/protocol/openid-connect/token",
        "/health/ready",
        "/metrics",
        "/",
    ):
        assert (await http.get(origin + path)).status_code == httpx.codes.NOT_FOUND, path
    found = await http.get(f"{place.issuer}/.well-known/openid-configuration")
    assert found.json()["issuer"] == place.issuer


async def connections(place: KubePlace, name: str, *doors: str) -> dict[str, str]:
    """What became of each attempt from a pod of this release."""
    pod = (await place.pods(release(name)))[0]
    said = await place.execute(pod, "python", "-c", CONNECT, *doors)
    return {f"{host}:{port}": verdict for host, port, verdict, *_ in map(str.split, said.splitlines())}


async def test_only_the_edges_that_the_policies_name_are_open(place: KubePlace) -> None:
    """Each refusal has a control: the same door, open to somebody else."""
    doors = (f"{AGENT}:8080", f"{AGENT}-management:9080", "globex-orchestrator.globex:8080", *STORES)
    found = await connections(place, "acme", *doors)
    assert [door for door in doors if found[door] == "connected"] == [f"{AGENT}:8080", STORES[0]]
    found = await connections(place, "contract", *STORES, "acme-orchestrator.acme:8080")
    assert [door for door, verdict in found.items() if verdict == "connected"] == list(STORES)


async def test_a_stranger_connects_to_nobody(place: KubePlace) -> None:
    """Not even with an orchestrator's label: its namespace is no customer's."""
    doors = (
        f"{AGENT}:8080",
        "acme-orchestrator.acme:8080",
        "keycloak.crossdock-identity:8080",
        "edge.crossdock-edge:8080",
        *STORES,
    )
    await asyncio.to_thread(
        place.kube.apply, list(yaml.safe_load_all(NOBODY.replace("INSTALLER", place.installer.image)))
    )
    try:
        await place.well()
        (pod,) = [each for each in await place.everything() if each.namespace == "nobody"]
        said = await place.execute(pod, "python", "-c", CONNECT, *doors)
        assert "connected" not in said, said
    finally:
        await asyncio.to_thread(place.kube.delete, "namespace", "nobody")
