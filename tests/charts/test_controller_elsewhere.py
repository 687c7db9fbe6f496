"""An ingress controller outside of the edge's namespace: docs/operations.md lets it in, and no other."""

import re
from typing import Any

import kubernetes_validate
import yaml

from tests.charts.kustomized import kustomized
from tests.charts.rendering import LATEST, ROOT, Manifest, Scenario, matches, render
from tests.charts.scenarios import CUSTOMERS

PLACE = {"kubernetes.io/metadata.name": "ingress-nginx"}


def told() -> Manifest:
    text = (ROOT / "docs" / "operations.md").read_text()
    found: list[Any] = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)]
    (policy,) = [each for each in found if each.get("kind") == "NetworkPolicy"]
    return dict(policy)


def lets_in(policy: Manifest) -> bool:
    return any(
        matches(peer.get("namespaceSelector", {}), PLACE) for rule in policy["spec"]["ingress"] for peer in rule["from"]
    )


def test_the_policy_that_is_told_is_what_keycloak_needs() -> None:
    policy = told()
    kubernetes_validate.validate(policy, LATEST, strict=True)
    (keycloak,) = [pod for pod in kustomized("k8s/base").pods if pod.name == "keycloak"]
    assert policy["metadata"]["namespace"] == keycloak.owner["metadata"]["namespace"]
    assert matches(policy["spec"]["podSelector"], keycloak.labels)
    ports = {each["name"] for each in keycloak.containers[0]["ports"]}
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} <= ports
    assert lets_in(policy)
    base = [each for each in kustomized("k8s/base/identity").of("NetworkPolicy") if each["spec"].get("ingress")]
    assert not [each for each in base if lets_in(each)]


def test_releases_let_it_in_by_the_value_that_is_told() -> None:
    acme = CUSTOMERS[0]
    settings = (f"ingress.namespace={PLACE['kubernetes.io/metadata.name']}",)
    release = render(Scenario(acme.chart, acme.release, acme.namespace, acme.files, settings, "elsewhere"))
    assert lets_in(release.of("NetworkPolicy")[0])


def test_the_gateways_check_knows_no_clusters_domain() -> None:
    acme = CUSTOMERS[0]
    settings = ("ingress.provider=gateway",)
    release = render(Scenario(acme.chart, acme.release, acme.namespace, acme.files, settings, "gateway"))
    (asked,) = release.of("SnippetsFilter")
    assert (
        "proxy_pass http://edge.crossdock-edge.svc:8080/check/acme-orchestrator;"
        in asked["spec"]["snippets"][0]["value"]
    )
