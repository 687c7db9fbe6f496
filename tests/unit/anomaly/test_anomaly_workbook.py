"""XLSX files: what is read from them, what is said about it, and what a small one may cost."""

import io
import time
import zipfile
from typing import Any

import openpyxl
import pytest

from anomaly_agent.limits import Limits
from tests.unit.anomaly.samples import detected, read, refusal

NAMESPACE = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SHEET = "xl/worksheets/sheet1.xml"


def workbook(*rows: list[Any]) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Data", 0)
    for row in rows:
        sheet.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def with_part(name: str, text: str) -> bytes:
    """A small workbook in which one part is replaced."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook(["a", "b"], [1, 2]))) as source,
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for entry in source.infolist():
            target.writestr(entry.filename, text if entry.filename == name else source.read(entry))
    return stream.getvalue()


def sheet(body: str) -> bytes:
    return with_part(SHEET, f"<worksheet {NAMESPACE}><sheetData>{body}</sheetData></worksheet>")


def test_a_workbook_with_a_title_and_days() -> None:
    table = read(workbook(["Export"], [], ["id", "day", "qty"], [1, None, 4], [2, None, 5]))
    assert table.names == ("id", "day", "qty")
    assert table.rows == [(1, None, 4), (2, None, 5)]
    assert "sheet 'Data'" in table.notes


def test_merged_cells_are_noted() -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Data", 0)
    for row in (["region", "qty"], ["North", 4], ["", 5], ["South", 6], ["", 7]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("A4:A5")
    stream = io.BytesIO()
    book.save(stream)
    table = read(stream.getvalue())
    assert table.column(0) == ["North", None, "South", None]
    (note,) = [note for note in table.notes if "merged" in note]
    assert note.startswith("2 range(s) of merged cells: each has its value in its top left cell only")


def test_a_workbook_that_unpacks_to_too_much() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"0" * 1_000_000)
    assert "unpacks to 1,000,000" in refusal(stream.getvalue(), limits=Limits(unpacked=500_000))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (sheet("<row>" + "<c/>" * 500_000 + "</row>"), "more than 50,000 cells"),
        (sheet(("<row>" + "<c/>" * 100 + "</row>") * 5_000), "more than 50,000 cells"),
        (sheet("".join(f'<row r="{row}"><c r="XFD{row}"/></row>' for row in range(1, 1_000))), "into a new file"),
        (sheet('<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>'), "into a new file"),
        (sheet("<x/>" * 500_000), "more than 50,000 cells"),
        (
            with_part("xl/styles.xml", f"<styleSheet {NAMESPACE}><cellXfs>{'<xf/>' * 700_000}</cellXfs></styleSheet>"),
            "cell formats",
        ),
        (with_part(SHEET, f'<!DOCTYPE x [<!ENTITY a "b">]><worksheet {NAMESPACE}/>'), "declares a document type"),
    ],
)
def test_a_small_file_that_costs_much_is_refused_soon(content: bytes, says: str) -> None:
    begin = time.process_time()
    assert says in refusal(content, limits=Limits(workbook_cells=50_000, cells=100_000))
    assert time.process_time() - begin < 3


def test_formulas_without_stored_values_are_counted_by_column() -> None:
    rows = [[f"A{row}", row, f"=B{row}*2"] for row in range(2, 30)]
    table = read(workbook(["id", "qty", "double"], *rows))
    assert (table.rows[0], len(table)) == (("A2", 2, None), 28)
    (note,) = [note for note in table.notes if "formulas" in note]
    assert note.startswith("formulas without a stored value, read as missing cells: 28 in 'double'. Open the file")
    assert note in detected(workbook(["id", "qty", "double"], *rows))["summary"]["notes"]


def test_a_sheet_of_formulas_alone_is_refused_for_what_it_is() -> None:
    assert "formulas without stored values. Open the file" in refusal(workbook(["=A2", "=A3"], ["=1+1", "=2+2"]))


def test_numbers_that_no_float_holds_stay_text() -> None:
    body = '<row><c t="str"><v>a</v></c></row><row><c><v>1e999</v></c></row><row><c><v>1' + "0" * 400 + "</v></c></row>"
    assert read(sheet(body)).rows == [("inf",), ("1" + "0" * 400,)]


def test_a_cover_sheet_is_passed_over() -> None:
    book = openpyxl.Workbook()
    book.create_sheet("Cover", 0).append(["Export of May"])
    for row in (["id", "qty"], [1, 2], [2, 3]):
        book["Sheet"].append(row)
    stream = io.BytesIO()
    book.save(stream)
    table = read(stream.getvalue())
    assert table.rows == [(1, 2), (2, 3)]
    assert "other sheets were not read: 'Cover'" in table.notes


def test_formulas_with_stored_values_are_values() -> None:
    body = '<row><c t="str"><v>a</v></c></row><row><c><f>1+1</f><v>2</v></c></row>'
    table = read(sheet(body))
    assert table.rows == [(2,)]
    assert not any("formula" in note for note in table.notes)


def test_the_stated_size_of_a_sheet_is_not_believed() -> None:
    body = '<row r="1"><c r="A1" t="str"><v>a</v></c></row><row r="2"><c r="A2"><v>2</v></c></row>'
    content = with_part(
        SHEET, f'<worksheet {NAMESPACE}><dimension ref="C9:D9"/><sheetData>{body}</sheetData></worksheet>'
    )
    assert read(content).rows == [(2,)]
