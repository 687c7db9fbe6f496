"""A check that finds nothing wrong with the charts finds what is wrong with others: one change to a template each."""

import functools
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.charts.checks.table import CHECKS, PLACE_CHECKS
from tests.charts.rendering import ROOT, render, rendered
from tests.charts.scenarios import scenario


@dataclass(frozen=True)
class Mutation:
    """As mutations.yaml says."""

    name: str
    check: str
    file: str
    old: str
    new: str = ""
    scenario: str = "orchestrator-minimal"

    def __str__(self) -> str:
        return self.name

    @property
    def path(self) -> str:
        """From the repository's folder; a bare name is one of the library chart's templates."""
        return self.file if "/" in self.file else f"charts/service/templates/{self.file}"


MUTATIONS = [Mutation(**each) for each in yaml.safe_load((Path(__file__).parent / "mutations.yaml").read_text())]
COPIED = ("charts", "docker", "k8s", "tests/e2e/cluster.sh")


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as far as it is changed."""
    folder = tmp_path_factory.mktemp("mutated")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True)
        else:
            (folder / name).parent.mkdir(parents=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_mutation_fails_a_check(mutation: Mutation, copied: Path) -> None:
    changed = copied / mutation.path
    before = changed.read_text()
    assert mutation.old in before, "the file has changed: change the mutation with it"
    assert problems(mutation, ROOT) == []
    changed.write_text(before.replace(mutation.old, mutation.new))
    try:
        assert problems(mutation, copied) != []
    finally:
        changed.write_text(before)


def problems(mutation: Mutation, root: Path) -> list[str]:
    """What its check finds."""
    if mutation.check in PLACE_CHECKS:
        return list(unchanged(mutation.check) if root == ROOT else PLACE_CHECKS[mutation.check](root))
    chosen = scenario(mutation.scenario)
    return list(CHECKS[mutation.check](rendered(chosen) if root == ROOT else render(chosen, root / "charts")))


@functools.cache
def unchanged(check: str) -> list[str]:
    return list(PLACE_CHECKS[check](ROOT))


def test_every_check_has_a_mutation() -> None:
    assert {mutation.check for mutation in MUTATIONS} == set(CHECKS) | set(PLACE_CHECKS)


def test_no_two_mutations_have_one_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
