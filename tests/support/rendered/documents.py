"""Kubernetes objects as YAML documents have them."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import yaml

Document = dict[str, Any]
CLUSTER_WIDE = frozenset(
    {"Namespace", "ClusterRole", "ClusterRoleBinding", "PriorityClass", "CustomResourceDefinition"}
)
BUILT_IN = frozenset({"default", "kube-node-lease", "kube-public", "kube-system"})
"""Namespaces that every cluster has."""


class Refused(Exception):
    """The rendered place cannot stand for a cluster here; the text says where and why."""


class Key(NamedTuple):
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


def documents(text: str, namespace: str = "default") -> list[Document]:
    """Those of a YAML stream; `namespace` is where objects go that name none."""
    found = [document for document in yaml.safe_load_all(text) if document]
    return [_placed(each, namespace) for document in found for each in _single(document)]


def _single(document: Document) -> Iterator[Document]:
    if document.get("kind") == "List":
        yield from document["items"]
    else:
        yield document


def _placed(document: Document, namespace: str) -> Document:
    metadata = document.setdefault("metadata", {})
    if document.get("kind") not in CLUSTER_WIDE:
        metadata.setdefault("namespace", namespace)
    return document


def key(document: Document) -> Key:
    metadata = document["metadata"]
    return Key(document["kind"], metadata.get("namespace", ""), metadata["name"])


class Objects:
    """What was applied, by kind, namespace and name."""

    def __init__(self) -> None:
        self._kept: dict[Key, Document] = {}
        self._versions = itertools.count(1)

    def put(self, added: Iterable[Document]) -> None:
        """One that names a `resourceVersion` replaces that version only. Raises `Refused`."""
        for each in added:
            named, metadata = key(each), each["metadata"]
            before = self._kept.get(named)
            if metadata.get("resourceVersion") not in {None, before and before["metadata"]["resourceVersion"]}:
                raise Refused(f"{named} was changed since it was read.")
            metadata["resourceVersion"] = str(next(self._versions))
            self._kept[named] = each

    def drop(self, keys: Iterable[Key]) -> None:
        for each in keys:
            self._kept.pop(each, None)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._kept)

    def get(self, wanted: Key) -> Document | None:
        return self._kept.get(wanted)

    def of(self, *kinds: str, namespace: str = "") -> list[Document]:
        """In the order in which they were applied; of one namespace where it is given."""
        return [
            document
            for each, document in self._kept.items()
            if each.kind in kinds and namespace in {"", each.namespace}
        ]

    def within(self, namespace: str) -> list[Key]:
        return [each for each in self._kept if each.namespace == namespace or each == Key("Namespace", "", namespace)]

    def namespace_labels(self, namespace: str) -> dict[str, str]:
        """With the label that every cluster adds."""
        found = self.get(Key("Namespace", "", namespace))
        if found is None and namespace not in BUILT_IN:
            raise Refused(f"There is no namespace {namespace}. Apply it first.")
        labels = found["metadata"].get("labels", {}) if found else {}
        return {**labels, "kubernetes.io/metadata.name": namespace}
