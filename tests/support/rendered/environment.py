"""A container's environment, and the references to it in its command."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.rendered.documents import Key, Objects, Refused

REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
LABEL = re.compile(r"metadata\.(labels|annotations)\['([^']+)'\]")


@dataclass(frozen=True)
class Identity:
    """Of a pod."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    service_account: str = "default"

    def field(self, path: str) -> str:
        if found := LABEL.fullmatch(path):
            return (self.labels if found[1] == "labels" else self.annotations).get(found[2], "")
        values = {
            "metadata.name": self.name,
            "metadata.namespace": self.namespace,
            "spec.serviceAccountName": self.service_account,
            "spec.nodeName": "rendered",
        }
        if path not in values:
            raise Refused(f"Pod {self.namespace}/{self.name}: the rendered place has no field {path}.")
        return values[path]


def content(objects: Objects, kind: str, namespace: str, name: str, *, optional: bool = False) -> dict[str, bytes]:
    """Of a ConfigMap or a Secret, by key."""
    found = objects.get(Key(kind, namespace, name))
    if found is None and not optional:
        raise Refused(f"There is no {Key(kind, namespace, name)}; pods that want it would wait for it for ever.")
    document = found or {}
    encoded = "data" if kind == "Secret" else "binaryData"
    plain = "stringData" if kind == "Secret" else "data"
    decoded = {name: base64.b64decode(value) for name, value in (document.get(encoded) or {}).items()}
    return decoded | {name: str(value).encode() for name, value in (document.get(plain) or {}).items()}


def environment(container: Mapping[str, Any], identity: Identity, objects: Objects) -> dict[str, str]:
    found: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        kind, reference = (
            ("Secret", source["secretRef"]) if "secretRef" in source else ("ConfigMap", source["configMapRef"])
        )
        values = content(
            objects, kind, identity.namespace, reference["name"], optional=reference.get("optional", False)
        )
        found |= {source.get("prefix", "") + name: value.decode() for name, value in values.items()}
    for variable in container.get("env") or []:
        if "valueFrom" in variable:
            found[variable["name"]] = _from(variable["valueFrom"], identity, objects)
        else:
            found[variable["name"]] = expanded(str(variable.get("value", "")), found)
    return found


def _from(source: Mapping[str, Any], identity: Identity, objects: Objects) -> str:
    if "fieldRef" in source:
        return identity.field(source["fieldRef"]["fieldPath"])
    kind = "Secret" if "secretKeyRef" in source else "ConfigMap"
    reference = source.get("secretKeyRef") or source["configMapKeyRef"]
    return content(objects, kind, identity.namespace, reference["name"])[reference["key"]].decode()


def expanded(text: str, values: Mapping[str, str]) -> str:
    """`$(NAME)` is replaced where there is such a value; `$$` is a dollar."""
    return REFERENCE.sub(lambda found: "$" if found[0] == "$$" else values.get(found[1], found[0]), text)
