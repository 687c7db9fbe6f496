"""What the end-to-end suite says of itself: which case ran in which place, how long it took, and which did not run."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.compose_alone import REASONS

PLACES = {
    "rendered": "what the charts, `k8s/` and the installer print, run by a container engine (`make test-e2e`).",
    "cluster": "kind, or an existing context (`make e2e`).",
}


@dataclass(frozen=True)
class Case:
    name: str
    outcome: str
    seconds: float
    figures: tuple[str, ...]


@dataclass(eq=False)
class Report:
    """A pytest plugin, which pytest keeps in sets. `elsewhere`: cases of the other place, each with the reason.
    `without_effect`: see the harness."""

    place: str
    path: str
    elsewhere: dict[str, str] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)
    without_effect: list[str] = field(default_factory=list)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            figures = tuple(str(value) for name, value in report.user_properties if name == "told")
            self.cases.append(Case(told(report.nodeid), report.outcome, report.duration, figures))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        write = terminalreporter.write_line
        for case in self.cases:
            for figure in case.figures:
                write(f"{case.name}: {figure}")
        for name, reason in self.elsewhere.items():
            write(f"not run in place {self.place}: {name} ({reason})")
        for line in self.without_effect:
            write(f"without effect in place {self.place}: {line}")

    def check(self) -> None:
        """Each place has a file of its own. Raises `UsageError` for that of another."""
        path = Path(self.path)
        kept = path.read_text(encoding="utf-8") if self.path and path.exists() else ""
        others = [place for place in PLACES if place != self.place and _head(place) in kept]
        if others:
            raise pytest.UsageError(f"{path} is the report of the place {others[0]}: give --report another file.")

    def pytest_sessionfinish(self) -> None:
        if self.path:
            Path(self.path).write_text(self.text(), encoding="utf-8")

    def text(self) -> str:
        rows = [
            f"| {case.name} | {case.outcome} | {case.seconds:.1f} | {' '.join(case.figures)} |" for case in self.cases
        ]
        missing = [f"* {name}: {reason}." for name, reason in self.elsewhere.items()]
        alone = [f"* {words(name)}: {reason}." for name, reason in REASONS.items()]
        ignored = [f"* {line}" for line in self.without_effect]
        return "\n".join(
            [
                "# End-to-end report",
                "",
                f"Written by the suite `tests/e2e` (`--report`). {_head(self.place)} {PLACES[self.place]}",
                "",
                "| Case | Outcome | Seconds | Measured |",
                "| --- | --- | ---: | --- |",
                *rows,
                "",
                f"## Not run in place {self.place}",
                "",
                *(missing or ["Every case ran."]),
                "",
                "## Cases that only the compose suite has",
                "",
                *alone,
                "",
                *(["## Without effect on containers", "", *ignored, ""] if ignored else []),
            ]
        )


def _head(place: str) -> str:
    return f"Place: **{place}**:"


def told(nodeid: str) -> str:
    """A test's name as words."""
    file, _, name = nodeid.rpartition("::")
    subject = Path(file.partition("::")[0]).stem.removeprefix("test_").replace("_", " ")
    return f"{subject}: {words(name)}"


def words(name: str) -> str:
    return name.removeprefix("test_").replace("_", " ")
