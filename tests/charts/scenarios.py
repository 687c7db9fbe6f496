"""What the charts are rendered with: each chart's `ci/`, and the values that the repository installs."""

from pathlib import Path

import yaml

from tests.charts.rendering import CHARTS, ROOT, Scenario

NAMESPACES = {"agent": "crossdock-agents", "edge": "crossdock-edge"}
LAPTOP = ROOT / "k8s" / "laptop.yaml"


def _scenario(chart: str, name: str, *files: Path) -> Scenario:
    values = yaml.safe_load(files[-1].read_text()) or {}
    named = {"agent": values.get("agent"), "orchestrator": values.get("customer", {}).get("name"), "edge": "edge"}
    release = str(named[chart])
    return Scenario(chart, release, NAMESPACES.get(chart, release), files, name=name)


def of_chart(chart: str) -> list[Scenario]:
    files = sorted((CHARTS / chart / "ci").glob("*-values.yaml"))
    return [_scenario(chart, file.name.removesuffix("-values.yaml"), file) for file in files]


AGENTS = [_scenario("agent", file.stem, file) for file in sorted((ROOT / "k8s" / "agents").glob("*.yaml"))]
CUSTOMERS = [_scenario("orchestrator", file.stem, file) for file in sorted((ROOT / "k8s" / "customers").glob("*.yaml"))]
ON_A_LAPTOP = [
    _scenario(scenario.chart, f"{scenario.name}-laptop", LAPTOP, *scenario.files)
    for scenario in [*AGENTS, *CUSTOMERS, *of_chart("edge")[-1:]]
]
EVERY = [*of_chart("agent"), *of_chart("orchestrator"), *of_chart("edge"), *AGENTS, *CUSTOMERS, *ON_A_LAPTOP]


def scenario(text: str) -> Scenario:
    """The one that prints as `text`."""
    return next(each for each in EVERY if str(each) == text)
