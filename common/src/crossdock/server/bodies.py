"""JSON that every layer behind can carry: what a parser, a protobuf message or a JSON writer would stumble over later.

A body is parsed here once more than needed, at a small part of what its conversion into A2A's messages costs. In
return nothing that a caller sends can make the service fail with an error that is not about the request, nor be stored
in a form that can never be read again.
"""

import json
import math
import re
from typing import Any, NoReturn

from crossdock.errors import Rejected

MAX_DEPTH = 30
"""An object in a data part is three messages deep in protobuf, whose readers go down 100 levels."""

MAX_DIGITS = 308
SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def check(body: bytes, *, rpc: bool = False) -> None:
    """Raises `Rejected`, with what to change, for a body that is not a JSON object; JSON-RPC's may be an array."""
    value = _parsed(body)
    if not isinstance(value, dict) and not (rpc and isinstance(value, list)):
        raise Rejected("The body must be a JSON object.")
    if rpc and isinstance(value, dict) and not isinstance(value.get("params", {}), dict):
        raise Rejected("`params` must be a JSON object.")
    if _deeper(value, MAX_DEPTH):
        raise Rejected(f"The JSON is nested more than {MAX_DEPTH} levels deep. Flatten it, or send it as a file.")
    if SURROGATE.search(body) and _has_half_character(value):
        raise Rejected("A text holds half of a surrogate pair (\\ud800 to \\udfff). Send whole characters.")


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body.decode(), parse_constant=_constant, parse_float=_double, parse_int=_integer)
    except UnicodeDecodeError:
        raise Rejected("The body is not UTF-8. Send JSON in UTF-8.") from None
    except json.JSONDecodeError as error:
        raise Rejected(f"The body is not JSON: see line {error.lineno}, column {error.colno}.") from None
    except RecursionError:
        raise Rejected(f"The JSON is nested more than {MAX_DEPTH} levels deep. Flatten it.") from None


def _constant(_: str) -> NoReturn:
    raise Rejected("JSON has no NaN and no Infinity. Send null, or leave the value out.")


def _double(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise Rejected("A number is too large for A2A, which carries doubles. Send it as text.")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise Rejected("A number is too large for A2A, which carries doubles. Send it as text.")
    return int(text)


def _deeper(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [item for node in level for item in _items(node) if isinstance(item, dict | list)]
        if not level:
            return False
    return True


def _items(node: dict[str, Any] | list[Any]) -> Any:
    return node.values() if isinstance(node, dict) else node


def _has_half_character(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
