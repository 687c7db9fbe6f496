"""What the API server lets nobody change in an object that is there: an upgrade that would is refused."""

from collections.abc import Iterable
from typing import Any

from tests.charts.rendering import Manifest

CHANGEABLE_OF_SETS = {
    *("replicas", "template", "updateStrategy", "minReadySeconds", "ordinals", "revisionHistoryLimit"),
    "persistentVolumeClaimRetentionPolicy",
}
CHANGEABLE_OF_CLAIMS = {"resources", "volumeAttributesClassName"}


def fixed(found: Manifest) -> Any:
    """Its fields that stay what they are, by the rules of the API server; None where there are none."""
    spec = found.get("spec", {})
    match found["kind"]:
        case "Deployment":
            return _only(spec, {"selector"})
        case "StatefulSet":
            return _without(spec, CHANGEABLE_OF_SETS)
        case "PersistentVolumeClaim":
            return _without(spec, CHANGEABLE_OF_CLAIMS)
        case "Service":
            return _only(spec, {"clusterIP", "ipFamilies"})
        case "Job":
            return _only(spec, {"selector", "template", "completions", "completionMode"})
        case "ConfigMap" | "Secret" if found.get("immutable"):
            return _only(found, {"data", "type", "immutable"})
        case "RoleBinding" | "ClusterRoleBinding":
            return _only(found, {"roleRef"})
        case "PriorityClass":
            return _only(found, {"value", "preemptionPolicy"})
    return None


def _only(fields: Manifest, names: set[str]) -> Manifest:
    return {name: value for name, value in fields.items() if name in names}


def _without(fields: Manifest, names: set[str]) -> Manifest:
    return {name: value for name, value in fields.items() if name not in names}


def frozen(objects: Iterable[Manifest]) -> dict[str, Any]:
    """By kind and name. A hook is deleted before it is made again."""
    return {
        f"{each['kind']}/{each['metadata']['name']}": kept
        for each in objects
        if "helm.sh/hook" not in each["metadata"].get("annotations", {}) and (kept := fixed(each)) is not None
    }
