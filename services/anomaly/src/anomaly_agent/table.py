"""A table as it was sent: names and cells, nothing interpreted yet."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Table:
    """`rows` hold one JSON value per column; text formats give strings, an absent cell is None.

    `row` in everything that is said about a table is the 0-based index into `rows`. `format` is csv, json, json lines,
    xlsx or text. `notes` tell what had to be guessed while reading. `widths` has, for each row whose number of cells
    differs from the header's, that number. `keys` are the keys that each JSON record really had.
    """

    names: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    format: str
    notes: tuple[str, ...] = ()
    widths: dict[int, int] = field(default_factory=dict)
    keys: list[frozenset[str]] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def noted(self, *notes: str) -> "Table":
        return replace(self, notes=(*self.notes, *notes))

    def column(self, index: int) -> list[Any]:
        return [row[index] for row in self.rows]

    def records(self) -> Iterator[dict[str, Any]]:
        """Each row as the JSON object that it was, or would be."""
        for index, row in enumerate(self.rows):
            present = None if self.keys is None else self.keys[index]
            yield {name: cell for name, cell in zip(self.names, row, strict=True) if present is None or name in present}


def plain(cell: Any) -> str:
    """A cell as the text that a reader of the table sees; empty for an absent one."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and math.isfinite(cell) and cell == int(cell) and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)
