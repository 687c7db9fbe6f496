"""What Helm would render, and the API server refuse or no pod get any good of, is refused before."""

from pathlib import Path

import pytest
import yaml

from tests.charts.rendering import Refused, Scenario, render
from tests.charts.scenarios import AGENTS, CUSTOMERS, of_chart
from tests.charts.test_refusals import refusal

ACME, ANOMALY, EDGE = CUSTOMERS[0], AGENTS[0], of_chart("edge")[0]
STORED = ("secrets.source=external-secrets", "secrets.externalSecrets.storeName=vault")


@pytest.mark.parametrize(
    ("scenario", "setting", "told"),
    [
        (ACME, "ingress.namespace=a b", "ingress/namespace"),
        (ACME, "ingress.tls.secretName=A_b", "ingress/tls/secretName"),
        (ACME, "networkPolicy.monitoringNamespace=a b", "networkPolicy/monitoringNamespace"),
        (ACME, "platform.telemetry.namespace=", "platform/telemetry/namespace"),
        (ACME, "dapr.namespace=Dapr", "dapr/namespace"),
        (EDGE, "resources.requests.memory=lots", "resources/requests/memory"),
        (EDGE, "ingress.gateway.tlsSecretName=a b", "ingress/gateway/tlsSecretName"),
    ],
)
def test_a_name_that_is_none_is_refused(scenario: Scenario, setting: str, told: str) -> None:
    refused = refusal(scenario, setting)
    assert "values don't meet the specifications of the schema" in refused
    assert told in refused


@pytest.mark.parametrize("key", ["dapr.io/config", "dapr.io/app-id", "crossdock.dev/configuration"])
def test_an_annotation_of_the_charts_own_is_not_the_users(key: str) -> None:
    written = key.replace(".", r"\.")
    assert f"podAnnotations: {key} is the chart's own" in refusal(ACME, f"podAnnotations.{written}=none")


@pytest.mark.parametrize(
    ("scenario", "settings", "told"),
    [
        (
            ACME,
            ["resources.requests.memory=2Gi"],
            "resources.requests.memory is 2Gi, more than resources.limits.memory",
        ),
        (ACME, ["resources.limits.cpu=50m"], "resources.requests.cpu is 100m, more than resources.limits.cpu, 50m"),
        (
            ACME,
            ["worker.enabled=true", "worker.resources.requests.memory=2G", "worker.resources.limits.memory=1Gi"],
            "worker.resources.requests.memory is 2G, more than worker.resources.limits.memory, 1Gi",
        ),
        (
            EDGE,
            ["resources.requests=null"],
            "resources.requests.cpu is not set: set it, or autoscaling.enabled to false",
        ),
    ],
)
def test_resources_that_no_pod_can_have(scenario: Scenario, settings: list[str], told: str) -> None:
    assert told in refusal(scenario, *settings)


@pytest.mark.parametrize(
    "settings", [("resources.requests.cpu=0.5", "resources.limits.cpu=500m"), ("resources.requests.memory=512Mi",)]
)
def test_as_much_as_the_limit_may_be_asked_for(settings: tuple[str, ...]) -> None:
    render(Scenario(ACME.chart, ACME.release, ACME.namespace, ACME.files, settings, "as much"))


@pytest.mark.parametrize(
    ("scenario", "namespace", "told"),
    [
        (ACME, "default", "install it with -n acme"),
        (ACME, "globex", "install it with -n acme"),
        (ANOMALY, "default", "install it with -n crossdock-agents"),
        (ANOMALY, "crossdock-data", "install it with -n crossdock-agents"),
    ],
)
def test_a_release_in_a_namespace_that_is_not_for_it(scenario: Scenario, namespace: str, told: str) -> None:
    with pytest.raises(Refused, match=told):
        render(Scenario(scenario.chart, scenario.release, namespace, scenario.files, (), "elsewhere"))


def test_an_agent_in_the_namespace_of_a_customer_that_it_knows(tmp_path: Path) -> None:
    known = tmp_path / "customers.yaml"
    known.write_text(yaml.safe_dump({"customers": ["acme"]}))
    with pytest.raises(Refused, match="the namespace acme is not one of agents"):
        render(Scenario(ANOMALY.chart, ANOMALY.release, "acme", (*ANOMALY.files, known), (), "elsewhere"))


def test_the_certificates_that_redis_is_checked_by_are_fetched_with_the_rest() -> None:
    settings = (*STORED, "platform.redis.tls=true", "platform.redis.caKey=redis-ca.crt")
    release = render(Scenario(ACME.chart, ACME.release, ACME.namespace, ACME.files, settings, "stored"))
    (secret,) = release.of("ExternalSecret")
    assert "redis-ca.crt" in [each["secretKey"] for each in secret["spec"]["data"]]
