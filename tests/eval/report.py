"""What an evaluation says, and the floors that it is held against."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

FLOORS = Path(__file__).with_name("floors.toml")


@dataclass(frozen=True)
class Score:
    """`value` passes at or above `floor`; a score without a floor is information."""

    name: str
    value: float
    floor: float | None = None
    detail: str = ""

    @property
    def passes(self) -> bool:
        return self.floor is None or self.value >= self.floor


@dataclass(frozen=True)
class Report:
    """`misses` are readable lines, one per wrong answer."""

    title: str
    scores: tuple[Score, ...]
    misses: tuple[str, ...] = ()

    @property
    def passes(self) -> bool:
        return all(score.passes for score in self.scores)


def floors(section: str) -> dict[str, float]:
    """The floors of one evaluation, by the name of the score."""
    with FLOORS.open("rb") as file:
        values: dict[str, float] = tomllib.load(file)[section]
    return values
