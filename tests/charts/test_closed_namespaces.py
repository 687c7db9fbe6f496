"""A pod that no release knows is closed in every namespace; an ingress controller beside the edge is not."""

import pytest

from tests.charts.kustomized import kustomized
from tests.charts.rendering import Manifest, matches

OPEN = [{"app.kubernetes.io/name": "nginx-ingress"}, {"gateway.networking.k8s.io/gateway-name": "crossdock"}]


def denying(namespace: str) -> Manifest:
    (found,) = [
        each
        for each in kustomized("k8s/base").of("NetworkPolicy")
        if (each["metadata"]["namespace"], each["metadata"]["name"]) == (namespace, "default-deny")
    ]
    return dict(found["spec"])


@pytest.mark.parametrize("role", ["agents", "data", "edge", "identity", "system"])
def test_an_unknown_pod_is_closed(role: str) -> None:
    spec = denying(f"crossdock-{role}")
    assert matches(spec["podSelector"], {"app": "stranger"})
    assert sorted(spec["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in spec
    assert "egress" not in spec


def test_a_controller_beside_the_edge_is_open() -> None:
    selector = denying("crossdock-edge")["podSelector"]
    assert not [labels for labels in OPEN if matches(selector, labels)]
