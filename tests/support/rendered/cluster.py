"""The rendered place: takes manifests as a cluster does, and runs them with the container engine."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.rendered.documents import Document, Key, Objects, Refused, key
from tests.support.rendered.engine import Engine
from tests.support.rendered.ingress import Controller
from tests.support.rendered.known import Knowledge
from tests.support.rendered.node import Node
from tests.support.rendered.pod import Pod
from tests.support.rendered.routes import INGRESS_KINDS
from tests.support.rendered.services import Client, Networks, Services
from tests.support.rendered.workloads import WORKLOADS, Job, StatefulSet, Workload

HOOK = "helm.sh/hook"
PAUSE = 0.05


class Cluster:
    """Use `cluster(...)`."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.knowledge = Knowledge(INGRESS_KINDS)
        self.workloads: dict[Key, Workload] = {}
        self.networks = Networks(node)
        self.services = Services(node, self.workloads)
        self.controller: Controller | None = None
        """Carries requests in, from the first Ingress on."""
        self._releases: dict[str, set[Key]] = {}
        self._arranging = asyncio.Lock()
        self.node.changed = self._changed

    async def apply(self, documents: Iterable[Document]) -> None:
        """`kubectl apply`. Raises `Refused` before anything is changed."""
        taken = list(documents)
        self.knowledge.check(taken)
        self._housed(taken)
        async with self._arranging:
            self.node.objects.put(taken)
            self._rewrite(taken)
            changed = [each for each in taken if each["kind"] in WORKLOADS]
            new = [self._known(each) for each in changed if key(each) not in self.workloads]
            await self._arrange()
            for document in changed:
                self.workloads[key(document)].update(document)
            for workload in new:
                workload.start()
        self._changed()

    async def install(self, release: str, documents: Iterable[Document]) -> None:
        """`helm upgrade --install`, without its hooks: what the last rendering had and this one lacks is deleted."""
        wanted = [each for each in documents if HOOK not in (each["metadata"].get("annotations") or {})]
        kept = {key(each) for each in wanted}
        await self.apply(wanted)
        await self.delete(self._releases.get(release, set()) - kept)
        self._releases[release] = kept

    async def uninstall(self, release: str) -> None:
        await self.delete(self._releases.pop(release))

    async def delete(self, keys: Iterable[Key]) -> None:
        """Until all is gone, pods after their grace time."""
        gone = list(keys)
        for namespace in [each.name for each in gone if each.kind == "Namespace"]:
            gone += [each for each in self.node.objects.within(namespace) if each not in gone]
        ending = [self.workloads[each] for each in gone if each in self.workloads]
        await asyncio.gather(*(each.remove() for each in ending))
        async with self._arranging:
            claims = [name for each in gone if each.kind == "Namespace" for name in self._claims(each.name)]
            self.node.objects.drop(gone)
            for workload in ending:
                self.workloads.pop(workload.key, None)
            await self._arrange()
            for workload in ending:
                await self.networks.drop(workload.network)
            if claims:
                await self.node.engine.call("volume", "rm", "--force", *claims)

    async def scale(self, wanted: Key, replicas: int) -> None:
        workload = self.workloads[wanted]
        document = {**workload.document, "spec": {**workload.document["spec"], "replicas": replicas}}
        self.node.objects.put([document])
        workload.update(document)

    async def settled(self, *wanted: Key, seconds: float) -> None:
        """Until these (all but Jobs, by default) are rolled out or complete. Raises `Refused` that says what is not."""
        chosen = [self.workloads[each] for each in wanted] or [
            each for each in self.workloads.values() if not isinstance(each, Job)
        ]
        try:
            async with asyncio.timeout(seconds):
                while not all(each.done for each in chosen):
                    self._look(chosen)
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            raise Refused(await self._told([each for each in chosen if not each.done], seconds)) from None

    def _look(self, chosen: Sequence[Workload]) -> None:
        for workload in chosen:
            if isinstance(workload, Job) and workload.failed:
                raise Refused(f"{workload.key} failed.\n{workload.problems()}")

    async def _told(self, late: Sequence[Workload], seconds: float) -> str:
        told = [f"Not settled within {seconds:g} s:"]
        for workload in late:
            told.append(f"{workload.key}\n{workload.problems()}")
            told += [(await pod.logs())[-1500:] for pod in workload.pods[:1]]
        return "\n".join(told)

    def pods(self, wanted: Key) -> list[Pod]:
        """Those that are not being deleted."""
        return [pod for pod in self.workloads[wanted].pods if not pod.terminating]

    async def delete_pod(self, wanted: Key, pod: Pod, grace: float | None = None) -> None:
        await self.workloads[wanted].end(pod, grace)

    def _known(self, document: Document) -> Workload:
        workload = WORKLOADS[document["kind"]](self.node, document)
        self.workloads[workload.key] = workload
        return workload

    def _housed(self, documents: Sequence[Document]) -> None:
        new = {each["metadata"]["name"] for each in documents if each["kind"] == "Namespace"}
        for namespace in {key(each).namespace for each in documents} - new - {""}:
            self.node.objects.namespace_labels(namespace)

    def _rewrite(self, documents: Sequence[Document]) -> None:
        """Files of a ConfigMap or a Secret that is mounted already."""
        about = {key(each).namespace for each in documents if each["kind"] in {"ConfigMap", "Secret"}}
        for workload in self.workloads.values():
            if workload.key.namespace in about:
                for pod in workload.pods:
                    if pod.phase == "Running":
                        pod.volumes.write()

    async def _arrange(self) -> None:
        for workload in self.workloads.values():
            await self.networks.have(workload.network, workload.peer)
        controller = self.controller if self.node.objects.of("Ingress") else None
        if controller:
            await self.networks.have(controller.network, controller.peer)
            self.services.clients = [Client(controller.peer, controller.network)]
        await self.services.arrange()
        if controller:
            await controller.arrange()

    def _claims(self, namespace: str) -> list[str]:
        sets = [
            each
            for each in self.workloads.values()
            if isinstance(each, StatefulSet) and each.key.namespace == namespace
        ]
        return [claim for each in sets for claim in each.claims()]

    def _changed(self) -> None:
        self.services.tell()
        for workload in self.workloads.values():
            workload.changed.set()

    async def close(self) -> None:
        """Nothing is looked after any more; what is left is the engine's to remove."""
        tasks = [task for each in self.workloads.values() for task in each.tasks()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def cluster(name: str, images: Mapping[str, str]) -> AsyncIterator[Cluster]:
    """Everything has the label of `name`, and is gone at the end."""
    engine = Engine(name)
    await engine.clear()
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
        made = Cluster(Node(engine, Path(folder), Objects(), images))
        listening = asyncio.create_task(made.node.listen())
        try:
            yield made
        finally:
            await asyncio.shield(_ended(made, engine, listening))


async def _ended(made: Cluster, engine: Engine, listening: "asyncio.Task[None]") -> None:
    try:
        await made.close()
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        await made.node.http.aclose()
        await engine.clear()
