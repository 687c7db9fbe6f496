"""What contradicts itself is refused before anything is installed, in words that say what to change."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from crossdock.auth.claims import CUSTOMER
from crossdock.errors import ConfigError
from orchestrator.customer import load
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
    name = "a" * 39
    longest = Scenario(ACME.chart, name, name, ACME.files, (f"customer.name={name}",), "longest")
    assert f"{name}-orchestrator-management" in [each["metadata"]["name"] for each in render(longest).of("Service")]
    assert "choose a shorter release name" in refusal(ANOMALY, release="a" * 47)


@pytest.mark.parametrize("name", ["a" * 40, "Acme", "3m", "acme-", "a_b"])
def test_a_customers_name_is_what_the_installer_and_the_orchestrator_take(name: str) -> None:
    assert CUSTOMER.pattern in refusal(ACME, f"customer.name={name}", release="acme")


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


def without(**changed: Any) -> dict[str, Any]:
    """A customer's block, but for what is changed."""
    return {"name": "acme", "agents": [{"id": "anomaly"}, {"id": "contract"}], **changed}


def ruled(*agents: str, **rule: Any) -> dict[str, Any]:
    return {"rules": [{"name": "r", "keywords": ["late"], "agents": list(agents), **rule}]}


@pytest.mark.parametrize(
    ("block", "told"),
    [
        (without(agents=[{"id": "anomaly"}, {"id": "anomaly"}]), "an id stands there twice"),
        (without(routing=ruled("pricing")), "rules[0].agents: pricing is not among this customer's agents"),
        (without(routing=ruled("anomaly", keywords=[])), "rules[0] has no condition"),
        (without(routing={"rules": ruled("anomaly")["rules"] * 2}), "two rules have one name"),
        (without(routing=ruled("anomaly", "contract"), limits={"steps": 1}), "rules[0].agents has more agents than"),
        (without(routing=ruled(*["anomaly"] * 6)), "more agents than limits.steps, 5, allows"),
        (without(routing={"examples": [{"text": "x", "agents": ["pricing"]}]}), "examples[0].agents: pricing is not"),
        (without(llm={"enabled": True}), "is enabled without a model"),
        (without(routing={"method": "llm"}), "customer.llm.enabled is false"),
    ],
)
def test_what_an_orchestrator_would_refuse_is_refused_before(block: dict[str, Any], told: str, tmp_path: Path) -> None:
    file = tmp_path / "acme.yaml"
    file.write_text(yaml.safe_dump({"customer": block}))
    assert told in refusal(Scenario("orchestrator", "acme", "acme", (file,)))
    with pytest.raises(ConfigError):
        load(file)
