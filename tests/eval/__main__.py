"""`python -m tests.eval [NAME ...]`: prints every score and miss of all or some; exit status 1 below a floor."""

import importlib
import os
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.eval.report import Report

EVALUATIONS = ("independence", "anomaly", "contract", "routing")


def show(console: Console, report: Report) -> None:
    table = Table(title=report.title, title_justify="left")
    for column in ("score", "value", "floor", "", "detail"):
        table.add_column(column, overflow="fold")
    for score in report.scores:
        floor = "" if score.floor is None else f"{score.floor:.2f}"
        verdict = "" if score.floor is None else ("ok" if score.passes else "BELOW")
        table.add_row(score.name, f"{score.value:.3f}", floor, verdict, score.detail)
    console.print(table)
    for miss in report.misses:
        console.print(f"  miss: {miss}", markup=False, highlight=False)


def main(names: list[str]) -> int:
    data = Path(os.environ.get("CROSSDOCK_DATA", "examples/data"))
    if not data.is_dir():
        print(f"There is no {data}: let CROSSDOCK_DATA name a folder with shipments/, sensors/ and contracts/.")
        return 2
    console = Console(width=140)
    console.print(f"data: {data}", highlight=False)
    passes = True
    for name in names or EVALUATIONS:
        report: Report = importlib.import_module(f"tests.eval.{name}").evaluate(data)
        show(console, report)
        passes = passes and report.passes
    return 0 if passes else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
