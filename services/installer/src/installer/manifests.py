"""The installer's own objects on a cluster, as plain data."""

import base64
from collections.abc import Iterable, Mapping, Sequence

from installer.customer import Customer
from installer.kubectl import Manifest

AGENTS, DATA, EDGE, IDENTITY, SYSTEM = (
    f"crossdock-{role}" for role in ("agents", "data", "edge", "identity", "system")
)
MANAGED = {"app.kubernetes.io/part-of": "crossdock", "app.kubernetes.io/managed-by": "crossdock-installer"}
ROLE, CUSTOMER = "crossdock.dev/role", "crossdock.dev/customer"
JOB_SECONDS = 900
KEPT_SECONDS = 3600


def secret(
    name: str, namespace: str, files: Mapping[str, str], *, labels: Mapping[str, str] | None = None, version: str = ""
) -> Manifest:
    """With `version` it replaces that one only, and none that somebody wrote since."""
    metadata = {"name": name, "namespace": namespace, "labels": {**MANAGED, **(labels or {})}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {**metadata, **({"resourceVersion": version} if version else {})},
        "type": "kubernetes.io/tls" if "tls.key" in files else "Opaque",
        "data": {file: base64.b64encode(content.encode()).decode() for file, content in files.items()},
    }


def contents(found: Manifest) -> dict[str, str]:
    """A Secret's files."""
    return {name: base64.b64decode(value).decode() for name, value in (found.get("data") or {}).items()}


def namespace(customer: Customer, labels: Mapping[str, str]) -> Manifest:
    """`labels` are those that all of Crossdock's namespaces have."""
    own = {**MANAGED, ROLE: "customer", CUSTOMER: customer.name}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": customer.name, "labels": {**labels, **own}}}


def closed(customer: Customer) -> Manifest:
    """Nothing connects from or to the namespace but what its releases open."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "default-deny", "namespace": customer.name, "labels": dict(MANAGED)},
        "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
    }


def job(
    name: str, image: str, arguments: Sequence[str], mounted: Iterable[str], settings: Mapping[str, str]
) -> Manifest:
    """The installer's other half; `mounted` are the Secrets of crossdock-system whose files it sees in one folder."""
    labels = {**MANAGED, "app.kubernetes.io/name": "installer"}
    container = _container(image, arguments, settings)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": SYSTEM, "labels": labels},
        "spec": {
            "backoffLimit": 1,
            "activeDeadlineSeconds": JOB_SECONDS,
            "ttlSecondsAfterFinished": KEPT_SECONDS,
            "template": {"metadata": {"labels": dict(labels)}, "spec": _pod(container, mounted)},
        },
    }


def _pod(container: Manifest, mounted: Iterable[str]) -> Manifest:
    sources = [{"secret": {"name": each}} for each in mounted]
    return {
        "restartPolicy": "Never",
        "serviceAccountName": "installer",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "secrets", "projected": {"defaultMode": 0o440, "sources": sources}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "16Mi"}},
        ],
    }


def _container(image: str, arguments: Sequence[str], settings: Mapping[str, str]) -> Manifest:
    return {
        "name": "installer",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": list(arguments),
        "env": [{"name": f"CROSSDOCK_{key}", "value": value} for key, value in settings.items()],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "192Mi"}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "secrets", "mountPath": "/run/installer/secrets", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }
