"""What the suite says of itself."""

from pathlib import Path

import pytest

from tests.support.e2e_report import PLACES, Report


def test_the_report_of_one_place_does_not_take_the_file_of_the_other(tmp_path: Path) -> None:
    path = tmp_path / "e2e.md"
    for place in PLACES:
        own = Report(place, str(path))
        own.check()
        own.pytest_sessionfinish()
        own.check()
        for other in PLACES.keys() - {place}:
            with pytest.raises(pytest.UsageError, match=f"the report of the place {place}: give --report another"):
                Report(other, str(path)).check()
        path.unlink()
    Report("rendered", "").check()
