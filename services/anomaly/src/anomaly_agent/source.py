"""What a caller sent, before it is read: one file, one JSON value or the text of a message."""

from dataclasses import dataclass
from typing import Any

from anomaly_agent.json_records import from_value
from anomaly_agent.limits import Limits
from anomaly_agent.pasted import find_table
from anomaly_agent.reading import read_file
from anomaly_agent.table import Table


@dataclass(frozen=True, slots=True)
class FileSource:
    content: bytes
    name: str = ""
    media_type: str = ""

    def read(self, limits: Limits) -> Table:
        return read_file(self.content, limits, self.name, self.media_type)


@dataclass(frozen=True, slots=True)
class ValueSource:
    value: Any

    def read(self, limits: Limits) -> Table:
        return from_value(self.value, limits)


@dataclass(frozen=True, slots=True)
class TextSource:
    text: str

    def read(self, limits: Limits) -> Table | None:
        """None when the message holds words alone."""
        return find_table(self.text, limits)


Source = FileSource | ValueSource | TextSource
