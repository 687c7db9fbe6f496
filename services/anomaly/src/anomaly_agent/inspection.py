"""All checks of a table, one after the other."""

from anomaly_agent.arithmetic import Relation, broken, relations
from anomaly_agent.chronology import chronology
from anomaly_agent.duplicates import duplicates
from anomaly_agent.findings import Finding
from anomaly_agent.magnitudes import magnitudes
from anomaly_agent.oddities import oddities
from anomaly_agent.profile import Column
from anomaly_agent.signs import signs
from anomaly_agent.table import Table
from crossdock.pipeline import Report


def inspected(table: Table, columns: list[Column], report: Report) -> tuple[list[Finding], list[Relation]]:
    """The findings, in no order, and the relations that the table was found to obey."""
    report("Looking for rules that the columns keep", 0.3)
    found = relations(columns)
    findings = [*broken(found), *signs(columns)]
    report("Comparing days, ids and repeated rows", 0.4)
    findings += [*chronology(columns), *duplicates(columns), *oddities(table, columns)]
    report("Comparing each number with the rest of its row", 0.5)
    findings += magnitudes(columns, found)
    return findings, found
