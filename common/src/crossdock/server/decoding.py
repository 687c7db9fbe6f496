"""JSON as A2A writes it (ProtoJSON) into A2A's messages; what does not fit is told by its field, in A2A's words."""

import base64
import binascii
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from a2a.utils.errors import InvalidParamsError
from google.api.field_behavior_pb2 import FieldBehavior, field_behavior  # type: ignore[import-untyped]
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from crossdock.parts import fill, fill_struct

M = TypeVar("M", bound=Message)
MAX_INT = 2**31
WHOLE = re.compile(r"-?\d{1,10}")
MILLISECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
BASE64_STEP = 1 << 22
"""How much base64 text is decoded at a time: nothing else in the process moves meanwhile."""


def unfit(path: str, expected: str) -> InvalidParamsError:
    """The error for the field at `path`."""
    violation = {"field": path, "message": f"The field {expected}."}
    return InvalidParamsError(f"{path or 'params'} {expected}.", data={"errors": [violation]})


def decode(value: Any, message: M, path: str = "") -> M:
    """Fills `message`; unknown fields are ignored (section 5.7). Raises `InvalidParamsError`."""
    if not isinstance(value, dict):
        raise unfit(path, "must hold fields: {...}")
    fields = _fields(message.DESCRIPTOR)
    for name, item in value.items():
        field = fields.get(name)
        if field is not None and (item is not None or field.nullable):
            field.put(message, item, f"{path}.{field.label}" if path else field.label)
    return message


def from_query(query: Mapping[str, str], message: M) -> M:
    """The same for the parameters of a URL, which are all text (section 11.5)."""
    booleans = {"true": True, "false": False}
    given = {name: booleans.get(text.lower(), text) if text else None for name, text in query.items()}
    texts = {field.json_name for field in message.DESCRIPTOR.fields if field.type == FieldDescriptor.TYPE_STRING}
    return decode({name: query[name] if name in texts else value for name, value in given.items()}, message)


def require(message: Message) -> None:
    """Raises `InvalidParamsError` for fields that A2A requires and `message` lacks."""
    lacking = _lacking(message, "")
    if lacking:
        errors = [{"field": path, "message": "The field is required."} for path in lacking]
        raise InvalidParamsError(f"{', '.join(lacking)}: required, but not given.", data={"errors": errors})


@dataclass(frozen=True, slots=True)
class Field:
    """`read` makes a scalar, `fill` a message; one of them is None."""

    name: str
    label: str
    repeated: bool
    choice: str
    nullable: bool
    read: Callable[[Any, str], Any] | None
    fill: Callable[[Any, Any, str], Any] | None

    def put(self, message: Any, value: Any, path: str) -> None:
        if self.repeated:
            self._extend(getattr(message, self.name), value, path)
            return
        if self.choice and (other := message.WhichOneof(self.choice)):
            raise unfit(path, f"must not be given beside {_fields(message.DESCRIPTOR)[other].label}: choose one")
        if self.read is not None:
            setattr(message, self.name, self.read(value, path))
        elif self.fill is not None:
            inner = getattr(message, self.name)
            inner.SetInParent()
            self.fill(value, inner, path)

    def _extend(self, target: Any, value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise unfit(path, "must be a list: [...]")
        for index, item in enumerate(value):
            if self.read is not None:
                target.append(self.read(item, f"{path}[{index}]"))
            elif self.fill is not None:
                self.fill(item, target.add(), f"{path}[{index}]")


@functools.cache
def _fields(descriptor: Descriptor) -> dict[str, Field]:
    """The fields of a message by each name under which a caller may give them."""
    fields = [(field, _field(field)) for field in descriptor.fields]
    return {name: made for field, made in fields for name in (field.json_name, field.name)}


def _field(field: FieldDescriptor) -> Field:
    inner = field.message_type
    return Field(
        field.name,
        field.json_name,
        field.is_repeated,
        field.containing_oneof.name if field.containing_oneof else "",
        nullable=inner is not None and inner.full_name == Value.DESCRIPTOR.full_name,
        read=None if inner else _reader(field),
        fill=FILLERS.get(inner.full_name, decode) if inner else None,
    )


def _reader(field: FieldDescriptor) -> Callable[[Any, str], Any]:
    if field.enum_type is not None:
        return functools.partial(_enumerated, field.enum_type)
    return READERS[field.type]


def _text(value: Any, path: str) -> str:
    if not isinstance(value, str):
        raise unfit(path, "must be a string")
    return value


def _boolean(value: Any, path: str) -> bool:
    if not isinstance(value, bool):
        raise unfit(path, "must be true or false")
    return value


def whole(value: Any, path: str) -> int:
    """An int32."""
    if isinstance(value, str) and WHOLE.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or value % 1:
        raise unfit(path, "must be a whole number")
    if not _fits(value):
        raise unfit(path, f"must be from {-MAX_INT} to {MAX_INT - 1}")
    return int(value)


def _fits(value: float) -> bool:
    return -MAX_INT <= value < MAX_INT


def octets(value: Any, path: str) -> bytes:
    """Base64 of either alphabet, with or without its padding and line breaks."""
    try:
        return _base64(value)
    except (TypeError, ValueError, binascii.Error):
        raise unfit(path, "must be base64 text") from None


def _base64(text: str) -> bytes:
    if "-" in text or "_" in text:
        text = text.translate({ord("-"): "+", ord("_"): "/"})
    if "\n" in text or "\r" in text:
        text = text.replace("\r", "").replace("\n", "")
    text += "=" * (-len(text) % 4)
    pieces = (text[start : start + BASE64_STEP] for start in range(0, len(text), BASE64_STEP))
    return b"".join([base64.b64decode(piece, validate=True) for piece in pieces])


def _enumerated(enum: EnumDescriptor, value: Any, path: str) -> int:
    if isinstance(value, str) and value in enum.values_by_name:
        return int(enum.values_by_name[value].number)
    numbered = isinstance(value, int) and not isinstance(value, bool)
    if numbered and _fits(value) and value in enum.values_by_number:  # it raises for what is no int32
        return int(value)
    raise unfit(path, f"must be one of: {', '.join(item.name for item in enum.values if item.number)}")


def _timestamp(value: Any, message: Timestamp, path: str) -> None:
    try:
        if isinstance(value, str) and MILLISECONDS.fullmatch(value):  # as A2A writes it (section 5.6.1)
            message.FromDatetime(datetime.fromisoformat(value))
        else:
            message.FromJsonString(value)
    except (TypeError, ValueError, OverflowError):
        raise unfit(path, "must be a time such as 2026-01-31T12:00:00Z") from None


def _struct(value: Any, message: Struct, path: str) -> None:
    if not isinstance(value, dict):
        raise unfit(path, "must hold fields: {...}")
    fill_struct(message, value)


def _value(value: Any, message: Value, _: str) -> None:
    fill(message, value)


READERS: dict[int, Callable[[Any, str], Any]] = {
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BYTES: octets,
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_INT32: whole,
}
FILLERS: dict[str, Callable[[Any, Any, str], Any]] = {
    Struct.DESCRIPTOR.full_name: _struct,
    Value.DESCRIPTOR.full_name: _value,
    Timestamp.DESCRIPTOR.full_name: _timestamp,
}


@functools.cache
def _demands(descriptor: Descriptor) -> tuple[list[FieldDescriptor], list[FieldDescriptor]]:
    """The fields that A2A requires, and those that are A2A's messages themselves: not the free JSON inside them."""
    fields = list(descriptor.fields)
    required = [f for f in fields if FieldBehavior.REQUIRED in f.GetOptions().Extensions[field_behavior]]
    nested = [
        f for f in fields if f.message_type is not None and f.message_type.file.package == descriptor.file.package
    ]
    return required, nested


def _lacking(message: Message, path: str) -> list[str]:
    required, nested = _demands(message.DESCRIPTOR)
    found = [path + field.json_name for field in required if not _given(message, field)]
    for field in nested:
        if field.is_repeated:
            for index, item in enumerate(getattr(message, field.name)):
                found += _lacking(item, f"{path}{field.json_name}[{index}].")
        elif message.HasField(field.name):
            found += _lacking(getattr(message, field.name), f"{path}{field.json_name}.")
    return found


def _given(message: Message, field: FieldDescriptor) -> bool:
    return message.HasField(field.name) if field.has_presence else bool(getattr(message, field.name))
