"""What a router is given to decide on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from crossdock.pipeline import DataPart, FilePart, Part, TextPart

AttachmentKind = Literal["table", "document", "image", "other"]

MEDIA_TYPES: Mapping[str, AttachmentKind] = {
    "text/csv": "table",
    "text/tab-separated-values": "table",
    "application/json": "table",
    "application/jsonl": "table",
    "application/x-ndjson": "table",
    "application/vnd.ms-excel": "table",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "table",
    "application/vnd.apache.parquet": "table",
    "application/pdf": "document",
    "application/msword": "document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "document",
    "text/markdown": "document",
    "text/html": "document",
    "text/plain": "document",
    "message/rfc822": "document",
}

SUFFIXES: Mapping[str, AttachmentKind] = {
    **dict.fromkeys(("csv", "tsv", "json", "jsonl", "ndjson", "xls", "xlsx", "parquet"), "table"),
    **dict.fromkeys(("pdf", "doc", "docx", "odt", "md", "txt", "html", "eml"), "document"),
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "webp", "tif", "tiff"), "image"),
}


def attachment_kind(media_type: str, name: str = "") -> AttachmentKind:
    """The kind of a file. Its name counts first: senders label CSV as text/plain or as a byte stream."""
    suffix = PurePath(name).suffix.lstrip(".").lower()
    if suffix in SUFFIXES:
        return SUFFIXES[suffix]
    bare = media_type.split(";", 1)[0].strip().lower()
    if bare.startswith("image/"):
        return "image"
    return MEDIA_TYPES.get(bare, "other")


@dataclass(frozen=True, slots=True)
class RoutingRequest:
    """`text` is the caller's message, `earlier` what the same caller wrote in this task before it, oldest first.

    `media_types` are those of the attached files, `skill` is the one that the caller named.
    """

    text: str
    attachments: tuple[AttachmentKind, ...] = ()
    earlier: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    skill: str = ""

    @property
    def whole_text(self) -> str:
        """Earlier messages, then this one: an answer to a question asked back is only half of a request."""
        return "\n".join((*self.earlier, self.text)).strip()


def routing_request(parts: Iterable[Part], earlier: Iterable[str] = (), skill: str = "") -> RoutingRequest:
    """The request in the parts of one message. A data part counts as a table."""
    texts, kinds, types = [], [], []
    for part in parts:
        if isinstance(part, TextPart):
            texts.append(part.text)
        elif isinstance(part, FilePart):
            kinds.append(attachment_kind(part.media_type, part.name or part.url))
            types.append(part.media_type)
        elif isinstance(part, DataPart):
            kinds.append("table")
    return RoutingRequest("\n".join(texts), tuple(kinds), tuple(earlier), tuple(types), skill)
