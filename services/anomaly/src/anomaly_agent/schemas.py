"""Checks records against a JSON Schema, without ever fetching what it refers to."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import referencing
import referencing.exceptions
from jsonschema.validators import Draft202012Validator, extend, validator_for

from anomaly_agent.numerals import parse_number
from anomaly_agent.patterns import Patterns
from anomaly_agent.profile import is_missing
from anomaly_agent.table import Table, plain
from anomaly_agent.violations import Violation
from crossdock.errors import Rejected

MOST_PER_ROW = 50
NUMBERS = {"number", "integer"}
TRUTH = {"true": True, "false": False, "yes": True, "no": False}


def schema_violations(schema: Any, table: Table, patterns: Patterns) -> Iterator[Violation]:
    """Violations of each record in turn.

    Raises Rejected for a schema that is wrong, refers outside itself or never ends.

    Cells of text formats are strings; where the schema wants a number or a truth value, they are read as such.
    """
    check = _validator(_of_items(schema), patterns)
    wanted = _wanted_types(check.schema) if table.format in ("csv", "text") else {}
    for row, record in enumerate(table.records()):
        instance = _typed(record, wanted) if table.format in ("csv", "text") else record
        try:
            for count, error in enumerate(check.iter_errors(instance)):
                if count >= MOST_PER_ROW:
                    break
                yield _violation(row, error, record)
        except referencing.exceptions.Unresolvable:
            raise Rejected(
                "The schema refers to another document; none are fetched. Put the parts it needs under $defs."
            ) from None
        except RecursionError:
            raise Rejected("The schema refers to itself without end, or the record is nested too deeply.") from None


def unused_fields(schema: Any, table: Table) -> list[str]:
    """Properties that the schema describes and no record has: often another spelling of a column's name."""
    properties = _of_items(schema).get("properties") if isinstance(schema, Mapping) else None
    return [name for name in properties if name not in table.names] if isinstance(properties, Mapping) else []


def _of_items(schema: Any) -> Any:
    """A schema of the whole list is taken for what it says about each record."""
    if isinstance(schema, Mapping) and schema.get("type") == "array" and isinstance(schema.get("items"), Mapping):
        items = dict(schema["items"])
        return {key: schema[key] for key in ("$schema", "$defs", "definitions") if key in schema} | items
    return schema


def _validator(schema: Any, patterns: Patterns) -> Any:
    if not isinstance(schema, Mapping | bool):
        raise Rejected("The schema must be a JSON object. Send a JSON Schema that describes one record.")
    kind = validator_for(schema, default=Draft202012Validator)
    _check_keywords(schema, kind)
    try:
        kind.check_schema(schema)  # type: ignore[arg-type]
    except jsonschema.SchemaError as error:
        place = "/".join(map(str, error.absolute_path)) or "its top level"
        raise Rejected(f"The schema is not valid JSON Schema at {place[:200]}. Correct it.") from None
    except RecursionError:
        raise Rejected("The schema is nested too deeply. Simplify it.") from None

    def pattern(_validator: Any, wanted: str, instance: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
        if isinstance(instance, str) and not patterns.found(wanted, instance):
            yield jsonschema.ValidationError(f"{instance[:60]!r} does not match {wanted!r}")

    def pattern_properties(validator: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[Any]:
        for expression, part in wanted.items() if isinstance(instance, dict) else ():
            for name, value in instance.items():
                if patterns.found(expression, name):
                    yield from validator.descend(value, part, path=name, schema_path=expression)

    bounded: Any = extend(  # type: ignore[no-untyped-call]
        kind, {"pattern": pattern, "patternProperties": pattern_properties}
    )
    # An empty registry: what is not in the schema itself or a metaschema cannot be resolved.
    return bounded(schema, registry=referencing.Registry(), format_checker=kind.FORMAT_CHECKER)


def _check_keywords(schema: Any, kind: Any) -> None:
    """Raises Rejected for a schema that every record fits: unknown words are no error in JSON Schema."""
    words = list(schema) if isinstance(schema, Mapping) else []
    if schema is False or any(word in kind.VALIDATORS for word in words):
        return
    unknown = f": {str(words[0])[:80]!r} is no keyword of it" if words else ""
    raise Rejected(
        f"The JSON Schema checks nothing{unknown}. Describe one record, such as "
        '{"required": ["id"], "properties": {"quantity": {"minimum": 1}}}.'
    )


def _wanted_types(schema: Any) -> dict[str, set[str]]:
    properties = schema.get("properties", {}) if isinstance(schema, Mapping) else {}
    return {name: _types(part) for name, part in properties.items() if isinstance(part, Mapping)}


def _types(part: Mapping[str, Any]) -> set[str]:
    stated = part.get("type")
    if isinstance(stated, str):
        return {stated}
    if isinstance(stated, list):
        return {str(each) for each in stated}
    if part.keys() & {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}:
        return {"number"}
    return {"string"}


def _typed(record: dict[str, Any], wanted: Mapping[str, set[str]]) -> dict[str, Any]:
    """Empty cells are absent, as a spreadsheet's are."""
    return {
        name: _cell(plain(cell), wanted.get(name, {"string"}))
        for name, cell in record.items()
        if plain(cell) and not (is_missing(plain(cell)) and "string" not in wanted.get(name, ()))
    }


def _cell(text: str, wanted: set[str]) -> Any:
    if wanted & NUMBERS and (value := parse_number(text)) is not None:
        return int(value) if value == int(value) else value
    if "boolean" in wanted and text.lower() in TRUTH:
        return TRUTH[text.lower()]
    return text


def _violation(row: int, error: jsonschema.ValidationError, record: dict[str, Any]) -> Violation:
    field = ".".join(map(str, error.absolute_path))
    keyword = str(error.validator)
    if keyword == "required" and isinstance(error.validator_value, list):
        missing = next((name for name in error.validator_value if f"{name!r} is a required" in error.message), "")
        field = f"{field}.{missing}" if field else str(missing)
    top = str(error.absolute_path[0]) if error.absolute_path else field
    return Violation(
        row,
        field,
        _rule(keyword, error.validator_value),
        f"{field or 'record'}: {error.message[:300]}",
        record.get(top),
    )


def _rule(keyword: str, value: Any) -> str:
    return f"{keyword} {value}"[:120] if isinstance(value, str | int | float) else keyword
