"""Protobuf from the wire that every layer behind can carry: what JSON is held to in `bodies` and `decoding`.

A reader of protobuf takes numbers that no enum names, times outside the calendar, NaN, and free JSON so deep that the
task around it could never be read again.
"""

import math
from collections.abc import Iterable
from typing import Any, TypeVar

from a2a.utils.errors import InvalidRequestError
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.struct_pb2 import Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

from crossdock.server.bodies import MAX_DEPTH, MAX_VALUES
from crossdock.server.decoding import unfit

M = TypeVar("M", bound=Message)
TOO_MANY = f"The request holds more than {MAX_VALUES} values. Send the data as a file."
YEARS = range(-62_135_596_800, 253_402_300_800)
"""Seconds since 1970 from the year 1 to 9999."""


def received(body: bytes, kind: type[M]) -> M:
    """The message in `body`. Raises `InvalidParamsError`, or `InvalidRequestError` for its shape."""
    try:
        message = kind.FromString(body)
    except DecodeError:
        raise InvalidRequestError(f"The request is not a {kind.DESCRIPTOR.full_name} of this service.") from None
    Inspection().message(message, "", 1)
    return message


class Inspection:
    """Goes through one request, and counts what it holds."""

    def __init__(self) -> None:
        self._left = MAX_VALUES

    def message(self, message: Message, path: str, depth: int) -> None:
        for field, value in message.ListFields():
            name = f"{path}.{field.json_name}" if path else field.json_name
            if not field.is_repeated:
                self._item(field, value, name, depth + 1)
                continue
            self._count(len(value))
            for index, item in enumerate(value):
                self._item(field, item, f"{name}[{index}]", depth + 2)

    def _item(self, field: FieldDescriptor, value: Any, path: str, depth: int) -> None:
        if field.enum_type is not None:
            _check_name(field.enum_type, value, path)
        elif isinstance(value, Timestamp):
            _check_time(value, path)
        elif isinstance(value, Value):
            self._free((value,), path, depth)
        elif isinstance(value, Struct):
            self._free(value.fields.values(), path, depth + 1)
        elif isinstance(value, Message):
            self.message(value, path, depth)

    def _free(self, values: Iterable[Value], path: str, depth: int) -> None:
        """Free JSON. One value at a time: a million of their objects at once take thirty times as long."""
        for value in values:
            self._count(1)
            kind = value.WhichOneof("kind")
            if kind == "struct_value":
                self._inside(value.struct_value.fields.values(), path, depth)
            elif kind == "list_value":
                self._inside(value.list_value.values, path, depth)
            elif kind == "number_value" and not math.isfinite(value.number_value):
                raise unfit(path, "must not hold NaN or Infinity: JSON has none. Send null, or leave the value out")

    def _count(self, more: int) -> None:
        self._left -= more
        if self._left < 0:
            raise InvalidRequestError(TOO_MANY)

    def _inside(self, values: Iterable[Value], path: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            text = f"{path} is nested too deep: {MAX_DEPTH} levels is the most. Flatten it, or send it as a file."
            raise InvalidRequestError(text)
        self._free(values, path, depth + 1)


def _check_name(enum: EnumDescriptor, number: int, path: str) -> None:
    if number not in enum.values_by_number:
        raise unfit(path, f"must be one of: {', '.join(item.name for item in enum.values if item.number)}")


def _check_time(value: Timestamp, path: str) -> None:
    if value.seconds not in YEARS or not 0 <= value.nanos < 10**9:
        raise unfit(path, "must be a time such as 2026-01-31T12:00:00Z")
