"""What keeps pods: Deployments, StatefulSets, Jobs, and pods of their own."""

import asyncio
import hashlib
import json
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from tests.support.rendered.documents import Document, Key, key
from tests.support.rendered.environment import Identity
from tests.support.rendered.node import Node
from tests.support.rendered.pod import Pod, ports
from tests.support.rendered.rollout import Step, Strategy, next_ordinal, next_step
from tests.support.rendered.selection import Peer
from tests.support.rendered.volumes import volume_name

LETTERS = "bcdfghjklmnpqrstvwxz2456789"


class Workload(ABC):
    """Of one document. All its pods are in one network, which is its own."""

    def __init__(self, node: Node, document: Document) -> None:
        self.node, self.key = node, key(document)
        self.document = document
        self.pods: list[Pod] = []
        self.changed = asyncio.Event()
        self.ending: dict[Pod, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def network(self) -> str:
        return f"{self.node.engine.name}-{self.key.namespace}-{self.key.name}-{self.key.kind.lower()}"

    @property
    def template(self) -> Document:
        found: Document = self.document["spec"]["template"]
        return found

    @property
    def peer(self) -> Peer:
        labels = (self.template.get("metadata") or {}).get("labels") or {}
        return Peer(self.key.namespace, labels, ports(self.template["spec"]))

    @property
    def revision(self) -> str:
        return hashlib.sha256(json.dumps(self.template, sort_keys=True).encode()).hexdigest()[:10]

    def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name=str(self.key))

    def update(self, document: Document) -> None:
        self.document = document
        self.changed.set()

    @property
    @abstractmethod
    def done(self) -> bool:
        """As it should be: `kubectl rollout status`, or `kubectl wait` for a Job."""

    @abstractmethod
    def step(self) -> float:
        """Does what is to do now; seconds until the next look if nothing happens before."""

    async def _work(self) -> None:
        while True:
            self.changed.clear()
            pause = self.step()
            try:
                async with asyncio.timeout(min(pause, 3600)):
                    await self.changed.wait()
            except TimeoutError:
                continue

    def problems(self) -> str:
        told = [
            f"{pod.id}: {pod.phase}{'' if pod.ready else ', not ready'}, {pod.restarts} restarts. {pod.problem}"
            for pod in self.pods
        ]
        return "\n".join(told) or "no pods"

    async def remove(self) -> None:
        if self._task:
            self._task.cancel()
        for pod in list(self.pods):
            self.end(pod)
        await asyncio.gather(*self.ending.values())

    def end(self, pod: Pod, grace: float | None = None) -> "asyncio.Task[None]":
        """Starts its deletion, once."""
        if pod not in self.ending:
            self.ending[pod] = asyncio.create_task(self._ended(pod, grace))
        return self.ending[pod]

    def tasks(self) -> list["asyncio.Task[None]"]:
        """All that go on."""
        return [*([self._task] if self._task else []), *self.ending.values(), *(pod.life for pod in self.pods)]

    async def _ended(self, pod: Pod, grace: float | None) -> None:
        await pod.delete(grace)
        self.pods.remove(pod)
        del self.ending[pod]
        self.node.changed()

    def make(self, name: str, labels: dict[str, str], spec: dict[str, Any]) -> Pod:
        metadata = self.template.get("metadata") or {}
        account = spec.get("serviceAccountName", "default")
        every = {**(metadata.get("labels") or {}), **labels}
        identity = Identity(name, self.key.namespace, every, metadata.get("annotations") or {}, account)
        pod = Pod(self.node, identity, spec, self.network, self.revision)
        self.pods.append(pod)
        return pod


class Replicated(Workload):
    """One that keeps a number of pods."""

    @abstractmethod
    def look(self) -> Step[Pod]:
        """What there is to do now."""

    @property
    def done(self) -> bool:
        return self.look().done and not self.ending


class Deployment(Replicated):
    @property
    def replicas(self) -> int:
        """Its own, or where it leaves them to an autoscaler the least of that."""
        own = self.document["spec"].get("replicas")
        return int(own if own is not None else _least(self.node, self.key))

    def look(self) -> Step[Pod]:
        strategy = Strategy.of(self.document, self.replicas)
        return next_step(self.pods, self.revision, strategy, time.monotonic())

    def step(self) -> float:
        found = self.look()
        for pod in found.delete:
            self.end(pod)
        for _ in range(found.create):
            suffix = "".join(secrets.choice(LETTERS) for _ in range(5))
            self.make(f"{self.key.name}-{self.revision}-{suffix}", {}, self.template["spec"])
        return found.again


class StatefulSet(Replicated):
    @property
    def strategy(self) -> Strategy:
        spec = self.document["spec"]
        return Strategy(int(spec.get("replicas", 1)), 0, 1, False, float(spec.get("minReadySeconds", 0)))

    def look(self) -> Step[Pod]:
        ordered = sorted(self.pods, key=lambda pod: pod.identity.name)
        return next_ordinal(ordered, self.revision, self.strategy, time.monotonic())

    def step(self) -> float:
        found = self.look()
        for pod in found.delete:
            self.end(pod)
        if found.create:
            taken = {pod.identity.name for pod in self.pods}
            names = (f"{self.key.name}-{number}" for number in range(self.strategy.replicas))
            name = next(each for each in names if each not in taken)
            self.make(name, {"statefulset.kubernetes.io/pod-name": name}, self._claiming(name))
        return found.again

    def _claiming(self, name: str) -> dict[str, Any]:
        """Its pod's spec, with a claim of its own for each template of one."""
        volumes = list(self.template["spec"].get("volumes") or [])
        for claim in self.document["spec"].get("volumeClaimTemplates") or []:
            claimed = f"{claim['metadata']['name']}-{name}"
            metadata = {"name": claimed, "namespace": self.key.namespace}
            self.node.objects.put([{"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim["spec"]}])
            volumes.append({"name": claim["metadata"]["name"], "persistentVolumeClaim": {"claimName": claimed}})
        return {**self.template["spec"], "volumes": volumes}

    def claims(self) -> list[str]:
        """The engine's volumes."""
        names = [each["metadata"]["name"] for each in self.document["spec"].get("volumeClaimTemplates") or []]
        every = range(self.strategy.replicas)
        return [
            volume_name(self.node.engine, self.key.namespace, f"{claim}-{self.key.name}-{number}")
            for claim in names
            for number in every
        ]


class Once(Workload):
    """Pods that are not made again when they are gone."""

    def step(self) -> float:
        if not self.pods:
            self.make(self.key.name, {}, self.template["spec"])
        return 3600

    @property
    def template(self) -> Document:
        return self.document

    @property
    def done(self) -> bool:
        return bool(self.pods) and (self.pods[0].ready or self.pods[0].phase == "Succeeded")


class Job(Workload):
    """A pod that is made again after a failure, so often as `backoffLimit` says."""

    def step(self) -> float:
        limit = self.document["spec"].get("backoffLimit", 6)
        if all(pod.phase == "Failed" for pod in self.pods) and len(self.pods) <= limit:
            suffix = "".join(secrets.choice(LETTERS) for _ in range(5))
            self.make(f"{self.key.name}-{suffix}", {"job-name": self.key.name}, self.template["spec"])
        return 3600

    @property
    def done(self) -> bool:
        return any(pod.phase == "Succeeded" for pod in self.pods)

    @property
    def failed(self) -> bool:
        return len(self.pods) > self.document["spec"].get("backoffLimit", 6) and all(
            pod.phase == "Failed" for pod in self.pods
        )


def _least(node: Node, wanted: Key) -> int:
    for scaler in node.objects.of("HorizontalPodAutoscaler", "ScaledObject", namespace=wanted.namespace):
        if scaler["spec"]["scaleTargetRef"]["name"] == wanted.name:
            spec = scaler["spec"]
            return int(spec.get("minReplicas") or spec.get("minReplicaCount") or 1)
    return 1


WORKLOADS: dict[str, Callable[[Node, Document], Workload]] = {
    "Deployment": Deployment,
    "StatefulSet": StatefulSet,
    "Job": Job,
    "Pod": Once,
}
