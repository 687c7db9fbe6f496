"""A2A's parts and the pipeline's, both ways."""

import math
import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from a2a.types import Message, Role
from a2a.types import Part as WirePart
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.struct_pb2 import Struct, Value

from crossdock.pipeline import DataPart, FilePart, Part, TextPart, Turn

OCTETS = "application/octet-stream"


def whole(value: Any) -> Any:
    """Numbers as JSON meant them: protobuf's `Struct` carries each as a double, so 3 arrives as 3.0."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item) for item in value]
    return value


def finite(value: Any) -> Any:
    """`value` without NaN and infinities, which JSON lacks: null stands for them, as browsers write them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    return value


def struct(values: Mapping[str, Any]) -> Struct:
    message = Struct()
    message.update(finite(values))
    return message


def plain(message: Struct | Value) -> Any:
    """A `Struct` or `Value` as Python values."""
    return whole(MessageToDict(message))


def media_type(part: WirePart) -> str:
    """The part's media type: as declared, else by its name, else what its kind implies."""
    if part.media_type:
        return part.media_type.split(";")[0].strip().lower()
    kind = part.WhichOneof("content")
    if kind == "text":
        return "text/plain"
    if kind == "data":
        return "application/json"
    return mimetypes.guess_type(part.filename or _url_name(part.url))[0] or OCTETS


def _url_name(url: str) -> str:
    """The last piece of a URL's path; empty for what is no URL."""
    try:
        return PurePosixPath(unquote(urlsplit(url).path)).name
    except ValueError:
        return ""


def from_wire(part: WirePart) -> Part:
    metadata = plain(part.metadata) if part.HasField("metadata") else {}
    kind = part.WhichOneof("content")
    if kind == "data":
        return DataPart(plain(part.data), metadata)
    if kind == "text" and not part.filename:
        return TextPart(part.text, metadata)
    name = part.filename or _url_name(part.url) or "file"
    content = part.text.encode() if kind == "text" else part.raw
    return FilePart(name, media_type(part), content, part.url, metadata)


def to_wire(part: Part) -> WirePart:
    if isinstance(part, TextPart):
        wire = WirePart(text=part.text)
    elif isinstance(part, DataPart):
        wire = WirePart(data=ParseDict(finite(part.data), Value()), media_type="application/json")
    elif part.url:
        wire = WirePart(url=part.url, filename=part.name, media_type=part.media_type)
    else:
        wire = WirePart(raw=part.content, filename=part.name, media_type=part.media_type)
    if part.metadata:
        wire.metadata.CopyFrom(struct(part.metadata))
    return wire


def turns(messages: Iterable[Message]) -> tuple[Turn, ...]:
    return tuple(
        Turn("agent" if message.role == Role.ROLE_AGENT else "user", tuple(map(from_wire, message.parts)))
        for message in messages
    )
