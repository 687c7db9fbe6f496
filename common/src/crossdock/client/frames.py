"""Server-sent events out of bytes as they arrive (WHATWG HTML, section 9.2)."""


class Frames:
    """Gathers the pieces of one stream. The name of an event is empty where the stream gives none."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._data: list[bytes] = []
        self._name = b""

    def add(self, piece: bytes) -> list[tuple[bytes, bytes]]:
        """The name and the data of each event that is whole now, and that has data."""
        self._held.append(piece)
        if b"\n" not in piece and b"\r" not in piece:
            return []
        lines = b"".join(self._held).splitlines(keepends=True)
        # A CR at the end may be half of a line's end.
        self._held = [] if lines[-1].endswith(b"\n") else [lines.pop()]
        return [event for line in lines if (event := self._event(line.rstrip(b"\r\n")))]

    def _event(self, line: bytes) -> tuple[bytes, bytes] | None:
        if line:
            self._take(*line.partition(b":")[::2])
            return None
        event = self._name, b"\n".join(self._data)
        self._data, self._name = [], b""
        return event if event[1] else None

    def _take(self, field: bytes, value: bytes) -> None:
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
        elif field == b"event":
            self._name = value.removeprefix(b" ")
