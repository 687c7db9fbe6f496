"""Tables and numbers that stand in the text of a message, between the words of a sentence."""

import re

from anomaly_agent.delimited import DELIMITERS, read_delimited
from anomaly_agent.json_records import read_json
from anomaly_agent.layout import Unfit
from anomaly_agent.limits import Limits
from anomaly_agent.numerals import parse_number
from anomaly_agent.table import Table
from crossdock.errors import Rejected

FENCE = re.compile(r"```[a-zA-Z]*[ \t]*\n(.*?)```", re.DOTALL)
NUMERAL = r"[-+−]?[0-9]+(?:[.,][0-9]+)?%?"
BETWEEN = r"(?:[ \t\n]*[;,|/][ \t\n]*|[ \t\n]+|[ \t]+(?:and|und|et|y)[ \t]+)"
RUN = re.compile(rf"(?<![\w.,-]){NUMERAL}(?:{BETWEEN}{NUMERAL}){{3,}}(?![\w-])")
FEWEST_NUMBERS = 5
RULE_LINE = re.compile(r"[\s|:+-]+")


def find_table(text: str, limits: Limits) -> Table | None:
    """The table or the run of numbers in a message, or None if it is words alone. Raises Rejected for broken JSON."""
    limits.check_bytes(len(text.encode("utf-8", "replace")))
    fenced = [table for body in FENCE.findall(text) if (table := _table_in(body, limits)) is not None]
    if len(fenced) > 1:
        raise Rejected(f"The message holds {len(fenced)} tables; a task takes one. Send one task per table.")
    return fenced[0] if fenced else _table_in(text, limits)


def _table_in(text: str, limits: Limits) -> Table | None:
    return _json_table(text, limits) or _block_table(text, limits) or _numbers(text, limits)


def _json_table(text: str, limits: Limits) -> Table | None:
    """Everything from the first bracket to the last; a sentence may stand around it."""
    starts = [
        position for position in (text.find("[{"), text.find("[ {"), text.find("[\n"), text.find('{"')) if position >= 0
    ]
    end = max(text.rfind("]"), text.rfind("}"))
    if not starts or end < min(starts):
        return None
    try:
        table = read_json(text[min(starts) : end + 1], limits)
    except Rejected:
        if text.lstrip()[:1] in ("[", "{"):
            raise
        return None  # a sentence that merely has brackets in it
    return Table(table.names, table.rows, "text", table.notes, table.widths, table.keys)


def _block_table(text: str, limits: Limits) -> Table | None:
    """The longest run of lines that have the same number, two or more, of cells."""
    lines = [line.strip().removesuffix("|").removeprefix("|") if "|" in line else line for line in text.splitlines()]
    best: tuple[int, str, list[str]] = (1, "", [])
    for delimiter in DELIMITERS:
        block = _longest(lines, delimiter)
        if len(block) > best[0]:
            best = (len(block), delimiter, block)
    _, delimiter, block = best
    if not delimiter or not _has_values(block, delimiter):
        return None
    rows = [line for line in block if not RULE_LINE.fullmatch(line)]  # the |---|---| below a Markdown header
    if len(rows) < 2:
        return None
    try:
        table = read_delimited("\n".join(rows), limits, delimiter)
    except Unfit:
        return None  # lines that look like a table until its header is taken away
    filled = sum(1 for line in lines if line.strip())
    partly = (f"the table is {len(block):,} of the text's {filled:,} lines",) if len(block) < filled else ()
    return Table(table.names, table.rows, "text", (*table.notes, *partly), table.widths)


def _longest(lines: list[str], delimiter: str) -> list[str]:
    best: list[str] = []
    current: list[str] = []
    width = 0
    for line in lines:
        cells = line.count(delimiter) + 1
        # Quoted cells may hold the delimiter, so a line may be wider than the one that began the block.
        if cells >= 2 and (cells == width or (current and '"' in line and cells > width)):
            current.append(line)
        else:
            current, width = ([line], cells) if cells >= 2 else ([], 0)
        if len(current) > len(best):
            best = current
    return best


def _has_values(block: list[str], delimiter: str) -> bool:
    """Prose has commas too; a table has numbers below its header."""
    cells = [cell.strip().strip('"') for line in block[1:] for cell in line.split(delimiter)]
    numbers = sum(1 for cell in cells if any(character.isdigit() for character in cell))
    return numbers > 0.2 * len(cells) and sum(map(len, cells)) < 60 * len(cells)


def _numbers(text: str, limits: Limits) -> Table | None:
    """The longest run of numbers; points end a sentence, commas may be decimal."""
    runs = [match[0] for match in RUN.finditer(text)]
    for run in sorted(runs, key=len, reverse=True):
        decimal_commas = re.search(r"[0-9],[0-9]", run) and re.search(r"[0-9][ \t;]+[-+0-9]", run) and "." not in run
        pieces = re.split(r"[\s;|/]+" if decimal_commas else r"[\s;,|/]+", run)
        values = [parse_number(piece.strip(",%"), "," if decimal_commas else ".") for piece in pieces if piece]
        found = [value for value in values if value is not None]
        if len(found) >= FEWEST_NUMBERS:
            limits.check_shape(len(found), 1)
            return Table(("value",), [(value,) for value in found], "text")
    return None
