"""What contradicts itself is refused before anything is installed, in words that say what to change."""

import pytest

from tests.charts.rendering import Refused, Scenario, render
from tests.charts.scenarios import AGENTS, CUSTOMERS, of_chart

ACME = CUSTOMERS[0]
ANOMALY = AGENTS[0]
EDGE = of_chart("edge")[0]


def refusal(scenario: Scenario, *settings: str, release: str = "") -> str:
    changed = Scenario(
        scenario.chart, release or scenario.release, scenario.namespace, scenario.files, settings, "refused"
    )
    with pytest.raises(Refused) as refused:
        render(changed)
    return str(refused.value)


@pytest.mark.parametrize(
    ("scenario", "settings", "told"),
    [
        (ACME, ["keda.enabled=true"], "keda.enabled and autoscaling.enabled are both true"),
        (
            ACME,
            ["keda.enabled=true", "worker.enabled=true", "autoscaling.enabled=false"],
            "keda.enabled and worker.autoscaling.enabled are both true",
        ),
        (ACME, ["autoscaling.minReplicas=21"], "autoscaling.minReplicas is greater than autoscaling.maxReplicas"),
        (EDGE, ["autoscaling.minReplicas=7"], "autoscaling.minReplicas is greater than autoscaling.maxReplicas"),
        (ACME, ["worker.autoscaling.minReplicas=21"], "worker.autoscaling.minReplicas is greater than"),
        (ACME, ["keda.minReplicas=21"], "keda.minReplicas is greater than keda.maxReplicas"),
        (ACME, ["platform.redis.mode=sentinel"], "name the master that the Sentinels watch"),
        (ACME, ["secrets.source=external-secrets"], "name the store in secrets.externalSecrets.storeName"),
        (ACME, ["secrets.source=csi"], "name the driver's provider in secrets.csi.provider"),
        (
            ACME,
            ["secrets.source=csi", "secrets.csi.provider=vault", "secrets.name=mine"],
            "leave secrets.name empty",
        ),
        (
            ACME,
            ["ingress.provider=gateway", "ingress.gateway.snippets=false"],
            "set ingress.gateway.snippets to true where the controller allows them",
        ),
        (ACME, ["customer.llm.api_key_file=/etc/key"], "name it /run/secrets/<key>"),
        (
            ACME,
            ["dapr.enabled=true", "platform.agents.anomaly=https://elsewhere.example"],
            "https://elsewhere.example in platform.agents.anomaly is no app with a sidecar",
        ),
        (ACME, ["image.repository=crossdock/orchestrator:1.0"], "write tag and digest into values of their own"),
        (ANOMALY, ["agent="], "install with -f k8s/agents/<agent>.yaml"),
    ],
)
def test_a_contradiction_is_refused_in_words(scenario: Scenario, settings: list[str], told: str) -> None:
    assert told in refusal(scenario, *settings)


def test_all_contradictions_are_told_at_once() -> None:
    told = refusal(ACME, "keda.enabled=true", "keda.minReplicas=21", "platform.redis.mode=sentinel")
    assert told.count("\n  * ") == 3


@pytest.mark.parametrize(
    ("scenario", "release", "told"),
    [
        (ACME, "globex", "the release globex would not be called acme-orchestrator"),
        (ANOMALY, "anomalies", "the release anomalies would not be called anomaly-agent"),
        (Scenario("orchestrator", "x", "x"), "acme", "install with -f k8s/customers/<customer>.yaml"),
    ],
)
def test_a_release_is_called_what_its_card_is(scenario: Scenario, release: str, told: str) -> None:
    assert told in refusal(scenario, release=release)


@pytest.mark.parametrize("name", ["auth", "grpc"])
def test_the_platforms_host_names_are_nobodys_release(name: str) -> None:
    assert f"the release name {name} is a host name of the platform" in refusal(
        ACME, f"customer.name={name}", release=name
    )


def test_a_name_leaves_room_for_those_made_of_it() -> None:
    name = "a" * 40
    assert "choose a shorter release name" in refusal(ACME, f"customer.name={name}", release=name)


@pytest.mark.parametrize(
    ("scenario", "setting", "told"),
    [
        (ACME, "custmer.name=acme", "custmer"),
        (ACME, "platform.domian=x", "domian"),
        (ACME, "customer.routing.rule=x", "rule"),
        (ACME, "customer.name=ACME", "customer/name"),
        (ACME, "customer.limits.steps=99", "customer/limits/steps"),
        (ACME, "image.tag=latest", "image/tag"),
        (ACME, "image.digest=sha256:abc", "image/digest"),
        (ACME, "ingress.provider=traefik", "ingress/provider"),
        (ACME, "drain.seconds=0", "drain/seconds"),
        (ACME, "settings.port=1", "port"),
        (ACME, "settings.redis_nodes=elsewhere:6379", "redis_nodes"),
        (ACME, "settings.log_level=LOUD", "settings/log_level"),
        (ACME, "settings.running_tasks=many", "settings/running_tasks"),
        (ANOMALY, "settings.database_url=sqlite://", "database_url"),
        (ANOMALY, "customer.name=acme", "customer"),
        (EDGE, "settings.max_body=1", "max_body"),
        (EDGE, "dapr.enabled=true", "dapr"),
        (EDGE, "replicas=two", "replicas"),
    ],
)
def test_a_value_that_there_is_not_is_refused(scenario: Scenario, setting: str, told: str) -> None:
    refused = refusal(scenario, setting)
    assert "values don't meet the specifications of the schema" in refused
    assert told in refused
