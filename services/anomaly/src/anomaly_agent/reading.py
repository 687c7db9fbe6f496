"""Any input to a table: what it is is decided by its content; the name and media type only break ties."""

from anomaly_agent.decoding import ACCEPTED, decoded
from anomaly_agent.delimited import read_delimited
from anomaly_agent.json_records import read_json
from anomaly_agent.limits import Limits
from anomaly_agent.pasted import find_table
from anomaly_agent.table import Table
from anomaly_agent.workbook import read_workbook
from crossdock.errors import Rejected


def read_file(content: bytes, limits: Limits, name: str = "", media_type: str = "") -> Table:
    """The table in a file. Raises Rejected, saying what to change, for every input that holds none."""
    limits.check_bytes(len(content))
    if not content.strip():
        raise Rejected(f"The file is empty. {ACCEPTED}")
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return read_workbook(content, limits)
    text, encoding = decoded(content)
    text = text.lstrip("\ufeff")
    table = _read_text(text, limits, name.lower(), media_type.lower())
    if encoding in ("utf-8", "utf-8-sig"):
        return table
    return table.noted(f"read as {encoding}")


def _read_text(text: str, limits: Limits, name: str, media_type: str) -> Table:
    if not text.strip():
        raise Rejected(f"The file is blank. {ACCEPTED}")
    start = text.lstrip()[:1]
    if start in "[{":
        return read_json(text, limits)
    if "json" in media_type or name.endswith((".json", ".jsonl", ".ndjson")):
        raise Rejected("The file is called JSON but does not begin with [ or {. Send valid JSON, or CSV as .csv.")
    if text.lstrip()[:15].lower().startswith(("<!doctype", "<html", "<?xml")):
        raise Rejected(f"The file is HTML or XML, not a table. {ACCEPTED}")
    if text.lstrip().startswith("|") and (table := find_table(text, limits)) is not None:
        return table  # Markdown
    tabs = name.endswith((".tsv", ".tab")) or "tab-separated" in media_type
    return read_delimited(text, limits, "\t" if tabs and "\t" in text else "")
