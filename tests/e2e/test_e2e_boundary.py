"""Who may call what, over every binding; and who may connect to whom inside."""

import asyncio

import yaml

from installer import tester
from installer.manifests import AGENTS, contents
from tests.support.cases.boundary import *  # noqa: F403
from tests.support.kube_place import KubePlace, release
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


async def test_what_an_agents_own_test_calls_with_is_there(place: KubePlace) -> None:
    """`helm test` reads it: two clients that may call the agent, and one that may not."""
    found = await asyncio.to_thread(place.kube.found, "secret", "anomaly-agent-test", AGENTS)
    files = {name: text.strip() for name, text in contents(found).items()}
    for client, key in ((tester.CLIENT, "client-secret"), (tester.STRANGER, "stranger-secret")):
        token = await place.token(client.client_id, files[key])
        assert await verdicts(place, "anomaly", token) == GOOD
    token = await place.token(tester.OTHER.client_id, files["other-secret"])
    assert await verdicts(place, "anomaly", token) == STRANGER


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
        pod = await place.alone("nobody", "nobody")
        said = await place.execute(pod, "python", "-c", CONNECT, *doors)
        assert "connected" not in said, said
    finally:
        await asyncio.to_thread(place.kube.delete, "namespace", "nobody")
