"""The Markdown report about anomalies."""

from collections.abc import Iterator
from typing import Any

from anomaly_agent.markdown import bullets, escaped

SHOWN = 50
"""Records that the report lists; the artifact `anomalies` has more."""


def anomaly_report(anomalies: dict[str, Any], headline: str) -> str:
    return "\n".join(_lines(anomalies, headline)) + "\n"


def _lines(anomalies: dict[str, Any], headline: str) -> Iterator[str]:
    about, records = anomalies["summary"], anomalies["records"]
    yield "# Anomaly report"
    yield ""
    size = f"{about['rows']:,} rows and {about['columns']} columns ({about['format']})"
    yield f"{headline} Read as a {about['kind']} of {size}."
    yield f"Reported is a score of {about['threshold']} or more. Rows are counted from 0, without the header."
    yield from _notes(about)
    yield from _series(about)
    if records:
        yield from _table(records, about["reported"])
    yield from _columns(anomalies["columns"])


def _notes(about: dict[str, Any]) -> Iterator[str]:
    yield from bullets("Rules that the table itself keeps, and that rows were held against", about.get("rules", []))
    yield from bullets("Checks that were made", about.get("checks", []))
    lacking = [f"{name} (needs {lacks})" for name, lacks in about.get("not_checked", {}).items()]
    yield from bullets("Checks that this table is too small or too narrow for", lacking)
    yield from bullets("Notes on reading", about["notes"])
    if about["by_kind"]:
        yield ""
        yield "Findings: " + ", ".join(f"{kind} {count}" for kind, count in about["by_kind"].items()) + "."


def _series(about: dict[str, Any]) -> Iterator[str]:
    for one in about.get("series", ()):
        usual = "" if one["usual"] is None else f", usual value {one['usual']:g}"
        yield ""
        pattern = f"repeating pattern {one['pattern']}"
        yield f"Series **{escaped(one['name'])}**: {pattern}{usual}, {len(one['alarms'])} alarm(s)."


def _table(records: list[dict[str, Any]], reported: int) -> Iterator[str]:
    yield ""
    yield "## What stands out"
    yield ""
    yield "| row | score | fields | why |"
    yield "|---:|---:|---|---|"
    for record in records[:SHOWN]:
        fields = ", ".join(escaped(field, 80) for field in record["fields"])
        why = "; ".join(escaped(reason) for reason in record["reasons"])
        yield f"| {record['row']} | {record['score']:.2f} | {fields} | {why} |"
    if reported > SHOWN:
        yield ""
        yield f"{reported - SHOWN:,} more rows are reported; the artifact `anomalies` lists {len(records):,}."


def _columns(columns: dict[str, dict[str, Any]]) -> Iterator[str]:
    yield ""
    yield "## Columns"
    yield ""
    yield "| column | kind | filled | missing | from | to | words among the values |"
    yield "|---|---|---:|---:|---|---|---|"
    for name, about in columns.items():
        words = about.get("words")
        remark = f"{words['count']}, such as {escaped(words['examples'][0], 60)}" if words else ""
        span = f"{escaped(str(about.get('min', '')))} | {escaped(str(about.get('max', '')))}"
        yield f"| {escaped(name, 80)} | {about['kind']} | {about['filled']} | {about['missing']} | {span} | {remark} |"
