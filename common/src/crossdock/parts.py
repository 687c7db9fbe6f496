"""A2A's parts and the pipeline's, both ways."""

import math
import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from a2a.types import Message, Role
from a2a.types import Part as WirePart
from google.protobuf.struct_pb2 import NULL_VALUE, Struct, Value

from crossdock.pipeline import DataPart, FilePart, Part, TextPart, Turn

OCTETS = "application/octet-stream"


MANY = 2_000


def fill(value: Value, item: Any) -> None:
    """Puts JSON-like `item` into `value`; null stands for NaN and infinities, as browsers write them."""
    if item is None:
        value.null_value = NULL_VALUE
    elif isinstance(item, str):
        value.string_value = item
    elif isinstance(item, bool):
        value.bool_value = item
    elif isinstance(item, int | float):
        fill_number(value, item)
    elif isinstance(item, Mapping):
        value.struct_value.SetInParent()
        fill_struct(value.struct_value, item)
    else:
        value.list_value.SetInParent()
        add = value.list_value.values.add
        for inner in item:
            fill(add(), inner)


def fill_number(value: Value, number: float) -> None:
    if math.isfinite(number):
        value.number_value = number
    else:
        value.null_value = NULL_VALUE


def fill_struct(message: Struct, items: Mapping[str, Any]) -> None:
    fields = message.fields
    for name, item in items.items():
        fill(fields[name], item)


def text_of(message: Message) -> str:
    """Its text parts, joined by line breaks."""
    return "\n".join(part.text for part in message.parts if part.text)


def struct(values: Mapping[str, Any]) -> Struct:
    message = Struct()
    fill_struct(message, values)
    return message


def plain(message: Struct | Value) -> Any:
    """A `Struct` or `Value` as Python values.

    Numbers are as JSON meant them: protobuf carries each as a double, so 3 would arrive as 3.0.
    """
    if isinstance(message, Struct):
        fields = message.fields
        return {name: plain(fields[name]) for name in fields}
    match message.WhichOneof("kind"):
        case "string_value":
            return message.string_value
        case "number_value":
            return whole(message.number_value)
        case "bool_value":
            return message.bool_value
        case "struct_value":
            return plain(message.struct_value)
        case "list_value":
            return [plain(item) for item in message.list_value.values]
    return None


def whole(number: float) -> float | int:
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def is_large(data: Any) -> bool:
    """Whether JSON-like `data` holds so many values that turning it into a message takes a while."""
    level, values = [data], 0
    while level:
        level = [node for node in level if isinstance(node, Mapping | list | tuple)]
        values += sum(map(len, level))
        if values > MANY:
            return True
        level = [item for node in level for item in (node.values() if isinstance(node, Mapping) else node)]
    return False


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
        wire = WirePart(media_type="application/json")
        fill(wire.data, part.data)
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
