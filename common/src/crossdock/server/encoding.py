"""A2A's messages into JSON (ProtoJSON), straight into text: cheap for small ones, interruptible for large ones.

`MessageToDict` and a JSON writer would build everything twice, and the writer lets nothing else run while it works.
"""

import base64
import functools
import math
from collections.abc import Callable, Mapping
from json.encoder import encode_basestring as quoted
from typing import Any

from a2a.types import ListTasksResponse, Message, Task, TaskArtifactUpdateEvent, TaskStatusUpdateEvent
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message as ProtoMessage
from google.protobuf.struct_pb2 import ListValue, Struct, Value
from google.protobuf.timestamp_pb2 import Timestamp

BASE64_STEP = 3 << 20
STEP = 1 << 14
Write = Callable[[Any, list[str]], None]
WRAPPERS: dict[type[ProtoMessage], str] = {
    Task: "task",
    Message: "message",
    TaskStatusUpdateEvent: "statusUpdate",
    TaskArtifactUpdateEvent: "artifactUpdate",
}


def encode(message: ProtoMessage) -> bytes:
    out: list[str] = []
    _message(message, out)
    if len(out) < STEP:
        return "".join(out).encode()
    return b"".join([_taken(out, start) for start in range(0, len(out), STEP)])


def _taken(out: list[str], start: int) -> bytes:
    """Some of the text; what millions of pieces take to be joined, or thrown away, at once would be felt."""
    text = "".join(out[start : start + STEP])
    out[start : start + STEP] = [""] * len(out[start : start + STEP])
    return text.encode()


def encode_choice(message: ProtoMessage) -> bytes:
    """`message` as the one field of a SendMessageResponse or a StreamResponse."""
    return b'{"%s":%s}' % (WRAPPERS[type(message)].encode(), encode(message))


def encode_page(page: ListTasksResponse) -> bytes:
    """With every field, empty or not: section 3.1.4 requires them all."""
    tasks = ",".join([encode(task).decode() for task in page.tasks])
    token = quoted(page.next_page_token)
    numbers = f'"pageSize":{page.page_size},"totalSize":{page.total_size}'
    return f'{{"tasks":[{tasks}],"nextPageToken":{token},{numbers}}}'.encode()


def _message(message: Any, out: list[str]) -> None:
    kind: Any = type(message)
    names = _names(kind)
    begun = False
    for field, value in message.ListFields():
        first, further, write = names[field]
        out.append(further if begun else first)
        begun = True
        if write is _text:  # most fields are, and a call takes longer than this
            out.append(quoted(value))
        else:
            write(value, out)
    out.append("}" if begun else "{}")


@functools.cache
def _names(kind: type[ProtoMessage]) -> dict[Any, tuple[str, str, Write]]:
    """By the field's descriptor: how it begins as the message's first one, and behind another."""
    fields: list[Any] = list(kind.DESCRIPTOR.fields)
    return {field: (f'{{"{field.json_name}":', f',"{field.json_name}":', _writer(field)) for field in fields}


def _writer(field: FieldDescriptor) -> Write:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        return functools.partial(_map, _single(inner.fields_by_name["value"]))
    single = _single(field)
    return functools.partial(_list, single) if field.is_repeated else single


def _single(field: FieldDescriptor) -> Write:
    if field.message_type is not None:
        return MESSAGES.get(field.message_type.full_name, _message)
    if field.enum_type is not None:
        return functools.partial(_enumerated, {item.number: f'"{item.name}"' for item in field.enum_type.values})
    return SCALARS[field.type]


def _list(write: Write, values: Any, out: list[str]) -> None:
    mark = "["
    for value in values:
        out.append(mark)
        write(value, out)
        mark = ","
    out.append("]" if mark == "," else "[]")


def _map(write: Write, values: Any, out: list[str]) -> None:
    mark = "{"
    for key in values:
        out.append(f"{mark}{quoted(key)}:")
        write(values[key], out)
        mark = ","
    out.append("}" if mark == "," else "{}")


def _text(value: str, out: list[str]) -> None:
    out.append(quoted(value))


def _octets(value: bytes, out: list[str]) -> None:
    out.append('"')
    starts = range(0, len(value), BASE64_STEP)
    out.extend([base64.b64encode(value[start : start + BASE64_STEP]).decode() for start in starts])
    out.append('"')


def _boolean(value: bool, out: list[str]) -> None:
    out.append("true" if value else "false")


def _whole(value: int, out: list[str]) -> None:
    out.append(str(value))


def _enumerated(names: Mapping[int, str], value: int, out: list[str]) -> None:
    out.append(names.get(value) or str(value))


def _timestamp(value: Timestamp, out: list[str]) -> None:
    out.append(_time(value.seconds, value.nanos))


@functools.lru_cache(maxsize=256)
def _time(seconds: int, nanos: int) -> str:
    """One of an event is written again with its task, and for each of its readers."""
    if 0 < nanos < 1_000_000_000 and not nanos % 1_000_000:  # as A2A writes it (section 5.6.1)
        return f'"{_second(seconds)}.{nanos // 1_000_000:03}Z"'
    return f'"{Timestamp(seconds=seconds, nanos=nanos).ToJsonString()}"'


@functools.lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    return Timestamp(seconds=seconds).ToJsonString()[:-1]


def _struct(value: Struct, out: list[str]) -> None:
    _map(_value, value.fields, out)


def _list_value(value: ListValue, out: list[str]) -> None:
    _list(_value, value.values, out)


def _value(value: Value, out: list[str]) -> None:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        out.append(quoted(value.string_value))
    elif kind == "number_value":
        out.append(_number(value.number_value))
    elif kind == "bool_value":
        out.append("true" if value.bool_value else "false")
    elif kind == "struct_value":
        _struct(value.struct_value, out)
    elif kind == "list_value":
        _list_value(value.list_value, out)
    else:
        out.append("null")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "null"  # what JSON lacks, as in `crossdock.parts`
    return str(int(value)) if value.is_integer() else repr(value)


SCALARS: dict[int, Write] = {
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_BYTES: _octets,
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_INT32: _whole,
}
MESSAGES: dict[str, Write] = {
    Struct.DESCRIPTOR.full_name: _struct,
    Value.DESCRIPTOR.full_name: _value,
    ListValue.DESCRIPTOR.full_name: _list_value,
    Timestamp.DESCRIPTOR.full_name: _timestamp,
}
