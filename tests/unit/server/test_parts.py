"""A2A's parts and the pipeline's: what goes one way comes back the other."""

import json
import math
from typing import Any

import pytest
from a2a.types import Message, Role
from a2a.types import Part as WirePart
from google.protobuf.struct_pb2 import Struct, Value
from hypothesis import given
from hypothesis import strategies as st

from crossdock.parts import OCTETS, from_wire, is_large, media_type, plain, struct, to_wire, turns
from crossdock.pipeline import DataPart, FilePart, Part, TextPart, Turn

texts = st.text(max_size=20)
names = st.text(min_size=1, max_size=12)
numbers = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False).filter(
    lambda number: not number.is_integer() or abs(number) >= 2**53
)
data = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
metadata = st.dictionaries(texts, data, max_size=3)
files = st.builds(
    FilePart,
    names,
    st.sampled_from(["text/csv", "application/pdf", "application/octet-stream"]),
    st.binary(max_size=40),
    metadata=metadata,
)
links = st.builds(
    FilePart, names, st.just("text/csv"), st.just(b""), st.just("https://example.com/a.csv"), metadata=metadata
)
parts = st.builds(TextPart, texts, metadata) | st.builds(DataPart, data, metadata) | files | links


@given(parts)
def test_a_part_comes_back_as_it_was(part: Part) -> None:
    assert from_wire(to_wire(part)) == part
    assert from_wire(WirePart.FromString(to_wire(part).SerializeToString())) == part


@given(metadata)
def test_a_struct_comes_back_as_it_was(values: dict[str, Any]) -> None:
    assert plain(struct(values)) == values


@given(data)
def test_data_keeps_its_types(value: Any) -> None:
    back: Any = from_wire(to_wire(DataPart(value))).data  # type: ignore[union-attr]
    assert json.dumps(back, sort_keys=True) == json.dumps(value, sort_keys=True)


@given(st.recursive(st.floats() | st.just("x"), lambda inner: st.lists(inner) | st.dictionaries(texts, inner)))
def test_what_is_sent_can_be_read(value: Any) -> None:
    back = from_wire(to_wire(DataPart(value)))
    assert isinstance(back, DataPart)
    text = json.dumps(back.data, allow_nan=False)
    assert from_wire(to_wire(DataPart(json.loads(text)))) == back


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_json_has_null_for_what_is_no_number(value: float) -> None:
    assert from_wire(to_wire(DataPart({"a": [value, 1]}))) == DataPart({"a": [None, 1]})
    assert plain(struct({"a": {"b": value}})) == {"a": {"b": None}}
    assert from_wire(to_wire(TextPart("x", {"score": value}))) == TextPart("x", {"score": None})


def test_tuples_are_arrays() -> None:
    assert from_wire(to_wire(DataPart({"a": (1, (2, 3))}))) == DataPart({"a": [1, [2, 3]]})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3.0, 3),
        (-0.0, 0),
        (2.5, 2.5),
        (1e300, 1e300),
        (True, True),
        ("3.0", "3.0"),
        (None, None),
        ({"a": [1.0, {"b": 2.0}]}, {"a": [1, {"b": 2}]}),
    ],
)
def test_whole_numbers_are_whole_again(value: Any, expected: Any) -> None:
    assert repr(plain(struct({"a": value}))) == repr({"a": expected})


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (WirePart(text="x"), "text/plain"),
        (WirePart(data=Value(null_value=None)), "application/json"),
        (WirePart(raw=b"x"), OCTETS),
        (WirePart(raw=b"x", filename="a.CSV"), "text/csv"),
        (WirePart(raw=b"x", filename="a.csv", media_type="Text/Plain; charset=utf-8"), "text/plain"),
        (WirePart(raw=b"x", filename="a.unheard-of"), OCTETS),
        (WirePart(url="https://example.com/a%20b.pdf?x=y.csv#z"), "application/pdf"),
        (WirePart(url="https://example.com/"), OCTETS),
        (WirePart(url="http://[bad"), OCTETS),
        (WirePart(text="a,b", filename="a.csv"), "text/plain"),
    ],
)
def test_media_types(part: WirePart, expected: str) -> None:
    assert media_type(part) == expected


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://example.com/dir/a%20b.csv?c=d", "a b.csv"),
        ("https://example.com", "file"),
        ("https://example.com/%2e%2e%2fetc%2fpasswd", "passwd"),
        ("http://[bad", "file"),
        ("", "file"),
    ],
)
def test_a_file_has_a_name_without_a_path(url: str, name: str) -> None:
    part = from_wire(WirePart(url=url))
    assert isinstance(part, FilePart)
    assert (part.name, part.url) == (name, url)


@given(st.text(max_size=30))
def test_no_url_is_too_strange(url: str) -> None:
    part = from_wire(WirePart(url=url))
    assert isinstance(part, FilePart)
    assert part.name


def test_text_with_a_file_name_is_a_file() -> None:
    part = from_wire(WirePart(text="a,b", filename="a.csv", media_type="text/csv"))
    assert part == FilePart("a.csv", "text/csv", b"a,b")


def test_turns_say_who_spoke() -> None:
    said = [
        Message(role=Role.ROLE_USER, parts=[WirePart(text="hello")]),
        Message(role=Role.ROLE_AGENT, parts=[WirePart(text="which one?")]),
    ]
    assert turns(said) == (Turn("user", (TextPart("hello"),)), Turn("agent", (TextPart("which one?"),)))


def test_an_empty_struct_is_no_metadata() -> None:
    assert from_wire(WirePart(text="x", metadata=Struct())) == TextPart("x")


def test_what_takes_a_while_to_convert_is_known() -> None:
    assert not is_large({"a": ["x" * 10_000, {"b": 1}]})
    assert is_large([0] * 3000)
    assert is_large({"rows": [{"a": {"b": 1}}] * 700})
