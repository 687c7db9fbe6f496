"""The place `cluster`: a real one, by kubectl and Helm as programs, in the current context or KUBE_CONTEXT's.

What it is told besides stands at the head of tests/e2e/cluster.sh.
"""

import asyncio
import json
import os
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from installer.kubectl import Kubectl
from tests.support.kube_place import KubePlace, Pod
from tests.support.rendered.helm import Release, program

SECONDS = 600
NAMESPACES = "crossdock.dev/role"


class ClusterPlace(KubePlace):
    kind = "cluster"

    def __init__(self, exits: AsyncExitStack) -> None:
        self.context = os.environ.get("KUBE_CONTEXT", "")
        super().__init__(Kubectl(self.context), exits, os.environ.get("INSTALLER_IMAGE", "crossdock/installer:dev"))

    @property
    def https_port(self) -> int:
        return self.domain.port

    @property
    def ingress_host(self) -> str:
        return os.environ.get("INGRESS_ADDRESS") or super().ingress_host

    async def kubectl(self, *arguments: str, given: str = "") -> str:
        options = ("--context", self.context) if self.context else ()
        return await _said("kubectl", *options, *arguments, given=given)

    async def helm(self, *arguments: str) -> str:
        options = ("--kube-context", self.context) if self.context else ()
        return await _said(program(), *options, *arguments)

    async def start(self) -> None:
        """tests/e2e/cluster.sh has installed everything; it takes it away again, too."""
        await self.well()

    async def install(self, wanted: Release, *, wait: bool = True) -> None:
        waiting = ("--wait", "--timeout", f"{SECONDS}s") if wait else ()
        image = f"image.tag={os.environ.get('TAG', 'dev')},image.registry={os.environ.get('REGISTRY', '')}"
        public = f"platform.domain={self.domain.name},platform.httpsPort={self.domain.port}"
        theirs = ("--values", os.environ["VALUES"]) if os.environ.get("VALUES") else ()
        await self.helm("upgrade", "--install", *wanted.arguments(), *theirs, "--set", f"{image},{public}", *waiting)

    async def uninstall(self, wanted: Release) -> None:
        await self.helm("uninstall", wanted.name, "--namespace", wanted.namespace, "--wait")

    async def well(self) -> None:
        for namespace in await self._namespaces():
            for kind in ("deployment", "statefulset"):
                names = await self.kubectl("get", kind, "--namespace", namespace, "--output", "name")
                for name in names.split():
                    await self.kubectl("rollout", "status", name, "--namespace", namespace, f"--timeout={SECONDS}s")

    async def pods(self, wanted: Release) -> list[Pod]:
        label = f"app.kubernetes.io/instance={wanted.name}"
        return _told(await self._pods("--namespace", wanted.namespace, "--selector", label))

    async def everything(self) -> list[Pod]:
        return [pod for each in await self._namespaces() for pod in _told(await self._pods("--namespace", each))]

    async def alone(self, namespace: str, name: str) -> Pod:
        where = ("--namespace", namespace)
        await self.kubectl("wait", f"pod/{name}", *where, "--for=condition=Ready", f"--timeout={SECONDS}s")
        (pod,) = [each for each in _told(await self._pods(*where)) if each.name == name]
        return pod

    async def spare_node(self) -> str:
        """One that has pods of agents or customers, and none that its owner has only once: that would be away for a
        while, and what is on a volume of the node's own for ever."""
        found = [pod for each in await self._namespaces() for pod in await self._pods("--namespace", each)]
        kept = [pod for pod in found if pod["spec"]["restartPolicy"] == "Always" and _owner(pod)[0] != "DaemonSet"]
        owned = Counter(map(_owner, kept))
        bound = {pod["spec"]["nodeName"] for pod in kept if owned[_owner(pod)] == 1}
        spare = Counter(pod["spec"]["nodeName"] for pod in kept if pod["spec"]["nodeName"] not in bound)
        assert spare, f"every node with pods ({', '.join(sorted(bound))}) has one that is alone: add a node"
        return str(max(sorted(spare), key=spare.__getitem__))

    async def delete_pod(self, pod: Pod, *, grace: int | None = None) -> None:
        how = () if grace is None else (f"--grace-period={grace}", *(("--force",) if not grace else ()))
        await self.kubectl("delete", "pod", pod.name, "--namespace", pod.namespace, *how)

    async def resize(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        what = (f"{kind.lower()}/{name}", "--namespace", namespace)
        await self.kubectl("scale", *what, f"--replicas={replicas}")
        await self.kubectl("rollout", "status", *what, f"--timeout={SECONDS}s")
        if not replicas:
            named = ("--namespace", namespace, "--selector", f"app.kubernetes.io/name={name}")
            await self.kubectl("wait", "pod", *named, "--for=delete", f"--timeout={SECONDS}s")

    @asynccontextmanager
    async def forwarded(self, pod: Pod, port: int) -> AsyncIterator[str]:
        options = ("--context", self.context) if self.context else ()
        what = ("port-forward", f"pod/{pod.name}", f":{port}", "--namespace", pod.namespace, "--address=127.0.0.1")
        process = await asyncio.create_subprocess_exec("kubectl", *options, *what, stdout=subprocess.PIPE)
        assert process.stdout
        try:
            said = (await process.stdout.readline()).decode()  # Forwarding from 127.0.0.1:41231 -> 8080
            assert "127.0.0.1:" in said, f"nothing is forwarded from {pod.name}"
            yield f"http://127.0.0.1:{said.split('127.0.0.1:')[1].split()[0]}"
        finally:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())

    async def configuration(self) -> str:
        kinds = "configmap,deployment,statefulset,pod,service,ingress,networkpolicy"
        every = [await self.kubectl("get", kinds, "-n", each, "-o", "json") for each in await self._namespaces()]
        return "\n".join(every)

    async def logs(self, pod: Pod) -> str:
        return await self.kubectl("logs", pod.name, "--namespace", pod.namespace)

    async def execute(self, pod: Pod, *command: str) -> str:
        return await self.kubectl("exec", pod.name, "--namespace", pod.namespace, "--", *command)

    async def left_of(self, namespace: str) -> list[str]:
        found = await self.kubectl("get", "namespace", namespace, "--ignore-not-found", "--output", "name")
        return found.split()

    async def _namespaces(self) -> list[str]:
        found = await self.kubectl("get", "namespace", "--selector", NAMESPACES, "--output", "name")
        return [each.removeprefix("namespace/") for each in found.split()]

    async def _pods(self, *options: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(await self.kubectl("get", "pods", "--output", "json", *options))[
            "items"
        ]
        return items


def _owner(pod: dict[str, Any]) -> tuple[str, str]:
    """Kind and name; a pod of nobody's is its own."""
    metadata = pod["metadata"]
    (owner,) = metadata.get("ownerReferences") or [{"kind": "Pod", "name": metadata["name"]}]
    return owner["kind"], f"{metadata['namespace']}/{owner['name']}"


def _told(found: list[dict[str, Any]]) -> list[Pod]:
    """Of those that are to run for ever."""
    return [
        Pod(
            each["metadata"]["name"],
            each["metadata"]["namespace"],
            status["state"]["running"]["startedAt"],
            status["restartCount"],
            status["ready"],
        )
        for each in found
        if each["spec"]["restartPolicy"] == "Always" and "deletionTimestamp" not in each["metadata"]
        for status in each["status"].get("containerStatuses", [])[:1]
        if "running" in status["state"]
    ]


async def _said(*command: str, given: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await process.communicate(given.encode())
    assert process.returncode == 0, f"{' '.join(command[:4])}: {err.decode()}"
    return out.decode()


@asynccontextmanager
async def cluster_place() -> AsyncIterator[ClusterPlace]:
    async with AsyncExitStack() as exits:
        yield ClusterPlace(exits)
