"""Rules and schemas: each violation with its row and field, and no caller's rule can hang or reach out."""

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from anomaly_agent.limits import Limits
from anomaly_agent.outcome import Validation
from anomaly_agent.rules import parsed
from anomaly_agent.source import FileSource, ValueSource
from anomaly_agent.validation import validate
from crossdock.errors import Rejected

CONTENT = (
    b"order,line,qty,price,total,sku,ordered,delivered,carrier\n"
    b"A1,1,2,3.00,6.00,AB-1,2025-01-02,9-Jan-25,DHL\n"
    b"A1,2,0,3.00,5.00,AB2,2025-01-02,1-Jan-25,DHX\n"
    b"A1,2,x,3.00,6.00,,2025-01-02,soon,DSV\n"
)


def violations(rules: Any, source: Any = None, limits: Limits | None = None) -> list[tuple[int, str, str]]:
    validation = validate(lambda text, fraction: None, source or FileSource(CONTENT), rules, limits or Limits())
    assert isinstance(validation, Validation)
    return [(each["row"], each["field"], each["rule"]) for each in validation.violations["violations"]]


@pytest.mark.parametrize(
    ("rule", "broken"),
    [
        ({"field": "qty", "min": 1}, [(1, "qty", "min 1"), (2, "qty", "min 1")]),
        (
            {"field": "qty", "exclusive_min": 0, "message": "none ordered"},
            [(1, "qty", "exclusive min 0"), (2, "qty", "exclusive min 0")],
        ),
        ({"field": "qty", "type": "integer"}, [(2, "qty", "type integer")]),
        ({"field": "sku", "required": True}, [(2, "sku", "required")]),
        ({"field": "sku", "pattern": "^AB-[0-9]$"}, [(1, "sku", "pattern ^AB-[0-9]$")]),
        ({"field": "carrier", "enum": ["DHL", "DSV"]}, [(1, "carrier", "enum DHL, DSV")]),
        ({"field": "carrier", "not_in": ["DHX"]}, [(1, "carrier", "not in DHX")]),
        ({"field": "order", "unique": True}, [(1, "order", "unique"), (2, "order", "unique")]),
        ({"fields": ["order", "line"], "unique": True}, [(2, "order + line", "unique")]),
        (
            {"field": "delivered", "not_before": "ordered"},
            [(1, "delivered", "not before ordered"), (2, "delivered", "not before ordered")],
        ),
        (
            {"field": "ordered", "not_after": "2025-01-01"},
            [(row, "ordered", "not after 2025-01-01") for row in range(3)],
        ),
        ({"field": "total", "equals": {"product": ["qty", "price"]}}, [(1, "total", "equals qty x price")]),
        ({"field": "Carrier ", "max_length": 2}, [(row, "carrier", "max length 2") for row in range(3)]),
    ],
)
def test_each_rule(rule: dict[str, Any], broken: list[tuple[int, str, str]]) -> None:
    assert violations({"rules": [rule]}) == broken


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("qty > 0", [(1, "qty", "exclusive min 0"), (2, "qty", "exclusive min 0")]),
        ("`qty` at most 1", [(0, "qty", "max 1"), (2, "qty", "max 1")]),
        ("sku is required", [(2, "sku", "required")]),
        ("the order must be unique", [(1, "order", "unique"), (2, "order", "unique")]),
        ("carrier one of DHL, DSV", [(1, "carrier", "enum DHL, DSV")]),
        ("carrier != DHX", [(1, "carrier", "not in DHX")]),
        ("carrier = DHL", [(1, "carrier", "equals DHL"), (2, "carrier", "equals DHL")]),
        (
            "delivered not before ordered",
            [(1, "delivered", "not before ordered"), (2, "delivered", "not before ordered")],
        ),
        ("ordered <= 2025-01-01", [(row, "ordered", "not after 2025-01-01") for row in range(3)]),
        ("total = qty * price", [(1, "total", "equals qty x price")]),
        (
            "the line must be at most 1 and the sku is required",
            [(1, "line", "max 1"), (2, "line", "max 1"), (2, "sku", "required")],
        ),
        ("sku required, line <= 1", [(1, "line", "max 1"), (2, "sku", "required"), (2, "line", "max 1")]),
    ],
)
def test_rules_in_short(text: str, broken: list[tuple[int, str, str]]) -> None:
    assert violations({"rules": text}) == broken


PIECE = st.sampled_from(
    ["qty", "sku", " > ", " = ", "0", "1e400", " * ", " required", " one of ", ",", ";", "\n- ", "é", "("]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECE, max_size=12).map("".join))
def test_any_text_is_rules_or_refused(text: str) -> None:
    with contextlib.suppress(Rejected):
        assert parsed(text, ["qty", "sku"])


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
VALUE = st.recursive(LEAF, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", ""]), VALUE, min_size=1), min_size=1, max_size=8))
@example([{"a": float("inf")}, {"a": 10**400}, {"a": "\ud800"}])
def test_any_records_are_checked_or_refused(records: list[dict[str, Any]]) -> None:
    schema = {"required": ["a"], "properties": {"a": {"type": "integer", "multipleOf": 0.5, "minLength": 2}}}
    for rules in ({}, {"schema": schema}, {"rules": "a > 0; a unique; a one of 1, 2; a not before 2024-01-01"}):
        with contextlib.suppress(Rejected):
            validation = validate(lambda *_: None, FileSource(json.dumps(records).encode()), rules, Limits())
            assert isinstance(validation, Validation)
            json.dumps(validation.violations, allow_nan=False, ensure_ascii=False).encode()


def test_rules_by_field() -> None:
    assert violations({"rules": {"qty": {"min": 1}, "sku": {"required": True}}}) == [
        (1, "qty", "min 1"),
        (2, "qty", "min 1"),
        (2, "sku", "required"),
    ]


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([{"field": "quantity", "min": 1}], "which the table does not have"),
        ([{"field": "qty", "minimum": 1}], "unknown key 'minimum'"),
        ([{"field": "qty"}], "checks nothing"),
        ([{"min": 1}], "names no field"),
        ([{"field": "qty", "min": "1"}], "must be a number"),
        ([{"field": "qty", "min": float("nan")}], "must be a number"),
        ([{"field": "qty", "max": 10**400}], "must be a number"),
        ([{"field": "sku", "pattern": "("}], "no valid regular expression"),
        ([{"field": "sku", "type": "money"}], "one of number"),
        ([{"field": "total", "equals": {"difference": ["qty"]}}], "equals takes"),
        ([], "at least one"),
        (["qty is fine"], r"'qty is fine', cannot be read. Write a rule as"),
        ([["qty > 0"]], "cannot be read"),
        ("", "Send at least one"),
        ("qty > 0; the rest is nice", "number 2, 'the rest is nice'"),
        ("quantity > 0", "which the table does not have"),
    ],
)
def test_rules_that_are_not_understood(rules: Any, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        violations({"rules": rules})


SCHEMA = {
    "type": "object",
    "required": ["sku", "qty"],
    "properties": {"qty": {"type": "integer", "minimum": 1}, "sku": {"type": "string"}, "price": {"type": "number"}},
}


def test_a_schema_over_csv_reads_numbers_where_it_wants_them() -> None:
    assert sorted(violations({"schema": SCHEMA})) == [
        (1, "qty", "minimum 1"),
        (2, "qty", "type integer"),
        (2, "sku", "required"),
    ]


def test_a_schema_over_json_takes_values_as_they_are() -> None:
    source = ValueSource([{"sku": "a", "qty": "3"}, {"sku": "b", "qty": 3, "box": {"kg": "x"}}, {"qty": 1}])
    schema = SCHEMA | {"properties": {"qty": {"type": "integer"}, "box": {"properties": {"kg": {"type": "number"}}}}}
    assert violations({"schema": schema}, source) == [
        (0, "qty", "type integer"),
        (1, "box.kg", "type number"),
        (2, "sku", "required"),
    ]


def test_a_schema_of_the_whole_list_is_applied_to_its_items() -> None:
    assert violations({"schema": {"type": "array", "items": SCHEMA}}) == violations({"schema": SCHEMA})


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"$ref": "https://schemas.example/order.json"}, "none are fetched"),
        ({"$ref": "file:///etc/passwd"}, "none are fetched"),
        ({"$ref": "#"}, "without end"),
        ({"type": "wrong"}, "not valid JSON Schema"),
        ([], "must be a JSON object"),
        ("order.json", "must be a JSON object"),
        ({"qty": {"minimum": 1}}, "checks nothing: 'qty' is no keyword"),
        ({}, "checks nothing"),
        (True, "checks nothing"),
    ],
)
def test_hostile_and_broken_schemas(schema: Any, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        violations({"schema": schema})


@pytest.mark.parametrize(
    "rules",
    [{"rules": [{"field": "a", "pattern": "^(a|aa)+$"}]}, {"schema": {"properties": {"a": {"pattern": "^(a|aa)+$"}}}}],
)
def test_a_pattern_that_backtracks_for_ever_is_refused_in_time(rules: Any) -> None:
    begin = time.monotonic()
    with pytest.raises(Rejected, match="takes too long"):
        violations(rules, ValueSource([{"a": "a" * 120 + "!"}] * 50), Limits(pattern_seconds=0.3))
    assert time.monotonic() - begin < 5


def test_without_rules_they_are_inferred_and_said() -> None:
    rows = [{"id": index, "qty": 5 + index % 9, "mode": "air"} for index in range(60)]
    rows[40]["qty"] = -3
    validation = validate(lambda text, fraction: None, ValueSource(rows), {}, Limits())
    assert isinstance(validation, Validation)
    assert [(each["row"], each["rule"]) for each in validation.violations["violations"]] == [(40, "negative")]
    assert validation.violations["summary"]["checked_against"] == "inferred"
    assert "inferred from the table" in validation.headline


@pytest.mark.parametrize("rules", [{"rules": "a at least 5"}, {"schema": {"properties": {"a": {"minimum": 5}}}}])
def test_values_of_any_size_and_depth_are_listed(rules: Any) -> None:
    nested = b"[" * 600 + b"]" * 600
    content = b'[{"a": 1e999}, {"a": 1' + b"0" * 400 + b'}, {"a": "' + b"x" * 90_000 + b'"}, {"a": ' + nested + b"}]"
    validation = validate(lambda text, fraction: None, FileSource(content), rules, Limits())
    assert isinstance(validation, Validation)
    assert len(json.dumps(validation.violations, allow_nan=False)) < 10_000


def test_fields_of_a_schema_that_no_record_has_are_said() -> None:
    source = ValueSource([{"qty": 1}])
    schema = {"schema": {"properties": {"quantity": {"minimum": 5}, "qty": {"minimum": 1}}}}
    validation = validate(lambda text, fraction: None, source, schema, Limits())
    assert isinstance(validation, Validation)
    assert validation.headline == (
        "The only row is valid, checked against the JSON Schema, 1 field of which no record has."
    )
    assert "fields of the schema that no record has: 'quantity'" in validation.report


def test_the_list_is_capped_and_counted() -> None:
    source = ValueSource([{"a": index} for index in range(50)])
    validation = validate(
        lambda text, fraction: None, source, {"rules": [{"field": "a", "max": -1}]}, Limits(records=10)
    )
    assert isinstance(validation, Validation)
    about = validation.violations["summary"]
    assert (len(validation.violations["violations"]), about["violations"], about["listed"]) == (10, 50, 10)
