"""kustomize as a program."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def kustomized(folder: str) -> str:
    """The manifests of a folder of the repository. Skips where there is no kustomize."""
    built = ROOT / ".tools" / "kustomize"
    program = [str(built), "build"] if built.exists() else ["kubectl", "kustomize"]
    if not shutil.which(program[0]):
        pytest.skip("there is no kustomize: run `make .tools/kustomize`")
    done = subprocess.run([*program, folder], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout
