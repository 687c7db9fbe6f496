"""What the rendered place knows of Kubernetes. Everything else is refused, with its path."""

from collections.abc import Iterable
from typing import Any

from tests.support.rendered.documents import Document, Refused, key
from tests.support.rendered.shapes import USED, Each, Names, NoEffect, Only, Shape, compared

NO_API = NoEffect("there is no API server, so no identity towards it")
LABELS = USED
TOLD = NoEffect("told to people")
SCALED = NoEffect("nobody measures the load; its minReplicas are kept")
PLACED = NoEffect("there is one machine, so nothing to be placed or evicted")
LOCAL = NoEffect("images are local")
SIDECAR = NoEffect("there is no Dapr control plane, so nothing is injected and no sidecar asks for it")

ANNOTATIONS = Names(
    {
        "checksum/": USED,
        "rollout/": USED,
        "dapr.io/enabled": Only(("false",)),
        "kubectl.kubernetes.io/default-container": TOLD,
        "prometheus.io/": NoEffect("nobody scrapes"),
        "cert-manager.io/": NoEffect("there is no cert-manager; the certificate is made by the harness"),
        "helm.sh/resource-policy": NoEffect("uninstalling is asserted to leave nothing"),
        "crossdock.dev/": USED,
    }
)
METADATA: Shape = {
    "name": USED,
    "namespace": USED,
    "labels": LABELS,
    "annotations": ANNOTATIONS,
    "resourceVersion": USED,
}
TOP: dict[str, Shape] = {"apiVersion": USED, "kind": USED, "metadata": METADATA}

HTTP_GET: Shape = {"path": USED, "port": USED, "scheme": Only(("HTTP",)), "httpHeaders": USED}
PROBE: Shape = {
    "httpGet": HTTP_GET,
    "exec": {"command": USED},
    "tcpSocket": {"port": USED},
    "grpc": {"port": USED, "service": USED},
    **dict.fromkeys(
        ("initialDelaySeconds", "periodSeconds", "timeoutSeconds", "successThreshold", "failureThreshold"), USED
    ),
}
CONTAINER: Shape = {
    "name": USED,
    "image": USED,
    "imagePullPolicy": LOCAL,
    "command": USED,
    "args": USED,
    "workingDir": USED,
    "env": Each(
        {"name": USED, "value": USED, "valueFrom": {"fieldRef": USED, "secretKeyRef": USED, "configMapKeyRef": USED}}
    ),
    "envFrom": Each({"configMapRef": USED, "secretRef": USED, "prefix": USED}),
    "ports": Each({"name": USED, "containerPort": USED, "protocol": Only(("TCP",))}),
    "resources": {
        "limits": {
            "memory": USED,
            "cpu": USED,
            "ephemeral-storage": NoEffect("the root is read-only, and volumes have sizes"),
        },
        "requests": PLACED,
    },
    "securityContext": {
        "runAsUser": USED,
        "runAsGroup": USED,
        "runAsNonRoot": USED,
        "readOnlyRootFilesystem": USED,
        "allowPrivilegeEscalation": Only((False,)),
        "privileged": Only((False,)),
        "capabilities": {"drop": Only((["ALL"],))},
        "seccompProfile": {"type": Only(("RuntimeDefault",))},
    },
    "volumeMounts": Each({"name": USED, "mountPath": USED, "subPath": USED, "readOnly": USED}),
    "startupProbe": PROBE,
    "readinessProbe": PROBE,
    "livenessProbe": PROBE,
    "lifecycle": {"preStop": {"sleep": {"seconds": USED}, "exec": {"command": USED}}},
    "terminationMessagePolicy": TOLD,
}
ITEMS = Each({"key": USED, "path": USED, "mode": USED})
PROJECTED: Shape = {
    "defaultMode": USED,
    "sources": Each(
        {
            "secret": {"name": USED, "items": ITEMS, "optional": USED},
            "configMap": {"name": USED, "items": ITEMS, "optional": USED},
        }
    ),
}
VOLUME: Shape = {
    "name": USED,
    "configMap": {"name": USED, "items": ITEMS, "defaultMode": USED, "optional": USED},
    "secret": {"secretName": USED, "items": ITEMS, "defaultMode": USED, "optional": USED},
    "projected": PROJECTED,
    "emptyDir": {"sizeLimit": USED, "medium": Only(("", "Memory"))},
    "persistentVolumeClaim": {"claimName": USED},
}
POD: Shape = {
    "containers": Each(CONTAINER),
    "initContainers": Each(CONTAINER),
    "volumes": Each(VOLUME),
    "restartPolicy": Only(("Always", "OnFailure", "Never")),
    "terminationGracePeriodSeconds": USED,
    "activeDeadlineSeconds": USED,
    "enableServiceLinks": Only((False,)),
    "automountServiceAccountToken": Only((False,)),
    "serviceAccountName": NO_API,
    "securityContext": {
        "runAsNonRoot": USED,
        "runAsUser": USED,
        "runAsGroup": USED,
        "fsGroup": USED,
        "fsGroupChangePolicy": Only(("OnRootMismatch", "Always")),
        "supplementalGroups": USED,
        "seccompProfile": {"type": Only(("RuntimeDefault",))},
    },
    "hostUsers": NoEffect("user namespaces are a setting of the whole engine"),
    "imagePullSecrets": LOCAL,
    **dict.fromkeys(
        ("affinity", "nodeSelector", "tolerations", "topologySpreadConstraints", "priorityClassName"), PLACED
    ),
}
TEMPLATE: Shape = {"metadata": {"labels": LABELS, "annotations": ANNOTATIONS}, "spec": POD}
CLAIM: Shape = {
    "accessModes": PLACED,
    "storageClassName": PLACED,
    "resources": NoEffect("the engine's volumes have no sizes"),
    "volumeMode": Only(("Filesystem",)),
}
PORT_RULE: Shape = {"port": USED, "endPort": USED, "protocol": Only(("TCP", "UDP"))}
PEER: Shape = {"podSelector": USED, "namespaceSelector": USED, "ipBlock": USED}
BACKEND: Shape = {"service": {"name": USED, "port": {"name": USED, "number": USED}}}
INGRESS_RULE: Shape = {
    "host": USED,
    "http": {
        "paths": Each(
            {"path": USED, "pathType": Only(("Prefix", "Exact", "ImplementationSpecific")), "backend": BACKEND}
        )
    },
}

KINDS: dict[str, Shape] = {
    "Namespace": {**TOP, "spec": TOLD},
    "ConfigMap": {**TOP, "data": USED, "binaryData": USED, "immutable": TOLD},
    "Secret": {**TOP, "data": USED, "stringData": USED, "type": TOLD, "immutable": TOLD},
    "Deployment": {
        **TOP,
        "spec": {
            "replicas": USED,
            "selector": USED,
            "template": TEMPLATE,
            "minReadySeconds": USED,
            "strategy": {
                "type": Only(("RollingUpdate", "Recreate")),
                "rollingUpdate": {"maxSurge": USED, "maxUnavailable": USED},
            },
            "revisionHistoryLimit": NoEffect("no revision is kept: going back is applying the former rendering"),
            "progressDeadlineSeconds": NoEffect("who waits for a rollout says for how long"),
        },
    },
    "StatefulSet": {
        **TOP,
        "spec": {
            "replicas": USED,
            "selector": USED,
            "template": TEMPLATE,
            "serviceName": USED,
            "minReadySeconds": USED,
            "podManagementPolicy": Only(("OrderedReady", "Parallel")),
            "updateStrategy": {"type": Only(("RollingUpdate",))},
            "volumeClaimTemplates": Each({"apiVersion": USED, "kind": USED, "metadata": METADATA, "spec": CLAIM}),
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": USED, "whenScaled": Only(("Retain",))},
            "revisionHistoryLimit": NoEffect("no revision is kept: going back is applying the former rendering"),
        },
    },
    "Job": {
        **TOP,
        "spec": {
            "template": TEMPLATE,
            "backoffLimit": USED,
            "activeDeadlineSeconds": USED,
            "ttlSecondsAfterFinished": NoEffect("a Job's pod stays for its log until the Job is deleted"),
            "completions": Only((1,)),
            "parallelism": Only((1,)),
        },
    },
    "Pod": {**TOP, "spec": POD},
    "PersistentVolumeClaim": {**TOP, "spec": CLAIM},
    "Service": {
        **TOP,
        "spec": {
            "type": Only(("ClusterIP",)),
            "clusterIP": Only(("None",)),
            "selector": USED,
            "ports": Each(
                {"name": USED, "port": USED, "targetPort": USED, "protocol": Only(("TCP",)), "appProtocol": TOLD}
            ),
            "publishNotReadyAddresses": USED,
            "sessionAffinity": Only(("None",)),
            "ipFamilyPolicy": NoEffect("the engine's networks are of one family"),
            "trafficDistribution": PLACED,
        },
    },
    "NetworkPolicy": {
        **TOP,
        "spec": {
            "podSelector": USED,
            "policyTypes": USED,
            "ingress": Each({"from": Each(PEER), "ports": Each(PORT_RULE)}),
            "egress": Each({"to": Each(PEER), "ports": Each(PORT_RULE)}),
        },
    },
}
WITHOUT_EFFECT: dict[str, str] = {
    "ServiceAccount": NO_API.reason,
    "Role": NO_API.reason,
    "RoleBinding": NO_API.reason,
    "ClusterRole": NO_API.reason,
    "ClusterRoleBinding": NO_API.reason,
    "HorizontalPodAutoscaler": SCALED.reason,
    "ScaledObject": SCALED.reason,
    "PodDisruptionBudget": PLACED.reason,
    "PriorityClass": PLACED.reason,
    "ResourceQuota": PLACED.reason,
    "LimitRange": PLACED.reason,
    "ServiceMonitor": "nobody scrapes",
    "PodMonitor": "nobody scrapes",
    "Configuration": SIDECAR.reason,
    "Resiliency": SIDECAR.reason,
}
"""Kinds of which nothing becomes a container, a network or a name."""


class Knowledge:
    """Checks documents, and collects what of them has no effect. `more` are kinds that somebody else acts on."""

    def __init__(self, more: dict[str, Shape]) -> None:
        self._kinds = KINDS | more
        self.without_effect: dict[str, str] = {}

    def check(self, documents: Iterable[Document]) -> None:
        """Raises `Refused` with every path that is not known."""
        unknown = [problem for document in documents for problem in self._unknown(document)]
        if unknown:
            raise Refused("The rendered place does not know:\n  " + "\n  ".join(unknown))

    def _unknown(self, document: Document) -> list[str]:
        kind = document["kind"]
        if kind in WITHOUT_EFFECT:
            self.without_effect[kind] = WITHOUT_EFFECT[kind]
            return []
        if kind not in self._kinds:
            return [f"{key(document)}: the kind"]
        unknown = []
        for remark in compared(document, self._kinds[kind], ""):
            if remark.reason:
                self.without_effect[f"{kind}: {remark.path}"] = remark.reason
            else:
                unknown.append(f"{key(document)}: {remark.path}")
        return unknown + _contradictions(document)

    def lines(self) -> list[str]:
        return [f"{path}: {reason}" for path, reason in sorted(self.without_effect.items())]


def _contradictions(document: Document) -> list[str]:
    """What no single field shows."""
    pod = pod_spec(document)
    problems = []
    if pod is not None:
        if len(pod["containers"]) != 1:
            problems.append(f"{key(document)}: pods of other than one container")
        problems += [
            f"{key(document)}: {name} must be false, since its default is true"
            for name in ("enableServiceLinks", "automountServiceAccountToken")
            if name not in pod
        ]
    return problems


def pod_spec(document: Document) -> dict[str, Any] | None:
    """Of a kind that makes pods."""
    match document["kind"]:
        case "Pod":
            return dict(document["spec"])
        case "Deployment" | "StatefulSet" | "Job":
            return dict(document["spec"]["template"]["spec"])
    return None
