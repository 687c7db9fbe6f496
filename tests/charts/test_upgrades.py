"""An upgrade from the chart version before is one that the API server takes."""

import json
import os
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml

from tests.charts.immutable import fixed, frozen
from tests.charts.kustomized import FOLDERS, kustomized
from tests.charts.rendering import CHARTS, ROOT, Manifest, rendered
from tests.charts.scenarios import EVERY, scenario

SNAPSHOT = ROOT / "tests" / "charts" / "immutable.json"
CHARTS_OF_RELEASES = ("agent", "edge", "orchestrator")


@pytest.fixture(params=["redis", "postgres"])
def store(request: pytest.FixtureRequest) -> Manifest:
    sets = {found["metadata"]["name"]: found for found in kustomized("k8s/base").of("StatefulSet")}
    return sets[request.param]


def now() -> dict[str, dict[str, Any]]:
    """Of all scenarios of the charts, and of what kustomize makes."""
    releases = {str(each): frozen(rendered(each).objects) for each in EVERY}
    return releases | {folder: frozen(kustomized(folder).objects) for folder in FOLDERS}


def version() -> str:
    """All charts have one."""
    charts = [yaml.safe_load((CHARTS / name / "Chart.yaml").read_text()) for name in CHARTS_OF_RELEASES]
    (found,) = {chart["version"] for chart in charts}
    return str(found)


def before() -> dict[str, Any]:
    """The snapshot: of which version, and its fields."""
    found: dict[str, Any] = json.loads(SNAPSHOT.read_text())
    return found


def test_what_cannot_change_is_what_it_was() -> None:
    """`IMMUTABLE=write` adds what was not there; what is there stays as the version of the snapshot released it."""
    snapshot, present = before(), now()
    kept: dict[str, Any] = snapshot["fixed"]
    if os.environ.get("IMMUTABLE") == "write":
        snapshot["fixed"] = kept = {
            place: {**objects, **kept.get(place, {})} for place, objects in {**kept, **present}.items()
        }
        SNAPSHOT.write_text(compact(snapshot))
    assert list(refused(kept, present)) == []
    new = [place for place, objects in present.items() if objects.keys() - kept.get(place, {}).keys()]
    assert new == [], "run with IMMUTABLE=write"


def compact(snapshot: dict[str, Any]) -> str:
    """A line for each object."""
    lines = [f' "version": {json.dumps(snapshot["version"])},', ' "fixed": {']
    *places, last = sorted(snapshot["fixed"])
    for place in (*places, last):
        objects = sorted(snapshot["fixed"][place].items())
        told = [f"   {json.dumps(name)}: {json.dumps(fields, sort_keys=True)}" for name, fields in objects]
        lines += [f"  {json.dumps(place)}: {{", ",\n".join(told), "  }" if place == last else "  },"]
    return "\n".join(["{", *lines, " }", "}", ""])


def refused(kept: dict[str, Any], present: dict[str, Any]) -> Iterator[str]:
    """What the API server would say, or what would be lost: an object of another name is a new one."""
    for place, objects in kept.items():
        for name, fields in objects.items():
            if name not in present.get(place, {}):
                yield f"{place}: {name} would be deleted"
            elif present[place][name] != fields:
                yield f"{place}: {name} could not be applied over the version before"


def test_the_snapshot_is_of_a_version_before_this_one_or_of_this_one() -> None:
    def numbers(text: str) -> list[int]:
        return [int(part) for part in text.split(".")]

    assert numbers(before()["version"]) <= numbers(version())


def test_a_worker_of_its_own_can_be_added_to_a_release_that_runs() -> None:
    one, two = (frozen(rendered(scenario(each)).objects) for each in ("agent-minimal", "agent-split"))
    assert one == {name: fields for name, fields in two.items() if name in one}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("serviceName", "other"),
        ("podManagementPolicy", "Parallel"),
        ("selector.matchLabels.tier", "data"),
        ("volumeClaimTemplates.0.metadata.name", "other"),
        ("volumeClaimTemplates.0.spec.storageClassName", "fast"),
        ("volumeClaimTemplates.0.spec.resources.requests.storage", "16Gi"),
    ],
)
def test_a_change_to_a_store_that_would_be_refused_is_told(store: Manifest, path: str, value: str) -> None:
    changed = with_(store, path, value)
    place = {"base": frozen([store])}
    assert list(refused(place, {"base": frozen([changed])})) != []


@pytest.mark.parametrize(
    ("path", "value"), [("replicas", 2), ("template.spec.terminationGracePeriodSeconds", 90), ("minReadySeconds", 5)]
)
def test_a_change_to_a_store_that_is_taken_is_let_pass(store: Manifest, path: str, value: int) -> None:
    assert fixed(with_(store, path, value)) == fixed(store)


def test_an_object_of_another_name_is_told() -> None:
    here = frozen(rendered(scenario("agent-minimal")).objects)
    other = {name.replace("anomaly-agent", "anomaly"): fields for name, fields in here.items()}
    assert list(refused({"agent-minimal": here}, {"agent-minimal": other})) != []


def with_(found: Manifest, path: str, value: object) -> Manifest:
    changed = deepcopy(found)
    node: Any = changed["spec"]
    *way, last = path.split(".")
    for part in way:
        node = node[int(part)] if part.isdigit() else node.setdefault(part, {})
    node[last] = value
    return changed
