"""What a user adds to Ingresses takes nothing away of what the chart says there."""

import pytest

from tests.charts.rendering import Scenario, render
from tests.charts.scenarios import CUSTOMERS
from tests.charts.test_refusals import refusal

ACME = CUSTOMERS[0]
PROVIDERS = ("nginx", "ingress-nginx")


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(
    "key",
    [
        "nginx.org/policies",
        "nginx.org/server-snippets",
        "nginx.ingress.kubernetes.io/proxy-buffering",
        "nginx.ingress.kubernetes.io/auth-url",
    ],
)
def test_the_controllers_own_are_refused(provider: str, key: str) -> None:
    written = key.replace(".", r"\.")
    told = refusal(ACME, f"ingress.provider={provider}", f"ingress.annotations.{written}=on")
    assert f"ingress.annotations: {key} tells the controller how to carry requests" in told


@pytest.mark.parametrize("provider", ["gateway", "none"])
def test_where_there_is_no_ingress_they_are_refused(provider: str) -> None:
    told = refusal(ACME, f"ingress.provider={provider}", r"ingress.annotations.example\.com/owner=x")
    assert f"ingress.provider {provider} makes none" in told


@pytest.mark.parametrize("provider", PROVIDERS)
def test_those_of_others_stand_beside_the_charts(provider: str) -> None:
    added = r"ingress.annotations.example\.com/owner=x"
    settings = (f"ingress.provider={provider}", added)
    release = render(Scenario(ACME.chart, ACME.release, ACME.namespace, ACME.files, settings, "annotated"))
    for found in release.of("Ingress"):
        annotations = found["metadata"]["annotations"]
        assert annotations["example.com/owner"] == "x"
        assert any(key.startswith("nginx.") for key in annotations)
