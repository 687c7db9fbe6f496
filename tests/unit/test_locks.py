"""An image installs what its service's lock names, and nothing else: the lock must hold what the packages ask for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.name for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").exists())
PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", re.MULTILINE)


def pins(lock: str) -> dict[str, str]:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text()
    return {canonicalize_name(name): version for name, version in PIN.findall(text)}


def asked(*packages: str) -> list[Requirement]:
    projects = [tomllib.loads((ROOT / package / "pyproject.toml").read_text())["project"] for package in packages]
    wanted = [Requirement(text) for project in projects for text in project["dependencies"]]
    return [requirement for requirement in wanted if requirement.name != "crossdock"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_services_lock_pins_all_that_it_asks_for(service: str) -> None:
    pinned = pins(service)
    for requirement in asked("common", f"services/{service}"):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version, f"requirements/{service}.txt lacks {requirement.name}: make requirements/{service}.txt"
        assert requirement.specifier.contains(version)


@pytest.mark.parametrize("service", SERVICES)
def test_images_run_the_versions_that_are_tested(service: str) -> None:
    tested = pins("run")
    assert pins(service).items() <= tested.items()
