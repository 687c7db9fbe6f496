"""What docs/operations.md tells to run and to look for is there."""

import re
import subprocess

import pytest

from crossdock.telemetry.metrics import Metrics
from tests.charts.rendering import ROOT

TEXT = (ROOT / "docs" / "operations.md").read_text()
SOURCES = [path.read_text() for folder in ("common", "services") for path in (ROOT / folder).rglob("*.py")]


def test_its_make_targets() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"\bmake (?:-s )?([a-z][a-z0-9-]*)", "\n".join(quoted())))
    assert {"platform", "customer", "customer-remove", "renew", "token", "e2e"} <= named
    assert named <= targets


def quoted() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    return [*blocks, *re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))]


def test_its_files() -> None:
    named = set(re.findall(r"(?<![\w/.])(?:k8s|charts|docker)/[\w./*-]*[\w*]", TEXT)) - {
        "k8s/overlays/ours",
        "k8s/customers/initech.yaml",
    }
    assert "k8s/redis.sh" in named
    assert [name for name in named if not list(ROOT.glob(name))] == []
    links = re.findall(r"\]\(([\w./-]+\.md)", TEXT)
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []


@pytest.mark.parametrize("event", ["token_refused", "lease_lost", "redis_away", "customer_rate_limited"])
def test_its_events(event: str) -> None:
    assert event in TEXT
    assert any(f'"{event}"' in source for source in SOURCES)


def test_its_metrics_and_settings() -> None:
    known = {sample.name for family in Metrics("any").registry.collect() for sample in family.samples}
    families = {family.name for family in Metrics("any").registry.collect()} | known
    bare = {f"crossdock_{name}" for group in re.findall(r"crossdock_\(([\w|]+)\)", TEXT) for name in group.split("|")}
    named = {
        name.removesuffix("_total")
        for name in {*re.findall(r"\bcrossdock_[a-z_]+\b", TEXT), *bare}
        if name != "crossdock_"
    }
    assert named <= families
    settings = (ROOT / "docs" / "settings.md").read_text()
    for name in ("interrupted_seconds", "running_tasks", "task_seconds", "queued_tasks", "owner_bytes"):
        assert name in TEXT
        assert f"CROSSDOCK_{name.upper()}" in settings


def test_its_commands_are_of_the_programs_that_there_are() -> None:
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL):
        commands = re.sub(r"^\$ ", "", block, flags=re.M)
        done = subprocess.run(["bash", "-n"], input=commands, text=True, capture_output=True)
        assert done.returncode == 0, (commands, done.stderr)


def test_it_pins_dapr_as_the_script_does() -> None:
    script = (ROOT / "tests" / "e2e" / "cluster.sh").read_text()
    version = re.search(r"DAPR_VERSION=(\S+)", script)
    assert version
    assert f"--version {version[1]} -n dapr-system" in TEXT
