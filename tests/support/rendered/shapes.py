"""How a document is compared with what is known: every field is used, without effect for a reason, or refused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Used:
    """The harness acts on it, and on all below it."""


@dataclass(frozen=True)
class Only:
    """The harness behaves like these values alone."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class NoEffect:
    """What containers have no counterpart for."""

    reason: str


@dataclass(frozen=True)
class Each:
    """A list, or a map with free names, of this shape."""

    shape: "Shape"


@dataclass(frozen=True)
class Names:
    """A map whose names are compared: as they are, or by the part that ends with a slash."""

    known: Mapping[str, "Shape"]


Shape = Used | Only | NoEffect | Each | Names | Mapping[str, Any]
USED = Used()


@dataclass(frozen=True)
class Remark:
    path: str
    reason: str = ""
    """Why it has no effect; empty: it is unknown."""


def compared(value: Any, shape: Shape, path: str) -> Iterator[Remark]:
    match shape:
        case Used():
            return
        case NoEffect(reason):
            yield Remark(path, reason)
        case Only(values):
            if value not in values:
                yield Remark(f"{path}: {value!r} (known: {', '.join(map(repr, values))})")
        case Each(inner):
            named = value.items() if isinstance(value, dict) else ((None, each) for each in value or ())
            for name, each in named:
                yield from compared(each, inner, f"{path}.*" if name is not None else f"{path}[]")
        case Names(known):
            for name, each in (value or {}).items():
                found = known.get(name) or known.get(name.partition("/")[0] + "/")
                yield from compared(each, found, f"{path}[{name}]") if found else [Remark(f"{path}[{name}]")]
        case _:
            for name, each in (value or {}).items():
                here = f"{path}.{name}" if path else name
                yield from compared(each, shape[name], here) if name in shape else [Remark(here)]
