"""From a source and rules to violations. Runs in a child process."""

from typing import Any

from anomaly_agent.arithmetic import broken, relations
from anomaly_agent.chronology import chronology
from anomaly_agent.constraints import RuleCheck
from anomaly_agent.duplicates import duplicates
from anomaly_agent.expressions import GRAMMAR
from anomaly_agent.findings import Finding
from anomaly_agent.limits import Limits
from anomaly_agent.oddities import oddities
from anomaly_agent.outcome import Question, Validation
from anomaly_agent.patterns import Patterns
from anomaly_agent.profile import Column, profiled
from anomaly_agent.rules import parsed
from anomaly_agent.schemas import schema_violations, unused_fields
from anomaly_agent.signs import signs
from anomaly_agent.source import Source
from anomaly_agent.table import Table
from anomaly_agent.violations import Violation, violation_data, violation_report
from anomaly_agent.wording import counted
from crossdock.pipeline import Report

INFERRED = (
    "numbers and dates where nearly all rows have them, and no day that does not exist",
    "no missing value in columns that are otherwise complete",
    "no negative or zero amounts where no other row has them",
    "no row twice, no id twice",
    "days in the order that the other rows keep",
)
MOST = 200_000
ASK_RULES = (
    f"There are no rules to check the table against. Send a JSON Schema of one record, or rules. {GRAMMAR}. "
    "Or answer `infer rules`, to hold each row against what nearly all the others keep."
)


def validate(
    report: Report, source: Source, rules: dict[str, Any] | None, limits: Limits
) -> Validation | Question | None:
    """None when the source is a message without a table in it. Raises Rejected for unreadable input and rules.

    `rules` has `schema` (a JSON Schema for one record) or `rules`, or is empty: then they are inferred from the table.
    """
    report("Reading the input", 0.05)
    table = source.read(limits)
    if table is None:
        return None
    if rules is None:
        return Question(ASK_RULES)
    report(f"Checking {len(table):,} rows", 0.3)
    origin, named, found = _checked(table, rules, Patterns(limits.pattern_seconds))
    found = sorted(found[:MOST], key=lambda violation: violation.row)
    unused = unused_fields(rules.get("schema"), table)
    data = violation_data(found, len(table), named, origin, [*table.notes, *_on_unused(unused)], limits)
    headline = _headline(data["summary"], unused)
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


def _on_unused(names: list[str]) -> list[str]:
    listed = ", ".join(repr(name[:60]) for name in names[:20])
    return [f"fields of the schema that no record has: {listed}"] if names else []


def _headline(about: dict[str, Any], unused: list[str]) -> str:
    without = f", {counted(len(unused), 'field')} of which no record has" if unused else ""
    against = {
        "schema": f"against the JSON Schema{without}",
        "rules": f"against {counted(len(about['rules']), 'rule')}",
        "inferred": "against rules inferred from the table; none were given",
    }[about["checked_against"]]
    if not about["violations"]:
        if about["checked_against"] == "inferred":
            return f"No row out of {about['rows']:,} breaks a rule, checked {against}."
        subject = "The only row is" if about["rows"] == 1 else f"All {about['rows']:,} rows are"
        return f"{subject} valid, checked {against}."
    broken, rows = about["invalid_rows"], counted(about["rows"], "row")
    breaks = "breaks" if broken == 1 else "break"
    return f"{broken:,} of {rows} {breaks} a rule ({counted(about['violations'], 'violation')}), checked {against}."
