"""A check that finds nothing wrong with the charts finds what is wrong with others: one change to a template each."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.charts.checks.table import CHECKS
from tests.charts.rendering import CHARTS, render, rendered
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


MUTATIONS = [Mutation(**each) for each in yaml.safe_load((Path(__file__).parent / "mutations.yaml").read_text())]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The charts, to be changed."""
    return Path(shutil.copytree(CHARTS, tmp_path_factory.mktemp("mutated") / "charts", symlinks=True))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=str)
def test_a_mutation_fails_a_check(mutation: Mutation, copied: Path) -> None:
    check, rendering = CHECKS[mutation.check], scenario(mutation.scenario)
    assert list(check(rendered(rendering))) == []
    template = copied / "service" / "templates" / mutation.file
    before = template.read_text()
    assert mutation.old in before, "the template has changed: change the mutation with it"
    template.write_text(before.replace(mutation.old, mutation.new))
    try:
        assert list(check(render(rendering, copied))) != []
    finally:
        template.write_text(before)


def test_every_check_has_a_mutation() -> None:
    assert {mutation.check for mutation in MUTATIONS} == set(CHECKS)


def test_no_two_mutations_have_one_name() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
