"""Requests that come with the package, labelled with the kinds of work that they ask for."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml


@dataclass(frozen=True, slots=True)
class LabelledRequest:
    """`kinds` are in the order of work, and none for a request that no kind of work serves."""

    text: str
    attachments: tuple[str, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of work; skills declare theirs by `tag`, and `does` says it in words."""

    name: str
    tag: str
    does: str


@cache
def packaged_corpus() -> tuple[LabelledRequest, ...]:
    return tuple(_read())


@cache
def packaged_kinds() -> tuple[Kind, ...]:
    text = files("orchestrator.language").joinpath("kinds.yaml").read_text(encoding="utf-8")
    return tuple(Kind(name, **fields) for name, fields in yaml.safe_load(text).items())


def _read() -> Iterator[LabelledRequest]:
    folder = files("orchestrator.language").joinpath("corpus")
    for file in sorted(folder.iterdir(), key=lambda entry: entry.name):
        for group in yaml.safe_load(file.read_text(encoding="utf-8")):
            attachments = (group["attachment"],) if "attachment" in group else ()
            for text in group["texts"]:
                yield LabelledRequest(text, attachments, tuple(group["kinds"]))
