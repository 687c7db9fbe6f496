"""The folder of a test gives it its marker; nothing else is set up for all of them."""

from pathlib import Path

import pytest

TIERS = {"unit", "contract", "integration"}
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = item.path.relative_to(HERE).parts[0]
        if tier in TIERS:
            item.add_marker(tier)
