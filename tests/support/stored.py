"""What a store holds, as a file to read and compare that fits any Redis; what DUMP gives fits its own version only."""

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import redis

BINARY = "base64:"


def taken(client: Any) -> dict[str, Any]:
    """All keys, each with its type, its value and, where it dies by itself, how many milliseconds it has left."""
    return {key.decode(): _value(client, key) for key in sorted(client.scan_iter(count=1_000))}


def put(client: redis.Redis, keys: dict[str, Any]) -> None:
    for key, stored in keys.items():
        value = stored["value"]
        match stored["type"]:
            case "string":
                client.set(key, _bytes(value))
            case "hash":
                client.hset(key, mapping={name: _bytes(item) for name, item in value.items()})
            case "list":
                client.rpush(key, *map(_bytes, value))
            case "zset":
                client.zadd(key, dict(value))
            case "stream":
                for number, fields in value:
                    client.xadd(key, {name: _bytes(item) for name, item in fields.items()}, number)
        if "milliseconds" in stored:
            client.pexpire(key, stored["milliseconds"])


def saved(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _value(client: Any, key: bytes) -> dict[str, Any]:
    kind = client.type(key).decode()
    readers: dict[str, Any] = {
        "string": lambda: _text(client.get(key) or b""),
        "hash": lambda: _named(client.hgetall(key).items()),
        "list": lambda: [_text(item) for item in client.lrange(key, 0, -1)],
        "zset": lambda: [[member.decode(), score] for member, score in client.zrange(key, 0, -1, withscores=True)],
        "stream": lambda: [[number.decode(), _named(fields.items())] for number, fields in client.xrange(key)],
    }
    left = client.pttl(key)
    return {"type": kind, "value": readers[kind](), **({"milliseconds": left} if left >= 0 else {})}


def _named(items: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode(): _text(value) for name, value in items}


def _text(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    return (
        text
        if text.isprintable() and text and not text.startswith(BINARY)
        else BINARY + base64.b64encode(value).decode()
    )


def _bytes(text: str) -> bytes:
    return base64.b64decode(text.removeprefix(BINARY)) if text.startswith(BINARY) else text.encode()
