"""The folder of a test gives it its marker; where all must run, a skip is a failure."""

import os
from collections.abc import Generator
from pathlib import Path

import a2a.client  # noqa: F401 - before its 0.3 parts: each imports the other, and the client leaves out what fails
import pytest
from hypothesis import settings

pytest.register_assert_rewrite("tests.support.cases")
TIERS = {"unit", "contract", "integration", "compose", "charts", "e2e"}
HERE = Path(__file__).parent

# The gate tries the same examples each time; elsewhere each run tries new ones.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("free", deadline=None)
settings.load_profile("gate" if os.environ.get("CI") else "free")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = item.path.relative_to(HERE).parts[0]
        if tier in TIERS:
            item.add_marker(tier)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and os.environ.get("REQUIRE_ALL"):
        report.outcome = "failed"
        report.longrepr = f"skipped, although REQUIRE_ALL is set: {report.longrepr}"
    return report
