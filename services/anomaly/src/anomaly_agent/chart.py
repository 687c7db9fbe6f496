"""The PNG chart: a series with its alarms, or a table's findings by kind and by row."""

import io
from collections import Counter
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from anomaly_agent.dates import EPOCH
from anomaly_agent.observation import Observation
from anomaly_agent.profile import Column, Floats
from anomaly_agent.series import Series
from anomaly_agent.table import Table

MOST_PANELS = 6
MOST_POINTS = 20_000
DRAWN = 900 * 366 * 86400.0  # seconds before and after 1970; Matplotlib's years are 1 to 9999
LINE, ALARM = "#33658a", "#c8102e"


def of_series(series: list[Series], observations: list[Observation]) -> bytes:
    """One panel per series, the ones with most alarms first."""
    order = sorted(range(len(series)), key=lambda index: -len(observations[index].alarms))[:MOST_PANELS]
    figure = Figure(figsize=(11, 1.2 + 2.8 * len(order)), layout="constrained")
    for position, index in enumerate(order, start=1):
        _draw(figure.add_subplot(len(order), 1, position), series[index], observations[index])
    return _png(figure)


def _draw(axes: Any, series: Series, observation: Observation) -> None:
    places = _places(series)
    step = max(1, len(series.values) // MOST_POINTS)
    axes.plot(places[::step], series.values[::step], color=LINE, linewidth=0.7)
    for alarm in observation.alarms:
        axes.axvspan(places[alarm.start], places[alarm.end], color=ALARM, alpha=0.15, linewidth=0)
        axes.plot([places[alarm.peak]], [series.values[alarm.peak]], "o", color=ALARM, markersize=5)
    axes.set_title(_label(f"{series.name}: {len(observation.alarms)} alarm(s)"), loc="left", fontsize=10)
    axes.set_xlabel("row" if _moments(series) is None else "time")


def _places(series: Series) -> Any:
    moments = _moments(series)
    if moments is None:
        return np.arange(len(series.values))
    milliseconds = np.round(moments * 1000).astype(np.int64)
    return np.datetime64(EPOCH.replace(tzinfo=None), "ms") + milliseconds.astype("timedelta64[ms]")


def _moments(series: Series) -> Floats | None:
    """The times of the series, if they lie where Matplotlib can draw them, margins included."""
    times = series.times
    return times if times is not None and np.all(np.abs(times) < DRAWN) else None


def of_table(table: Table, columns: list[Column], records: list[dict[str, Any]], kinds: dict[str, int]) -> bytes:
    """Reported rows by kind of finding above; below, the number column with most of them, row by row."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(2, 3))
    names = list(kinds)[::-1]
    bars = above.barh(names or ["nothing found"], [kinds[name] for name in names] or [0], color=LINE)
    above.xaxis.get_major_locator().set_params(integer=True)
    above.bar_label(bars, padding=3)
    above.set_title(f"{len(records):,} of {len(table):,} rows reported, by kind of finding", loc="left", fontsize=10)
    _scatter(below, columns, records)
    return _png(figure)


def _scatter(axes: Any, columns: list[Column], records: list[dict[str, Any]]) -> None:
    numbers = {column.name: column for column in columns if column.kind == "number"}
    hits = Counter(field for record in records for field in record["fields"] if field in numbers)
    name = hits.most_common(1)[0][0] if hits else next(iter(numbers), "")
    if not name:
        axes.set_visible(False)
        return
    values = numbers[name].values
    marked = np.array([record["row"] for record in records if name in record["fields"]], dtype=np.intp)
    step = max(1, len(values) // MOST_POINTS)
    axes.plot(np.arange(len(values))[::step], values[::step], ".", color=LINE, markersize=2, label="rows")
    axes.plot(marked, values[marked], "o", color=ALARM, markersize=4, label="reported for this column")
    known = values[~np.isnan(values)]
    if len(known) and known.min() > 0 and known.max() > 1000 * np.median(known):
        axes.set_yscale("log")
    axes.set_title(_label(name), loc="left", fontsize=10)
    axes.set_xlabel("row")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=8)


def _label(text: str) -> str:
    """A caller's words as a title: short, and without the dollar signs that start a formula."""
    printable = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return printable[:90].replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()
