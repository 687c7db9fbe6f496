"""Every object fits what API servers of the supported versions take; a custom resource, what its makers document."""

import json
from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.charts.rendering import LATEST, ROOT, Manifest, Scenario, render, rendered
from tests.charts.scenarios import EVERY

VERSIONS = ("1.33", "1.34", "1.35", LATEST, "1.37")
CUSTOM: dict[str, Any] = yaml.safe_load((ROOT / "tests" / "charts" / "custom_resources.yaml").read_text())
OBJECT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {"apiVersion": {}, "kind": {}, "metadata": {"type": "object"}, "spec": {}},
}


@cache
def problem(text: str, version: str) -> str:
    """What that version has against the object; many are alike in many scenarios."""
    manifest = json.loads(text)
    custom = CUSTOM.get(f"{manifest['apiVersion']}/{manifest['kind']}")
    try:
        if custom is not None:
            jsonschema.validate(manifest, OBJECT)
            jsonschema.validate(manifest["spec"], custom)
        else:
            kubernetes_validate.validate(manifest, version, strict=True)
    except (jsonschema.ValidationError, kubernetes_validate.ValidationError) as error:
        return f"{manifest['kind']}: {error.message} at {'.'.join(map(str, error.path))}"
    except kubernetes_validate.SchemaNotFoundError as error:
        return f"{manifest['kind']}: {error.message}"
    return ""


def problems(objects: list[Manifest], version: str) -> list[str]:
    return [told for each in objects if (told := problem(json.dumps(each, sort_keys=True), version))]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", EVERY, ids=str)
def test_a_scenario_fits_a_version(scenario: Scenario, version: str) -> None:
    assert problems(rendered(scenario).objects, version) == []


def test_the_same_is_rendered_for_every_version() -> None:
    scenario = EVERY[0]
    assert render(scenario, kubernetes=VERSIONS[0]).objects == render(scenario, kubernetes=VERSIONS[-1]).objects


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"spec": {"replicas": "two"}}, "Deployment"),
        ({"spec": {"replica": 2}}, "Deployment"),
        ({"kind": "Ingres"}, "Couldn't find schema"),
    ],
)
def test_what_does_not_fit_is_told(change: dict[str, Any], told: str) -> None:
    deployment = rendered(EVERY[0]).of("Deployment")[0]
    wrong = {**deployment, **change, "spec": {**deployment["spec"], **change.get("spec", {})}}
    assert told in problems([wrong], LATEST)[0]


def test_a_custom_resource_that_does_not_fit_is_told() -> None:
    policy = rendered(next(each for each in EVERY if each.name == "gateway")).of("ProxySettingsPolicy")[0]
    wrong = {**policy, "spec": {**policy["spec"], "buffering": "off"}}
    assert "ProxySettingsPolicy" in problems([wrong], LATEST)[0]
