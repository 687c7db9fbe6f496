"""The place `rendered`: what Helm, kustomize and the installer print, run by the container engine."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import yaml

from crossdock.settings import checked
from installer.compose import ComposePlace
from installer.manifests import EDGE, IDENTITY
from installer.public import Origin
from tests.support.kube_place import CUSTOMERS, SHARED, KubePlace, Pod, release
from tests.support.rendered.api import Api
from tests.support.rendered.cluster import Cluster, cluster
from tests.support.rendered.documents import Key
from tests.support.rendered.helm import ROOT, Release, rendered
from tests.support.rendered.ingress import Controller
from tests.support.rendered.pod import Pod as Rendered
from tests.support.rendered.workloads import Job
from tests.support.stack import project_name, until

OWN = ("anomaly", "contract", "edge", "escalation", "installer", "keycloak", "orchestrator")
FOREIGN = ("postgres:17", "valkey/valkey:8")
SECONDS = 300.0
KEYCLOAK = Key("Deployment", IDENTITY, "keycloak")


def images() -> dict[str, str]:
    """Which image stands for which rendered one: ours as `make images` names them, the others as they are."""
    tag = os.environ.get("TAG", "dev")
    return {f"crossdock/{name}": f"{project_name()}/{name}:{tag}" for name in OWN} | {name: name for name in FOREIGN}


class RenderedPlace(KubePlace):
    kind = "rendered"

    def __init__(self, made: Cluster, exits: AsyncExitStack) -> None:
        super().__init__(Api(made), exits, "crossdock/installer:dev")
        self.cluster = made
        self.controller = Controller(made.node, EDGE, wildcard(), made.services.address, entries())
        made.controller = self.controller

    @property
    def https_port(self) -> int:
        return self.controller.port

    async def start(self) -> None:
        """What is shared starts while Keycloak does, and waits for it as it would on a cluster."""
        preparing = asyncio.create_task(asyncio.to_thread(self.installer.prepare))

        async def applied() -> bool:
            return preparing.done() or KEYCLOAK in self.cluster.workloads

        await until(applied, "the platform is not applied", SECONDS)
        await asyncio.gather(*(self.install(release(name), wait=False) for name in ("edge", *SHARED.values())))
        await preparing
        for name in CUSTOMERS:
            await self.add_customer(name, wait=False)
        await self.well()

    async def install(self, wanted: Release, *, wait: bool = True) -> None:
        await self.cluster.install(f"{wanted.namespace}/{wanted.name}", await rendered(wanted))
        if wait:
            await self.cluster.settled(deployment(wanted), seconds=SECONDS)

    async def uninstall(self, wanted: Release) -> None:
        await self.cluster.uninstall(f"{wanted.namespace}/{wanted.name}")

    async def well(self) -> None:
        await self.cluster.settled(seconds=SECONDS)

    async def pods(self, wanted: Release) -> list[Pod]:
        return [_told(pod) for pod in self.cluster.pods(deployment(wanted))]

    async def everything(self) -> list[Pod]:
        lasting = [each for each in self.cluster.workloads.values() if not isinstance(each, Job)]
        return [_told(pod) for workload in lasting for pod in workload.pods if not pod.terminating]

    async def alone(self, namespace: str, name: str) -> Pod:
        await self.cluster.settled(Key("Pod", namespace, name), seconds=SECONDS)
        (pod,) = [each for each in await self.everything() if (each.namespace, each.name) == (namespace, name)]
        return pod

    async def delete_pod(self, pod: Pod, *, grace: int | None = None) -> None:
        key, found = self._found(pod)
        await self.cluster.delete_pod(key, found, grace)

    async def resize(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        await self.cluster.scale(Key(kind, namespace, name), replicas)
        await self.cluster.settled(Key(kind, namespace, name), seconds=SECONDS)

    @asynccontextmanager
    async def forwarded(self, pod: Pod, port: int) -> AsyncIterator[str]:
        yield f"http://{self._found(pod)[1].address}:{port}"

    async def configuration(self) -> str:
        objects = self.cluster.node.objects
        return "\n".join(json.dumps(objects.get(each)) for each in objects if each.kind != "Secret")

    async def logs(self, pod: Pod) -> str:
        return await self._found(pod)[1].logs()

    async def execute(self, pod: Pod, *command: str) -> str:
        return await self.cluster.node.engine.waited("exec", self._found(pod)[1].id, *command)

    async def left_of(self, namespace: str) -> list[str]:
        """Objects, and what the engine has of it."""
        engine = self.cluster.node.engine
        objects = [str(each) for each in self.cluster.node.objects.within(namespace)]
        return objects + [name for name in await engine.names() if name.startswith(f"{engine.name}-{namespace}-")]

    @asynccontextmanager
    async def other_ingress(self, changes: Mapping[str, str]) -> AsyncIterator[int]:
        """The port of a second controller, whose configuration differs by these texts."""
        address = self.cluster.services.address
        other = Controller(self.cluster.node, EDGE, wildcard(), address, entries(), "other", changes)
        try:
            await other.arrange()
            yield other.port
        finally:
            await other.remove()

    def _found(self, pod: Pod) -> tuple[Key, Rendered]:
        for key, workload in self.cluster.workloads.items():
            for each in workload.pods:
                if (each.identity.namespace, each.identity.name) == (pod.namespace, pod.name):
                    return key, each
        raise AssertionError(f"there is no pod {pod.name}")


def controller() -> dict[str, Any]:
    """The values for the ingress controller's own chart."""
    values = yaml.safe_load((ROOT / "k8s" / "overlays" / "kind" / "ingress-controller.yaml").read_text())
    found: dict[str, Any] = values["controller"]
    return found


def wildcard() -> Key:
    """Its certificate."""
    return Key("Secret", *controller()["wildcardTLS"]["secret"].split("/"))


def entries() -> dict[str, str]:
    """Of its ConfigMap."""
    return dict(controller()["config"]["entries"])


def deployment(wanted: Release) -> Key:
    return Key("Deployment", wanted.namespace, wanted.full_name)


def _told(pod: Rendered) -> Pod:
    return Pod(pod.identity.name, pod.identity.namespace, pod.started, pod.restarts, pod.ready)


def build() -> None:
    """The images, as `make images` does."""
    from installer import launch

    launch.build(ComposePlace(ROOT, ROOT / ".crossdock" / "compose", checked(Origin)).docker)


@asynccontextmanager
async def rendered_place() -> AsyncIterator[RenderedPlace]:
    await asyncio.to_thread(build)
    async with AsyncExitStack() as exits, cluster(f"{project_name()}-rendered", images()) as made:
        yield RenderedPlace(made, exits)
