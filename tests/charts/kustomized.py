"""What stands on a cluster beside the releases: what kustomize makes of `k8s/`, and what the installer adds."""

import functools
from pathlib import Path

import yaml
from typer.testing import CliRunner

from installer.cli import app
from tests.charts.rendering import ROOT, Manifest, Rendering, Scenario
from tests.support import kustomize

FOLDERS = sorted(str(path.parent.relative_to(ROOT)) for path in (ROOT / "k8s").rglob("kustomization.yaml"))
KIND = "k8s/overlays/kind"


@functools.cache
def kustomized(folder: str) -> Rendering:
    manifests = kustomize.kustomized(folder)
    return Rendering(Scenario("k8s", folder, ""), [found for found in yaml.safe_load_all(manifests) if found])


def printed(state: Path, *arguments: str) -> list[Manifest]:
    """What the installer prints, over the state of the calls before."""
    command = [*arguments, "--place", "cluster", "--print", "--state", str(state)]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))
