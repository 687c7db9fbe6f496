"""What stands on a cluster beside the releases: what kustomize makes of `k8s/`, and what the installer adds."""

import functools
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from installer.cli import app
from tests.charts.rendering import ROOT, Manifest, Rendering, Scenario

FOLDERS = sorted(str(path.parent.relative_to(ROOT)) for path in (ROOT / "k8s").rglob("kustomization.yaml"))
KIND = "k8s/overlays/kind"


@functools.cache
def kustomized(folder: str) -> Rendering:
    if not shutil.which("kubectl"):
        pytest.skip("there is no kubectl: install it")
    done = subprocess.run(["kubectl", "kustomize", folder], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return Rendering(Scenario("k8s", folder, ""), [found for found in yaml.safe_load_all(done.stdout) if found])


def printed(state: Path, *arguments: str) -> list[Manifest]:
    """What the installer prints, over the state of the calls before."""
    command = [*arguments, "--place", "cluster", "--print", "--state", str(state)]
    result = CliRunner().invoke(app, command, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return list(yaml.safe_load_all(result.stdout))
