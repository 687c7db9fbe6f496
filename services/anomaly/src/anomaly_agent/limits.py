"""How much one request may bring; beyond it the request is rejected with the number that was exceeded."""

from dataclasses import dataclass

from crossdock.errors import Rejected


@dataclass(frozen=True, slots=True)
class Limits:
    """`unpacked` bounds what an XLSX file (a ZIP archive) may expand to, in bytes."""

    bytes: int = 25 * 1024 * 1024
    unpacked: int = 250 * 1024 * 1024
    workbook_cells: int = 2_000_000
    """Cells of an XLSX file, empty ones included: they cost more time than those of CSV."""
    rows: int = 200_000
    columns: int = 400
    cells: int = 5_000_000
    pattern_seconds: float = 5.0
    """Time that the regular expressions of one request may take together."""
    validation_seconds: float = 60.0
    """For how long one table may be checked: a schema can double its work with each level, a pattern too."""
    records: int = 1_000
    """Records or violations that an artifact lists; the summary counts all."""

    def check_bytes(self, size: int) -> None:
        if size > self.bytes:
            raise Rejected(
                f"The input has {size:,} bytes; at most {self.bytes:,} are read. Send it in several smaller files."
            )

    def check_shape(self, rows: int, columns: int) -> None:
        if columns > self.columns:
            raise Rejected(
                f"The table has {columns:,} columns; at most {self.columns:,} are read. Leave out the ones that do not "
                f"matter."
            )
        if rows > self.rows:
            raise Rejected(f"The table has more than {self.rows:,} rows. Send it in several smaller files.")
        if rows * columns > self.cells:
            raise Rejected(
                f"The table has more than {self.cells:,} cells ({columns:,} columns). Send fewer rows or columns at a "
                f"time."
            )
