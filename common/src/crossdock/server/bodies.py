"""JSON that every layer behind can carry: what a protobuf message or a JSON writer would stumble over is refused.

In return nothing that a caller sends can make the service fail with an error that is not about the request, nor be
stored in a form that can never be read again.
"""

import json
import math
import re
from typing import Any, NoReturn

from crossdock.errors import Rejected

MAX_DEPTH = 30
"""An object in a data part is three messages deep in protobuf, whose readers go down 100 levels."""

MAX_VALUES = 1_000_000
"""Each takes some hundred bytes of memory, however few it has in the body."""

MAX_DIGITS = 308
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


class NotJson(Rejected):
    """Bytes that no JSON reader takes; other refusals are about what the JSON holds."""


def parsed(body: bytes) -> Any:
    """The body's value. Raises `Rejected`, with what to change."""
    value = _read(body)
    if len(body) > MAX_VALUES or body.count(b"{") + body.count(b"[") > MAX_DEPTH:
        _check_shape(value)
    if SURROGATE.search(body) and _has_half_character(value):
        raise NotJson("A text holds half of a surrogate pair (\\ud800 to \\udfff). Send whole characters.")
    return value


def _read(body: bytes) -> Any:
    if not body:
        raise NotJson("The body is empty. Send JSON.")
    try:
        return READER.decode(body.decode())
    except UnicodeDecodeError:
        raise NotJson("The body is not UTF-8. Send JSON in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"The body is not JSON: see line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Rejected(f"The JSON is nested more than {MAX_DEPTH} levels deep. Flatten it.") from None


def _unchanged(value: dict[str, Any]) -> dict[str, Any]:
    """A call into Python, at which other threads get their turn: the reader alone would hold them up to its end."""
    return value


def _constant(_: str) -> NoReturn:
    raise NotJson("JSON has no NaN and no Infinity. Send null, or leave the value out.")


def _double(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Rejected("A number is too large for A2A, which carries doubles. Send it as text.")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Rejected("A number is too large for A2A, which carries doubles. Send it as text.")
    return int(text)


READER = json.JSONDecoder(parse_constant=_constant, parse_float=_double, parse_int=_integer, object_hook=_unchanged)


def _check_shape(value: Any) -> None:
    level, values = [value], 1
    for _ in range(MAX_DEPTH + 1):
        level = [node for node in level if isinstance(node, dict | list)]
        if not level:
            return
        values += sum(map(len, level))
        if values > MAX_VALUES:
            raise Rejected(f"The JSON holds more than {MAX_VALUES} values. Send the data as a file.")
        level = [item for node in level for item in (node.values() if isinstance(node, dict) else node)]
    raise Rejected(f"The JSON is nested more than {MAX_DEPTH} levels deep. Flatten it, or send it as a file.")


def _has_half_character(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
