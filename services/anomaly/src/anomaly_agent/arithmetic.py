"""Relations that the table itself obeys, such as quantity x price = value, and the rows that break them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from anomaly_agent.findings import Finding
from anomaly_agent.profile import Column, Floats
from anomaly_agent.wording import number, times

HOLDS = 0.85
BY_CHANCE = 0.5
"""A relation that also holds this often with one column shuffled says nothing."""
FEWEST = 12
FEWEST_NAMED = 4
"""Rows that are enough when the names say quantity, price and value."""
HOLDS_NAMED = 0.7
SAMPLE = 2_000
MOST_COLUMNS = 24
VAGUE = 0.1
"""Rounding may blur a relation by this share of its result, in the median row, and not more."""
SLACK = 0.005
"""Deviations up to this share of the result are left alone: discounts on the last cent, not faults."""


@dataclass(frozen=True, slots=True)
class Relation:
    """left x right = scale * result, or left + right = result."""

    left: Column
    right: Column
    result: Column
    sign: str
    scale: float = 1.0

    @property
    def columns(self) -> tuple[Column, Column, Column]:
        return (self.left, self.right, self.result)

    def __str__(self) -> str:
        percent = " / 100" if self.scale == 100.0 else ""
        return f"{self.left.name} {'×' if self.sign == 'x' else '+'} {self.right.name}{percent} = {self.result.name}"

    def expected(self) -> Floats:
        left, right = self.left.values, self.right.values
        return left * right / self.scale if self.sign == "x" else left + right

    def state(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Floats]:
        """Rows that keep it, rows that break it, and what the result should be."""
        expected = self.expected()
        known = ~np.isnan(expected) & self.result.known
        off = np.abs(expected - self.result.values)
        allowed = _blur(self)
        size = np.maximum(np.abs(expected), np.abs(self.result.values))
        return known & (off <= allowed), known & (off > 1.5 * allowed + SLACK * size), expected


def relations(columns: list[Column]) -> list[Relation]:
    """The relations that nearly all rows keep and that shuffled rows would not."""
    numbers = [column for column in columns if column.kind == "number" and _varies(column)][:MOST_COLUMNS]
    found = []
    for left, right in combinations(numbers, 2):
        for result in numbers:
            if result is left or result is right:
                continue
            for sign, scale in (("x", 1.0), ("x", 100.0), ("+", 1.0)):
                relation = Relation(left, right, result, sign, scale)
                if _holds(relation):
                    found.append(relation)
    return found


def broken(found: list[Relation]) -> Iterator[Finding]:
    """Findings of kind `arithmetic`, with the columns that no other relation vouches for first."""
    states = [relation.state() for relation in found]
    for relation, (_, wrong, expected) in zip(found, states, strict=True):
        for row in np.flatnonzero(wrong).tolist():
            vouched = {
                column.name
                for other, (kept, _, _) in zip(found, states, strict=True)
                if kept[row]
                for column in other.columns
            }
            names = [column.name for column in relation.columns]
            suspects = [name for name in names if name not in vouched] or names
            yield Finding(row, "arithmetic", tuple(suspects), _reason(relation, row, float(expected[row])), 0.93)


def _reason(relation: Relation, row: int, expected: float) -> str:
    left, right, result = relation.columns
    actual = float(result.values[row])
    sign = "×" if relation.sign == "x" else "+"
    percent = " / 100" if relation.scale == 100.0 else ""
    ratio = f" ({times(actual / expected)})" if expected * actual > 0 and not 0.5 < actual / expected < 2 else ""
    return (
        f"{left.name} {number(left.values[row])} {sign} {right.name} {number(right.values[row])}{percent} = "
        f"{number(expected)}, but {result.name} is {number(actual)}{ratio}"
    )


def _holds(relation: Relation) -> bool:
    sampled = _sampled(relation)
    expected, result, blur = sampled
    known = ~np.isnan(expected) & ~np.isnan(result) & ((expected != 0) | (result != 0))
    kept = np.abs(expected - result)[known] <= blur[known]
    few = known.sum() < FEWEST
    if known.sum() < FEWEST_NAMED or (few and not _is_named(relation)):
        return False
    if kept.mean() < (HOLDS_NAMED if few else HOLDS):
        return False
    size = np.maximum(np.abs(result[known]), 1e-12)
    return float(np.median(blur[known] / size)) < VAGUE and not _by_chance(relation)


def _is_named(relation: Relation) -> bool:
    """Quantity x money = money, by the columns' names."""
    factors = (relation.left.hints, relation.right.hints)
    named = any("quantity" in one and "money" in other for one, other in (factors, factors[::-1]))
    return named and relation.sign == "x" and "money" in relation.result.hints


def _sampled(relation: Relation) -> tuple[Floats, Floats, Floats]:
    step = max(1, len(relation.result.values) // SAMPLE)
    part = slice(None, None, step)
    left, right = relation.left.values[part], relation.right.values[part]
    expected = left * right / relation.scale if relation.sign == "x" else left + right
    return expected, relation.result.values[part], _blur(relation, part)


def _by_chance(relation: Relation) -> bool:
    """Whether other rows' values would do as well, in either column."""
    return any(_shuffled_share(relation, column) > BY_CHANCE for column in (relation.left, relation.right))


def _shuffled_share(relation: Relation, column: Column) -> float:
    order = np.random.default_rng(0).permutation(len(column.values))
    left, right = relation.left.values, relation.right.values
    left, right = (left[order], right) if column is relation.left else (left, right[order])
    expected = left * right / relation.scale if relation.sign == "x" else left + right
    known = ~np.isnan(expected) & relation.result.known
    if not known.any():
        return 1.0
    return float(np.mean(np.abs(expected - relation.result.values)[known] <= _blur(relation)[known]))


def _blur(relation: Relation, part: slice = slice(None)) -> Floats:
    """How far rounding of the three columns may put the result off, per row."""
    left, right = np.abs(relation.left.values[part]), np.abs(relation.right.values[part])
    result = np.abs(relation.result.values[part])
    rounding = 0.5 * 10.0**-relation.result.decimals
    if relation.sign == "x":
        factors = (left * _half_digit(relation.right) + right * _half_digit(relation.left)) / relation.scale
    else:
        factors = np.full(len(left), _half_digit(relation.left) + _half_digit(relation.right))
    blur: Floats = 1.02 * (rounding + factors) + 1e-6 * result
    return blur


def _half_digit(column: Column) -> float:
    """Whole numbers are taken as exact."""
    return 0.5 * 10.0**-column.decimals if column.decimals else 0.0


def _varies(column: Column) -> bool:
    known = column.values[column.known]
    if len(known) < FEWEST_NAMED:
        return False
    values, counts = np.unique(known, return_counts=True)
    return len(values) > 1 and bool(counts.max() < 0.9 * len(known))
