"""The rendered place as a cluster is asked: like `installer.kubectl.Kubectl`, and as that from other threads."""

import asyncio
import copy
from collections.abc import Coroutine, Iterable
from typing import Any

from tests.support.kustomize import kustomized
from tests.support.rendered.cluster import Cluster
from tests.support.rendered.documents import CLUSTER_WIDE, Document, Key, documents
from tests.support.rendered.selection import selects

KINDS = {kind.lower(): kind for kind in ("Secret", "Namespace", "Job", "Deployment", "ConfigMap", "Service")}
SECONDS = 120.0


class Api:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster, self._loop = cluster, asyncio.get_running_loop()

    def apply(self, manifests: Iterable[Document]) -> None:
        self._do(self._cluster.apply(copy.deepcopy(list(manifests))))

    def apply_folder(self, folder: str) -> None:
        """What kustomize makes of it."""
        self._do(self._cluster.apply(documents(kustomized(folder))))

    def found(self, kind: str, name: str, namespace: str = "") -> Document | None:
        return copy.deepcopy(self._cluster.node.objects.get(_key(kind, name, namespace)))

    def labelled(self, kind: str, label: str, namespace: str) -> list[Document]:
        asked = {"matchExpressions": [{"key": label, "operator": "Exists"}]}
        found = self._cluster.node.objects.of(KINDS[kind], namespace=namespace)
        return copy.deepcopy([each for each in found if selects(asked, each["metadata"].get("labels") or {})])

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        key = _key(kind, name, namespace)
        if self._cluster.node.objects.get(key) is not None:
            self._do(self._cluster.delete([key]))

    def run_job(self, job: Document, seconds: float) -> None:
        """In place of an earlier one of its name. Raises `Refused` with its last words if it fails."""
        named = _key("job", job["metadata"]["name"], job["metadata"]["namespace"])
        self.delete("job", named.name, named.namespace)
        self.apply([job])
        self._do(self._cluster.settled(named, seconds=seconds), seconds + 10)

    def _do(self, work: Coroutine[Any, Any, Any], seconds: float = SECONDS) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)


def _key(kind: str, name: str, namespace: str) -> Key:
    known = KINDS.get(kind.lower(), kind)
    return Key(known, "" if known in CLUSTER_WIDE else namespace, name)
