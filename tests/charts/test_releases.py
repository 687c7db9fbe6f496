"""Releases beside each other, and one after the other."""

import json
import os
import shutil
import tarfile
from pathlib import Path

import pytest
import yaml

from installer.agents import AGENTS as KNOWN
from tests.charts.checks.configuration import loaded
from tests.charts.rendering import CHARTS, ROOT, Manifest, Rendering, Scenario, matches, render, rendered, said, strings
from tests.charts.scenarios import AGENTS, CUSTOMERS, EVERY, of_chart
from tests.charts.schemas import SETTINGS

INSTALLED = [*AGENTS, *CUSTOMERS, of_chart("edge")[0]]


@pytest.mark.parametrize("chart", ["agent", "orchestrator", "edge"])
def test_helm_has_nothing_against_a_chart(chart: str) -> None:
    for scenario in of_chart(chart):
        given = [word for file in scenario.files for word in ("--values", str(file))]
        told = said("lint", "--strict", "--kube-version", "1.36", str(CHARTS / chart), *given)
        assert "0 chart(s) failed" in told
        assert "[WARNING]" not in told


def test_the_library_is_a_link_so_that_a_clone_installs_without_a_step() -> None:
    for chart in SETTINGS.keys() & {"edge", "orchestrator"} | {"agent"}:
        link = CHARTS / chart / "charts" / "service"
        assert link.is_symlink()
        assert os.readlink(link) == "../../service"


@pytest.mark.parametrize("scenario", [AGENTS[0], CUSTOMERS[0], of_chart("edge")[0]], ids=str)
def test_a_packaged_chart_renders_the_same(scenario: Scenario, tmp_path: Path) -> None:
    """The library is packed with it, and the scenarios are not."""
    said("package", str(CHARTS / scenario.chart), "--destination", str(tmp_path))
    (package,) = tmp_path.glob("*.tgz")
    with tarfile.open(package) as packed:
        packed.extractall(tmp_path, filter="data")
        assert not any("/ci/" in name for name in packed.getnames())
    assert render(scenario, tmp_path).objects == rendered(scenario).objects


def test_each_agent_of_the_platform_has_a_release_of_its_name() -> None:
    names = {rendered(scenario).of("Service")[0]["metadata"]["name"] for scenario in AGENTS}
    assert names == {agent.card for agent in KNOWN}


def test_orchestrators_call_agents_where_their_releases_answer() -> None:
    answering = {
        f"http://{service['metadata']['name']}.{service['metadata']['namespace']}:{port['port']}"
        for scenario in AGENTS
        for service in rendered(scenario).of("Service")
        for port in service["spec"]["ports"]
        if port["name"] == "http"
    }
    for scenario in CUSTOMERS:
        urls = loaded(rendered(scenario).serving[0]).agents  # type: ignore[attr-defined] # an orchestrator's
        assert set(urls.values()) <= answering


def test_the_ingress_asks_the_edge_where_its_release_answers() -> None:
    edge = rendered(of_chart("edge")[0]).of("Service")[0]
    policy = rendered(CUSTOMERS[0]).of("Policy")[0]["spec"]["externalAuth"]
    where = f"{edge['metadata']['namespace']}/{edge['metadata']['name']}"
    assert policy["authServiceName"] == where
    assert policy["authServicePorts"] == [edge["spec"]["ports"][0]["port"]]


@pytest.mark.parametrize("chart", ["agent", "orchestrator"])
def test_every_service_that_keeps_tasks_limits_how_often_a_customer_may_ask(chart: str) -> None:
    for scenario in of_chart(chart):
        expected = (6000, 500) if scenario.name == "everything" else (1200, 300)
        for pod in rendered(scenario).serving:
            settings = loaded(pod)
            assert (settings.requests_per_minute, settings.request_burst) == expected  # type: ignore[attr-defined] # a service's


def identity(found: Manifest) -> tuple[str, ...]:
    return (found["kind"], found["metadata"].get("namespace", ""), found["metadata"]["name"])


def test_no_two_releases_make_the_same_object_or_take_each_others_pods() -> None:
    renderings = [rendered(scenario) for scenario in INSTALLED]
    objects = [identity(found) for rendering in renderings for found in rendering.objects]
    assert len(objects) == len(set(objects))
    hosts = [host for rendering in renderings for host in _hosts(rendering)]
    assert len(hosts) == len(set(hosts))
    for one in renderings:
        for other in renderings:
            if one is not other and one.scenario.namespace == other.scenario.namespace:
                assert not _taken(one, other)


def _hosts(rendering: Rendering) -> set[str]:
    return {rule["host"] for found in rendering.of("Ingress") for rule in found["spec"]["rules"]}


def _taken(one: Rendering, other: Rendering) -> list[str]:
    """Which selectors of one release take the pods of the other one."""
    selectors = [
        *(found["spec"]["selector"] for found in one.of("Deployment")),
        *({"matchLabels": found["spec"]["selector"]} for found in one.of("Service")),
        *(found["spec"]["podSelector"] for found in one.of("NetworkPolicy")),
        *(found["spec"]["selector"] for found in one.of("PodDisruptionBudget")),
    ]
    return [json.dumps(selector) for selector in selectors for pod in other.pods if matches(selector, pod.labels)]


def test_rendering_twice_gives_the_same() -> None:
    for scenario in INSTALLED:
        assert render(scenario).objects == rendered(scenario).objects


@pytest.mark.parametrize("scenario", EVERY, ids=str)
def test_what_a_customer_or_a_place_writes_stays_what_it_is(scenario: Scenario) -> None:
    """No text turned into a number or into nothing on its way through the templates."""
    for pod in rendered(scenario).pods:
        for container in pod.containers:
            assert all(isinstance(variable["value"], str) for variable in container["env"])
    for found in rendered(scenario).objects:
        assert "<no value>" not in list(strings(found))
        assert all(isinstance(value, str) for value in found["metadata"].get("annotations", {}).values())


def told_next(scenario: Scenario, tmp_path: Path) -> str:
    """Its NOTES. Helm prints them only with a cluster: here they are rendered as if they were an object."""
    charts = Path(shutil.copytree(CHARTS, tmp_path / "charts", symlinks=True))
    templates = charts / scenario.chart / "templates"
    notes = (templates / "NOTES.txt").read_text()
    (templates / "notes.yaml").write_text(
        f'{{{{- define "notes" }}}}{notes}{{{{ end }}}}kind: Notes\ntext: {{{{ include "notes" . | toJson }}}}\n'
    )
    given = [word for file in scenario.files for word in ("-f", str(file))]
    where = [scenario.release, str(charts / scenario.chart), "-n", scenario.namespace, "--kube-version", "1.36"]
    return str(yaml.safe_load(said("template", *where, *given, "--show-only", "templates/notes.yaml"))["text"])


@pytest.mark.parametrize("scenario", [*INSTALLED, *of_chart("agent"), *of_chart("orchestrator")], ids=str)
def test_notes_say_the_next_command(scenario: Scenario, tmp_path: Path) -> None:
    text = told_next(scenario, tmp_path)
    name = rendered(scenario).of("Deployment")[0]["metadata"]["name"]
    assert f"kubectl -n {scenario.namespace} rollout status deployment/{name}" in text
    assert ("helm test" in text) == bool(rendered(scenario).of("Pod"))
    assert len(text.strip().splitlines()) < 20


@pytest.mark.parametrize("scenario", of_chart("edge"), ids=str)
def test_the_command_that_the_edge_tells_installs_an_agent_in_its_place(scenario: Scenario, tmp_path: Path) -> None:
    """The image beside its own, at its domain, behind its controller: as it stands, without a file of values."""
    (command,) = [line for line in told_next(scenario, tmp_path).splitlines() if "helm upgrade --install" in line]
    words = [str(ROOT / word) if (ROOT / word).exists() else word for word in command.split()[3:]]
    agent = [each for each in yaml.safe_load_all(said("template", *words, "--kube-version", "1.36")) if each]
    (edge,) = rendered(scenario).serving
    (deployment,) = [each for each in agent if each["kind"] == "Deployment"]
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == edge.containers[0]["image"].replace("crossdock/edge", "crossdock/anomaly")
    variables = {each["name"]: each["value"] for each in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert variables["CROSSDOCK_ISSUER"] == edge.environment["CROSSDOCK_ISSUER"]
    made = rendered(scenario).of("Gateway")
    assert bool([each for each in agent if each["kind"] == "HTTPRoute"]) == bool(made)
