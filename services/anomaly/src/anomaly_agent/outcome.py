"""What a child process hands back. Alone in its module: who reads it must not import what the child computed with."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Detection:
    """`anomalies` is the artifact's JSON, `report` Markdown, `chart` a PNG."""

    anomalies: dict[str, Any]
    report: str
    chart: bytes
    headline: str


@dataclass(frozen=True, slots=True)
class Question:
    """What the caller must say first."""

    text: str


@dataclass(frozen=True, slots=True)
class Validation:
    """`violations` is the artifact's JSON, `report` Markdown."""

    violations: dict[str, Any]
    report: str
    headline: str
