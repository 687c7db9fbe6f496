"""What a column's value should be, order of magnitude, given the rest of its row."""

import numpy as np
from numpy.typing import NDArray

from anomaly_agent.profile import Column, Floats
from anomaly_agent.regression import logarithms, regressed

LEARNABLE, REGRESSIVE, LINEAR = 1_000, 40, 3_000
"""Rows from which trees, and from which a linear model, are worth more than medians; and up to which the latter is."""
FOLDS = 3
MOST_TRAINED = 8_000
MOST_FEATURES = 40
MOST_CATEGORIES = 400
FEWEST_ALIKE = 5


def expected_logs(target: Column, logs: Floats, columns: list[Column]) -> Floats:
    """The expected log10 of `target` per row; `logs` are the actual ones, NaN where there is none."""
    others = [column for column in columns if column is not target]
    known = np.flatnonzero(~np.isnan(logs))
    candidates = [_by_medians(logs, others)] if len(known) < LEARNABLE else []
    if REGRESSIVE <= len(known) < LINEAR:
        candidates.append(regressed(logs, others))
    if len(known) >= LEARNABLE:
        candidates.append(_by_trees(_features(others), logs, known))
    return min(candidates, key=lambda candidate: _error(logs, candidate))


def _by_trees(features: Floats, logs: Floats, known: NDArray[np.intp]) -> Floats:
    """Each row is predicted by gradient boosted trees that have not seen it."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    expected = np.full(len(logs), np.nan)
    if not features.shape[1]:
        expected[known] = np.median(logs[known])
        return expected
    generator = np.random.default_rng(0)
    fold = generator.integers(FOLDS, size=len(known))
    # A slip of 100 in the training rows should not bend the model: extreme values are pulled in to the bulk's edge.
    low, high = np.quantile(logs[known], [0.005, 0.995])
    for number in range(FOLDS):
        train, test = known[fold != number], known[fold == number]
        if len(train) > MOST_TRAINED:
            train = generator.choice(train, MOST_TRAINED, replace=False)
        model = HistGradientBoostingRegressor(max_iter=60, learning_rate=0.15, random_state=0, early_stopping=False)
        # One thread: on a machine that others keep busy, several wait for each other many times longer than they work.
        with threadpool_limits(limits=1):
            model.fit(features[train], np.clip(logs[train], low, high))
            expected[test] = model.predict(features[test])
    return expected


def _features(columns: list[Column]) -> Floats:
    """Logarithms of numbers, days, and categories by their rank in frequency."""
    usable = [feature for column in columns if (feature := _feature(column)) is not None]
    return np.column_stack(usable[:MOST_FEATURES]) if usable else np.empty((0, 0))


def _feature(column: Column) -> Floats | None:
    if column.kind == "number":
        return logarithms(column)
    if column.kind == "date":
        return column.values / 86400.0
    if column.kind in ("category", "flag", "text") and len(column.counts) <= MOST_CATEGORIES:
        ranks = {text: float(rank) for rank, (text, _) in enumerate(column.counts.most_common())}
        return np.array([ranks[text] for text in column.texts])
    return None


def _by_medians(logs: Floats, others: list[Column]) -> Floats:
    """For small tables: the median of all, of the rows of the same category, or of the ratio to another column.

    Whichever predicts the rows best is taken.
    """
    candidates = [np.full(len(logs), np.nanmedian(logs))]
    for column in others:
        if column.kind == "number":
            candidates.append(_by_ratio(logs, column))
        elif column.kind == "category":
            candidates.append(_by_category(logs, column))
    errors = [_error(logs, candidate) for candidate in candidates]
    # The plain median wins unless another one is clearly better: with few rows something always fits by chance.
    best = int(np.argmin([errors[0] * 0.6, *errors[1:]]))
    return np.where(np.isnan(candidates[best]), candidates[0], candidates[best])


def _by_ratio(logs: Floats, column: Column) -> Floats:
    other = _feature(column)
    if other is None:
        return np.full(len(logs), np.nan)
    ratio = logs - other
    if np.isnan(ratio).sum() > 0.2 * len(ratio):
        return np.full(len(logs), np.nan)
    expected: Floats = np.nanmedian(ratio) + other
    return expected


def _by_category(logs: Floats, column: Column) -> Floats:
    expected = np.full(len(logs), np.nan)
    codes = np.array([hash(text) for text in column.texts])
    for text, count in column.counts.items():
        if count >= FEWEST_ALIKE:
            rows = codes == hash(text)
            if not np.isnan(logs[rows]).all():
                expected[rows] = np.nanmedian(logs[rows])
    return expected


def _error(logs: Floats, expected: Floats) -> float:
    off = np.abs(logs - expected)
    if np.isnan(off[~np.isnan(logs)]).mean() > 0.3:
        return float("inf")
    return float(np.nanmedian(off)) + 1e-3
