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


def kustomized(folder: str, root: Path = ROOT) -> Rendering:
    """What is in the repository is read once; what is elsewhere may change."""
    return _once(folder) if root == ROOT else _read(folder, root)


def _read(folder: str, root: Path) -> Rendering:
    manifests = kustomize.kustomized(str(root / folder))
    return Rendering(Scenario("k8s", folder, ""), [found for found in yaml.safe_load_all(manifests) if found])


@functools.cache
def _once(folder: str) -> Rendering:
    return _read(folder, ROOT)


def printed(state: Path, *arguments: str) -> list[Manifest]:
    """What the installer prints, over the state of the calls before."""
    command = [*arguments, "--place", "cluster", "--print", "--state", str(state)]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))
