"""From a source and rules to violations. Runs in a child process."""

from typing import Any

from anomaly_agent.arithmetic import broken, relations
from anomaly_agent.chronology import chronology
from anomaly_agent.constraints import RuleCheck
from anomaly_agent.duplicates import duplicates
from anomaly_agent.findings import Finding
from anomaly_agent.limits import Limits
from anomaly_agent.oddities import oddities
from anomaly_agent.outcome import Validation
from anomaly_agent.patterns import Patterns
from anomaly_agent.profile import Column, profiled
from anomaly_agent.rules import parsed
from anomaly_agent.schemas import schema_violations
from anomaly_agent.signs import signs
from anomaly_agent.source import Source
from anomaly_agent.table import Table
from anomaly_agent.violations import Violation, violation_data, violation_report
from crossdock.pipeline import Report

INFERRED = (
    "numbers and dates where nearly all rows have them, and no day that does not exist",
    "no missing value in columns that are otherwise complete",
    "no negative or zero amounts where no other row has them",
    "no row twice, no id twice",
    "days in the order that the other rows keep",
)
MOST = 200_000


def validate(report: Report, source: Source, rules: dict[str, Any] | None, limits: Limits) -> Validation | None:
    """None when the source is a message without a table in it. Raises Rejected for unreadable input and rules.

    `rules` has `schema` (a JSON Schema for one record) or `rules`; without them rules are inferred from the table.
    """
    report("Reading the input", 0.05)
    table = source.read(limits)
    if table is None:
        return None
    report(f"Checking {len(table):,} rows", 0.3)
    origin, named, found = _checked(table, rules or {}, Patterns(limits.pattern_seconds))
    found = sorted(found[:MOST], key=lambda violation: violation.row)
    data = violation_data(found, len(table), named, origin, table.notes, limits)
    headline = _headline(data["summary"])
    return Validation(data, violation_report(data, headline), headline)


def _checked(table: Table, rules: dict[str, Any], patterns: Patterns) -> tuple[str, list[str], list[Violation]]:
    if "schema" in rules:
        found = []
        for violation in schema_violations(rules["schema"], table, patterns):
            found.append(violation)
            if len(found) >= MOST:
                break
        return "schema", [], found
    columns = profiled(table)
    if "rules" in rules:
        stated = parsed(rules["rules"], table.names)
        check = RuleCheck(table, columns, patterns)
        return "rules", [str(rule) for rule in stated], [found for rule in stated for found in check.violations(rule)]
    return _inferred(table, columns)


def _inferred(table: Table, columns: list[Column]) -> tuple[str, list[str], list[Violation]]:
    """The rules that nearly all rows keep, without estimates of what a value should be."""
    kept = relations(columns)
    findings = [
        *broken(kept),
        *signs(columns),
        *(finding for finding in chronology(columns) if finding.kind in ("date order", "impossible date")),
        *duplicates(columns),
        *oddities(table, columns),
    ]
    certain = [finding for finding in findings if finding.kind != "misspelt"]
    named = [*map(str, kept), *INFERRED]
    return "inferred", named, [_violation(finding, table) for finding in certain]


def _violation(finding: Finding, table: Table) -> Violation:
    field = finding.fields[0] if finding.fields else ""
    value = table.rows[finding.row][table.names.index(field)] if field else None
    return Violation(finding.row, field, finding.kind, finding.reason, value)


def _headline(about: dict[str, Any]) -> str:
    against = {
        "schema": "against the JSON Schema",
        "rules": f"against {len(about['rules'])} rule(s)",
        "inferred": "against rules inferred from the table, as the request brought none",
    }[about["checked_against"]]
    if not about["violations"]:
        return f"All {about['rows']:,} rows are valid, checked {against}."
    broken = f"{about['invalid_rows']:,} of {about['rows']:,} rows break a rule ({about['violations']:,} violations)"
    return f"{broken}, checked {against}."
