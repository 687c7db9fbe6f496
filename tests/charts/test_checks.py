"""Every scenario passes every check."""

import pytest

from tests.charts.checks.table import CHECKS
from tests.charts.rendering import Scenario, rendered
from tests.charts.scenarios import EVERY


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("scenario", EVERY, ids=str)
def test_a_scenario_passes_a_check(scenario: Scenario, check: str) -> None:
    assert list(CHECKS[check](rendered(scenario))) == []
