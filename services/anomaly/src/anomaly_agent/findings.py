"""A finding, and how findings about the same row add up to one record."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

THRESHOLD = 0.5
"""A row is reported from this score on."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`weight` is 0..1, how sure it is that the row is wrong; `kind` names the check; `reason` is for people."""

    row: int
    kind: str
    fields: tuple[str, ...]
    reason: str
    weight: float


def ranked(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """One record per row at or above the threshold, the highest score first, equal ones by row.

    Findings are taken as independent hints: the score is 1 - product of (1 - weight).
    """
    rows: dict[int, list[Finding]] = defaultdict(list)
    for finding in findings:
        rows[finding.row].append(finding)
    records = [_record(row, found) for row, found in rows.items()]
    kept = [record for record in records if record["score"] >= THRESHOLD]
    return sorted(kept, key=lambda record: (-record["score"], record["row"]))


def kinds_of(findings: Iterable[Finding], rows: Collection[int]) -> dict[str, int]:
    """In how many of these rows each kind of finding occurs, the most frequent first."""
    counts = Counter(kind for row, kind in {(finding.row, finding.kind) for finding in findings} if row in rows)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _record(row: int, found: list[Finding]) -> dict[str, Any]:
    found = sorted(found, key=lambda finding: -finding.weight)
    doubt = 1.0
    for finding in found:
        doubt *= 1 - finding.weight
    return {
        "row": row,
        "score": round(1 - doubt, 4),
        "fields": list(dict.fromkeys(field for finding in found for field in finding.fields)),
        "reasons": list(dict.fromkeys(finding.reason for finding in found)),
    }
