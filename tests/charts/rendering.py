"""What Helm renders, as plain data."""

import functools
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHARTS = ROOT / "charts"
LATEST = "1.36"
LASTING = ("Deployment", "StatefulSet")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's, where it is there: it takes a tenth of the time."""
Manifest = dict[str, Any]


class Refused(Exception):
    """Helm's own words."""


@dataclass(frozen=True)
class Scenario:
    """`files` are values, the later ones win; `settings` are those of `--set`."""

    chart: str
    release: str
    namespace: str
    files: tuple[Path, ...] = ()
    settings: tuple[str, ...] = ()
    name: str = ""

    def __str__(self) -> str:
        return f"{self.chart}-{self.name}"


@dataclass(frozen=True)
class Pod:
    """One that a release starts: by which object, with which labels and annotations, and its spec."""

    owner: Manifest
    labels: dict[str, str]
    annotations: dict[str, str]
    spec: Manifest

    @property
    def name(self) -> str:
        return str(self.owner["metadata"]["name"])

    @property
    def containers(self) -> list[Manifest]:
        return [*self.spec.get("initContainers", []), *self.spec["containers"]]

    @property
    def environment(self) -> dict[str, str]:
        return {variable["name"]: variable["value"] for variable in self.spec["containers"][0]["env"]}


@dataclass(frozen=True)
class Rendering:
    """All objects of one release."""

    scenario: Scenario
    objects: list[Manifest] = field(repr=False)

    def of(self, kind: str) -> list[Manifest]:
        return [found for found in self.objects if found["kind"] == kind]

    @property
    def pods(self) -> list[Pod]:
        jobs = [_pod(found, found["spec"]["template"]) for found in self.of("Job")]
        return [*self.serving, *jobs, *(_pod(found, found) for found in self.of("Pod"))]

    @property
    def serving(self) -> list[Pod]:
        """Those that stay."""
        return [_pod(found, found["spec"]["template"]) for kind in LASTING for found in self.of(kind)]


def _pod(owner: Manifest, template: Manifest) -> Pod:
    metadata = template["metadata"]
    return Pod(owner, metadata.get("labels", {}), metadata.get("annotations", {}), template["spec"])


def helm() -> str:
    """Helm as the Makefile builds it, else the one in the PATH."""
    built = ROOT / ".tools" / "helm"
    found = str(built) if built.exists() else shutil.which("helm")
    if not found:
        pytest.skip("there is no Helm: run `make .tools/helm`")
    return found


def said(*arguments: str) -> str:
    """What Helm prints. Raises `Refused`."""
    done = subprocess.run([helm(), *arguments], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise Refused(done.stderr + done.stdout)
    return done.stdout


def render(scenario: Scenario, charts: Path = CHARTS, kubernetes: str = LATEST) -> Rendering:
    """Raises `Refused`."""
    given = [word for file in scenario.files for word in ("-f", str(file))]
    given += [word for setting in scenario.settings for word in ("--set", setting)]
    where = [scenario.release, str(charts / scenario.chart), "--namespace", scenario.namespace]
    text = said("template", *where, "--kube-version", kubernetes, *given)
    return Rendering(scenario, [document for document in yaml.load_all(text, Loader=LOADER) if document])


rendered = functools.cache(render)
"""For those who change nothing in it."""


def matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """As the API server reads a label selector; only the operators that the charts use."""
    for wanted in selector.get("matchExpressions", []):
        inside = labels.get(wanted["key"]) in wanted["values"]
        if inside == (wanted["operator"] == "NotIn"):
            return False
    return bool(selector.get("matchLabels", {}).items() <= labels.items())


def strings(node: Any) -> Iterator[str]:
    """Every text in it, names of fields too."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from strings(value)
    elif isinstance(node, list):
        for item in node:
            yield from strings(item)
    else:
        yield str(node)
