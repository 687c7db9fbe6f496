"""What a release was told: its charts' defaults, and the scenario's files over them."""

import functools
from typing import Any

import yaml

from tests.charts.rendering import Scenario
from tests.charts.schemas import defaults, merged

Values = dict[str, Any]


@functools.cache
def values(scenario: Scenario) -> Values:
    """Without `--set`, which no scenario that is checked has."""
    assert not scenario.settings
    return merged(defaults(scenario.chart), given(scenario))


@functools.cache
def given(scenario: Scenario) -> Values:
    """Those of its files alone: what is not a default, somebody has written there."""
    return merged(*(yaml.safe_load(file.read_text()) or {} for file in scenario.files))
