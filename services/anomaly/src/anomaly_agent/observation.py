"""Alarms of a series put into words."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from anomaly_agent.alarms import Alarm, alarms
from anomaly_agent.dates import written
from anomaly_agent.findings import Finding
from anomaly_agent.series import Series
from anomaly_agent.wording import number, span


@dataclass(frozen=True, slots=True)
class Observation:
    """`spans` has first and last row of each alarm, its worst row and, with a clock, the times."""

    series: Series
    alarms: list[Alarm]
    findings: list[Finding]
    spans: list[dict[str, Any]]
    pattern: str
    usual: float | None


def observed(series: Series) -> Observation:
    found, pattern = alarms(series)
    known = series.values[~np.isnan(series.values)]
    usual = float(f"{np.median(known):.6g}") if len(known) else None
    findings = [_finding(series, alarm, pattern) for alarm in found]
    return Observation(series, found, findings, [_span(series, alarm) for alarm in found], pattern, usual)


def _finding(series: Series, alarm: Alarm, pattern: str) -> Finding:
    """One finding per alarm, at its worst reading."""
    weight = min(0.99, 1 - 0.5 * float(np.exp(-1.5 * (alarm.excess - 1))))
    return Finding(int(series.rows[alarm.peak]), alarm.view, (series.field,), _reason(series, alarm, pattern), weight)


def _reason(series: Series, alarm: Alarm, pattern: str) -> str:
    count = alarm.end - alarm.start + 1
    value = number(float(series.values[alarm.peak]))
    if alarm.view == "stuck":
        stretch = _stretch(series, alarm)
        return (
            f"{series.name} stays at exactly {value} for {count} readings{stretch}, where readings hardly ever repeat"
        )
    side = "above" if alarm.off > 0 else "below"
    beside = f" after taking off the {pattern} pattern" if pattern else ""
    usual = "of the day around it" if alarm.view == "jump" else f"({number(alarm.usual)})"
    size = f"{number(float(f'{abs(alarm.off):.3g}'))} {side} what is usual {usual}{beside}"
    reach = f"; {alarm.excess:.2g} times the distance that still counts as ordinary"
    if alarm.length == 1:
        subject = f"{series.name} is {value}{_moment(series, alarm.peak)}, {size}{reach}"
    else:
        period = f"over {_length(series, alarm)}{_moment(series, alarm.peak, 'around')}"
        subject = f"the mean of {series.name} {period} is {size}{reach}"
    if count == 1:
        return subject
    return f"{subject}; {count} readings in a row are off{_stretch(series, alarm)}"


def _moment(series: Series, place: int, word: str = "at") -> str:
    return f" {word} {written(series.times[place])}" if series.times is not None else ""


def _stretch(series: Series, alarm: Alarm) -> str:
    if series.times is None:
        return ""
    return f", from {written(series.times[alarm.start])} to {written(series.times[alarm.end])}"


def _length(series: Series, alarm: Alarm) -> str:
    if series.times is None:
        return f"{alarm.length} readings"
    return span(alarm.length * float(np.median(np.diff(series.times))))


def _span(series: Series, alarm: Alarm) -> dict[str, Any]:
    rows = {
        "first_row": int(series.rows[alarm.start]),
        "last_row": int(series.rows[alarm.end]),
        "row": int(series.rows[alarm.peak]),
    }
    if series.times is None:
        return rows
    return rows | {"from": written(series.times[alarm.start]), "to": written(series.times[alarm.end])}
