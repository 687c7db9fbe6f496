"""Every scenario passes every check."""

import pytest

from tests.charts.checks.script import PROGRAMS, program
from tests.charts.checks.table import CHECKS, PLACE_CHECKS
from tests.charts.rendering import ROOT, Scenario, rendered
from tests.charts.scenarios import EVERY


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("scenario", EVERY, ids=str)
def test_a_scenario_passes_a_check(scenario: Scenario, check: str) -> None:
    assert list(CHECKS[check](rendered(scenario))) == []


@pytest.mark.parametrize("check", PLACE_CHECKS)
def test_what_stands_beside_the_releases_passes_a_check(check: str) -> None:
    assert list(PLACE_CHECKS[check](ROOT)) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_that_the_script_calls_is_here_to_be_asked(name: str) -> None:
    if program(name) is None:
        pytest.skip(f"there is no {name}: what tests/e2e/cluster.sh tells it is not looked at")
