"""What the rendered place does not know it refuses, with the path; what has no effect it tells, with the reason."""

import copy
from typing import Any

import pytest

from tests.support.rendered.documents import Objects, Refused, documents
from tests.support.rendered.known import Knowledge
from tests.support.rendered.routes import INGRESS_KINDS

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "a", "namespace": "n"},
    "spec": {
        "template": {
            "metadata": {"labels": {"app": "a"}},
            "spec": {
                "enableServiceLinks": False,
                "automountServiceAccountToken": False,
                "serviceAccountName": "a",
                "containers": [{"name": "a", "image": "i"}],
            },
        }
    },
}


def changed(*path: Any, value: Any) -> dict[str, Any]:
    document: Any = copy.deepcopy(DEPLOYMENT)
    inner = document
    for step in path[:-1]:
        inner = inner.setdefault(step, {}) if isinstance(inner, dict) else inner[step]
    inner[path[-1]] = value
    return document  # type: ignore[no-any-return]


POD = ("spec", "template", "spec")
CONTAINER = (*POD, "containers", 0)


def test_what_has_no_effect_is_told_with_its_reason() -> None:
    knowledge = Knowledge(INGRESS_KINDS)
    knowledge.check([DEPLOYMENT, {"kind": "PodDisruptionBudget", "metadata": {"name": "a"}, "spec": {"any": 1}}])
    told = "\n".join(knowledge.lines())
    assert "Deployment: spec.template.spec.serviceAccountName: there is no API server" in told
    assert "PodDisruptionBudget: " in told


@pytest.mark.parametrize(
    ("document", "path"),
    [
        (changed("spec", "paused", value=True), "Deployment n/a: spec.paused"),
        (changed(*POD, "hostNetwork", value=True), "spec.template.spec.hostNetwork"),
        (changed(*POD, "enableServiceLinks", value=True), "enableServiceLinks: True"),
        (changed(*CONTAINER, "securityContext", value={"privileged": True}), "privileged: True"),
        (changed(*CONTAINER, "livenessProbe", value={"httpGet": {"scheme": "HTTPS"}}), "httpGet.scheme: 'HTTPS'"),
        (changed(*POD, "volumes", value=[{"name": "v", "hostPath": {}}]), "volumes[].hostPath"),
        (changed("spec", "template", "metadata", "annotations", value={"dapr.io/enabled": "true"}), "dapr.io/enabled"),
        (changed("spec", "template", "metadata", "annotations", value={"other.io/a": "b"}), "[other.io/a]"),
        (changed(*POD, "containers", value=[{"name": "a"}, {"name": "b"}]), "pods of other than one container"),
        ({"kind": "DaemonSet", "metadata": {"name": "d", "namespace": "n"}}, "DaemonSet n/d: the kind"),
    ],
)
def test_the_unknown_is_refused_with_its_path(document: dict[str, Any], path: str) -> None:
    with pytest.raises(Refused) as refused:
        Knowledge(INGRESS_KINDS).check([document])
    assert path in str(refused.value)


def test_an_ingress_annotation_that_the_controller_would_reject_is_refused() -> None:
    ingress = {"kind": "Ingress", "metadata": {"name": "i", "namespace": "n"}, "spec": {}}
    for annotation, value in (("nginx.org/proxy-buffering", "off"), ("nginx.ingress.kubernetes.io/limit-rps", "1")):
        ingress["metadata"]["annotations"] = {annotation: value}  # type: ignore[index]
        with pytest.raises(Refused, match=annotation):
            Knowledge(INGRESS_KINDS).check([ingress])


def test_an_object_that_was_changed_since_it_was_read_is_not_replaced() -> None:
    objects, text = Objects(), "{kind: Secret, metadata: {name: s, namespace: n}}"
    objects.put(documents(text))
    (read,) = copy.deepcopy(objects.of("Secret"))
    objects.put(documents(text))
    with pytest.raises(Refused, match="changed since"):
        objects.put([read])
