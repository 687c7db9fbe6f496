"""A customer's namespace has the rights of a customer's, whatever it is called."""

import pytest

from tests.charts.rendering import Manifest, Scenario, matches, render
from tests.charts.scenarios import AGENTS, CUSTOMERS, of_chart
from tests.charts.test_refusals import refusal

PLACES = ("monitoring", "observability", "dapr-system", "ingress-nginx", "kube-system")
OPENED = (
    "dapr.enabled=true",
    "ingress.namespace=ingress-nginx",
    "platform.telemetry.otlpEndpoint=http://collector.observability:4318",
)
RELEASES = [AGENTS[0], CUSTOMERS[0]]


@pytest.mark.parametrize("scenario", RELEASES, ids=str)
def test_a_customer_that_is_called_as_a_place_is_not_let_in_as_that(scenario: Scenario) -> None:
    release = render(Scenario(scenario.chart, scenario.release, scenario.namespace, scenario.files, OPENED, "opened"))
    peers = [peer for policy in release.of("NetworkPolicy") for peer in namespaces(policy["spec"])]
    for place in PLACES:
        name = {"kubernetes.io/metadata.name": place}
        assert any(matches(peer, name) for peer in peers), place
        stranger = {**name, "crossdock.dev/role": "customer", "crossdock.dev/customer": place}
        assert not [peer for peer in peers if name == peer.get("matchLabels") and matches(peer, stranger)], place


def namespaces(spec: Manifest) -> list[Manifest]:
    rules = [rule.get("from", []) for rule in spec.get("ingress", [])]
    rules += [rule.get("to", []) for rule in spec.get("egress", [])]
    return [peer["namespaceSelector"] for peers in rules for peer in peers if "namespaceSelector" in peer]


def test_a_name_that_only_holds_the_charts_is_a_name_like_others() -> None:
    acme = CUSTOMERS[0]
    name = "orchestrators-inc"
    release = render(Scenario(acme.chart, name, name, acme.files, (f"customer.name={name}",), "named"))
    assert release.serving[0].name == f"{name}-orchestrator"
    assert of_chart("edge")[0].release == "edge"


def test_a_name_that_ends_as_the_orchestrators_do_is_refused_in_words() -> None:
    name = "my-orchestrator"
    told = refusal(CUSTOMERS[0], f"customer.name={name}", release=name)
    assert "ends as the names of orchestrators do: choose another" in told
    assert "name the release" not in told
