"""A linear model of a column's logarithm: what tables of a few hundred rows can bear."""

import numpy as np

from anomaly_agent.profile import Column, Floats

PENALTY = 1.0
FEWEST_ALIKE = 3
MOST_FEATURES = 120
ROUNDS = 3
FAR = 4.0


def logarithms(column: Column) -> Floats:
    """log10 of the positive values, NaN for all others."""
    positive = column.known & (column.values > 0)
    return np.where(positive, np.log10(np.where(positive, column.values, 1.0)), np.nan)


def regressed(logs: Floats, others: list[Column]) -> Floats:
    """The expected `logs` by ridge regression on the logarithms of numbers and on categories, NaN where there is none.

    Rows that lie far off are left out of the next round of fitting, so that they cannot hide themselves; a row that is
    kept is predicted as if it had been left out (its residual divided by 1 - leverage).
    """
    known = ~np.isnan(logs)
    design = _design(others, known)
    used = known.copy()
    expected = np.full(len(logs), np.nan)
    for _ in range(ROUNDS):
        part = design[used]
        inverse = np.linalg.inv(part.T @ part + PENALTY * np.eye(part.shape[1]))
        middle = float(np.median(logs[used]))
        weights = inverse @ part.T @ (logs[used] - middle)
        off = logs - middle - design @ weights
        leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
        off = np.where(used, off / np.maximum(1 - leverage, 0.05), off)
        expected = np.where(known, logs - off, np.nan)
        spread = 1.4826 * float(np.median(np.abs(off[used])))
        used = known & (np.abs(off) <= FAR * max(spread, 0.01))
        if used.sum() < 0.6 * known.sum():
            break
    return expected


def _design(others: list[Column], known: np.typing.NDArray[np.bool_]) -> Floats:
    """A constant, centred logarithms, and one indicator per frequent category; few enough for the rows."""
    features: list[Floats] = [np.ones(len(known))]
    most = min(MOST_FEATURES, int(known.sum()) // 4)
    for column in sorted(others, key=lambda column: len(column.counts)):
        new = _features(column)
        if len(features) + len(new) <= most:
            features += new
    return np.column_stack(features)


def _features(column: Column) -> list[Floats]:
    if column.kind == "number":
        logs = logarithms(column)
        if np.isnan(logs).mean() > 0.5:
            return []
        centred = np.nan_to_num(logs - np.nanmedian(logs))
        return [centred]
    if column.kind not in ("category", "flag"):
        return []
    texts = np.array(column.texts, dtype=object)
    frequent = [text for text, count in column.counts.most_common() if count >= FEWEST_ALIKE]
    return [(texts == text).astype(np.float64) for text in frequent]
