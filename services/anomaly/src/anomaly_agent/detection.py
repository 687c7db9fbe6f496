"""From a source to what is said about it. Runs in a child process: this module loads the heavy libraries."""

from typing import Any

from anomaly_agent import chart
from anomaly_agent.arithmetic import Relation
from anomaly_agent.coverage import Check, checks, is_small, made
from anomaly_agent.findings import THRESHOLD, kinds_of, ranked
from anomaly_agent.inspection import inspected
from anomaly_agent.limits import Limits
from anomaly_agent.observation import Observation, observed
from anomaly_agent.outcome import Detection, Question
from anomaly_agent.profile import profiled, summary
from anomaly_agent.report import anomaly_report
from anomaly_agent.series import series_in
from anomaly_agent.source import Source
from anomaly_agent.table import Table
from anomaly_agent.wording import counted, percent
from crossdock.pipeline import Report


def detect(report: Report, source: Source, limits: Limits) -> Detection | Question | None:
    """None when the source is a message without a table in it, a question when the table is too little to check.

    Raises Rejected for what cannot be read.
    """
    report("Reading the input", 0.05)
    table = source.read(limits)
    if table is None:
        return None
    report(f"Read {len(table):,} rows in {len(table.names)} columns", 0.2)
    columns = profiled(table)
    series = series_in(table, columns)
    if series:
        observations = [observed(one) for one in series]
        findings = [finding for observation in observations for finding in observation.findings]
        about = _about_series(observations)
    else:
        findings, relations = inspected(table, columns, report)
        found = checks(columns)
        if not findings and not made(found) and is_small(len(table), []):
            return Question(_too_little(table))
        about = _about_table(relations, found)
    records = ranked(findings)
    kinds = kinds_of(findings, {record["row"] for record in records})
    anomalies = {
        "records": records[: limits.records],
        "summary": _about(table, kinds)
        | about
        | {"reported": len(records), "listed": min(len(records), limits.records)},
        "columns": {column.name: summary(column) for column in columns},
    }
    report("Drawing the chart", 0.9)
    image = chart.of_series(series, observations) if series else chart.of_table(table, columns, records, kinds)
    headline = _headline(anomalies)
    return Detection(anomalies, anomaly_report(anomalies, headline), image, headline)


def _about(table: Table, kinds: dict[str, int]) -> dict[str, Any]:
    return {
        "rows": len(table),
        "columns": len(table.names),
        "format": table.format,
        "threshold": THRESHOLD,
        "by_kind": kinds,
        "notes": list(table.notes),
    }


def _about_table(relations: list[Relation], found: list[Check]) -> dict[str, Any]:
    return {
        "kind": "table",
        "rules": [str(relation) for relation in relations],
        "checks": made(found),
        "not_checked": {check.name: check.lacks for check in found if check.lacks},
    }


def _too_little(table: Table) -> str:
    size = f"{counted(len(table), 'row')} of {counted(len(table.names), 'column')}"
    return (
        f"{size}: too little to check anything, so nothing can be said about it. Send more rows of the same table, or "
        "rules to check these against with the skill validate_records."
        + "".join(f" Note: {note}." for note in table.notes)
    )


def _about_series(observations: list[Observation]) -> dict[str, Any]:
    return {
        "kind": "series",
        "series": [
            {"name": one.series.name, "pattern": one.pattern or "none", "usual": one.usual, "alarms": one.spans}
            for one in observations
        ],
    }


def _headline(anomalies: dict[str, Any]) -> str:
    about = anomalies["summary"]
    what = "reading" if about["kind"] == "series" else "row"
    size, many = counted(about["rows"], what), about["reported"] > 1
    if not about["reported"]:
        return f"None of the {size} stands out." if not _is_slight(about) else f"{size}: {_only(about)}"
    if about["kind"] == "series":
        stretches = f"{about['reported']:,} stretch{'es' if many else ''}"
        return f"{stretches} of the {size} stand{'' if many else 's'} out."
    share = percent(about["reported"] / about["rows"])
    return f"{about['reported']:,} of {size} ({share}) look{'' if many else 's'} wrong."


def _is_slight(about: dict[str, Any]) -> bool:
    if about["kind"] == "series":
        return False
    return not about["checks"] or is_small(about["rows"], about["checks"])


def _only(about: dict[str, Any]) -> str:
    """What "nothing found" means where there is hardly anything to compare."""
    if not about["checks"]:
        return "none of the checks can be made with these columns."
    few = "nothing to compare it with" if about["rows"] == 1 else "too few to compare with each other"
    return (
        f"{few}. Only these checks of the values could be made, and they found nothing: {', '.join(about['checks'])}."
    )
