"""Which checks a table gave enough to go by, so that "nothing stands out" says no more than was looked at."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import permutations

from anomaly_agent.arithmetic import FEWEST_NAMED
from anomaly_agent.chronology import is_ordered
from anomaly_agent.duplicates import FEWEST_COLUMNS, FEWEST_ROWS
from anomaly_agent.magnitudes import FEWEST as FEWEST_NUMBERS
from anomaly_agent.oddities import FEWEST as FEWEST_CELLS
from anomaly_agent.profile import Column
from anomaly_agent.series import FEWEST as FEWEST_READINGS
from anomaly_agent.signs import is_judged
from anomaly_agent.wording import counted

FAR = "numbers far from the others"


@dataclass(frozen=True, slots=True)
class Check:
    """`lacks` says what the table would have to have for it, and is empty for a check that was made."""

    name: str
    lacks: str = ""


def checks(columns: list[Column]) -> list[Check]:
    rows = len(columns[0].texts) if columns else 0
    return [Check(name, "" if made else lacks) for name, made, lacks in _each(columns, rows)]


def made(found: Iterable[Check]) -> list[str]:
    return [check.name for check in found if not check.lacks]


def is_small(rows: int, names: list[str]) -> bool:
    """Whether there are too few rows to compare numbers with each other; `names` are the checks that were made."""
    return rows < FEWEST_NUMBERS and FAR not in names


def _each(columns: list[Column], rows: int) -> Iterator[tuple[str, bool, str]]:
    dates = [column for column in columns if column.kind == "date"]
    numbers = [column for column in columns if column.kind in ("number", "flag")]
    most = max((int(column.known.sum()) for column in numbers), default=0)
    used = [column for column in columns if column.kind != "empty"]
    yield "days that do not exist", bool(dates), "a column of days"
    ordered = any(is_ordered(earlier, later) for earlier, later in permutations(dates, 2))
    yield "the order of days", ordered, "two columns of days, named by what comes first, or more rows"
    arithmetic = len(numbers) >= 3 and most >= FEWEST_NAMED
    yield "arithmetic between columns", arithmetic, f"three columns of numbers and {FEWEST_NAMED} rows"
    yield "signs and zeros", any(map(is_judged, columns)), "more numbers in a column"
    repeats = rows >= FEWEST_ROWS and len(used) >= FEWEST_COLUMNS
    yield "repeated rows", repeats, f"{FEWEST_ROWS} rows with {FEWEST_COLUMNS} columns"
    compared = most >= FEWEST_NUMBERS or any(map(_is_even, numbers))
    yield FAR, compared, f"{FEWEST_NUMBERS} numbers in a column"
    yield "words among numbers, misspelt and missing cells", rows >= FEWEST_CELLS, counted(FEWEST_CELLS, "row")


def _is_even(column: Column) -> bool:
    """Readings that are all the same differ from nothing."""
    return len(column.counts) == 1 and bool(column.known.sum() >= FEWEST_READINGS)
