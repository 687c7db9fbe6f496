"""The schemas are what the code and the values' comments say; `make schemas` renews them."""

import json
from typing import Any

import jsonschema
import pytest
import yaml

from orchestrator.customer import Customer
from tests.charts.rendering import CHARTS, ROOT, strings
from tests.charts.schemas import DERIVED, IMPORTED, RULES, SETTINGS, chart_schema, described, model_schema, written

CUSTOMERS = sorted((ROOT / "k8s" / "customers").glob("*.yaml"))


@pytest.mark.parametrize("chart", IMPORTED)
def test_a_charts_schema_is_what_values_and_code_say(chart: str) -> None:
    found = (CHARTS / chart / "values.schema.json").read_text()
    assert found == written(chart), "run `make schemas` and look at the difference"


def test_the_customer_block_is_the_codes_model() -> None:
    block = json.loads((CHARTS / "orchestrator" / "values.schema.json").read_text())["properties"]["customer"]
    assert block == model_schema(Customer)
    assert set(block["properties"]) == set(Customer.model_fields)


def leaves(node: Any, path: str = "") -> list[str]:
    """Paths of what has no properties of its own."""
    if not node.get("properties") or path in RULES:
        return [path]
    return [leaf for name, child in node["properties"].items() for leaf in leaves(child, f"{path}.{name}".strip("."))]


@pytest.mark.parametrize("chart", IMPORTED)
def test_every_value_has_a_sentence(chart: str) -> None:
    sentences = described(chart)
    schema = chart_schema(chart)
    schema["properties"] = {
        name: child for name, child in schema["properties"].items() if name not in {"global", "service", "customer"}
    }
    for leaf in leaves(schema):
        if leaf.startswith("settings"):
            continue
        parent = leaf.rsplit(".", 1)[0]
        sentence = sentences.get(leaf) or sentences.get(parent, "")
        assert sentence.endswith("."), f"{chart}: {leaf} has no sentence"


@pytest.mark.parametrize("chart", IMPORTED)
def test_nothing_unknown_is_let_in(chart: str) -> None:
    def objects(node: Any) -> list[Any]:
        below = [each for child in node.values() if isinstance(child, dict) for each in objects(child)]
        return [node, *below] if node.get("type") == "object" and "properties" in node else below

    unsettled = {name: child for name, child in chart_schema(chart)["properties"].items() if name != "settings"}
    for each in objects({"type": "object", "properties": unsettled, "additionalProperties": False}):
        assert each["additionalProperties"] is False


def test_what_the_charts_derive_is_a_setting_of_some_service() -> None:
    assert {name for settings in SETTINGS.values() for name in settings.model_fields} >= DERIVED


@pytest.mark.parametrize("file", CUSTOMERS, ids=lambda file: file.stem)
def test_a_customers_block_means_the_same_to_schema_and_code(file: Any) -> None:
    block = yaml.safe_load(file.read_text())["customer"]
    schema = model_schema(Customer)
    jsonschema.validate(block, schema)
    Customer.model_validate(block)
    wrongs: list[dict[str, Any]] = [{"name": ""}, {"agents": []}, {"style": {"tone": "rude"}}, {"surprise": 1}]
    for wrong in wrongs:
        changed = {**block, **wrong}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed, schema)
        with pytest.raises(ValueError, match=r"validation error"):
            Customer.model_validate(changed)


def test_the_schemas_are_in_draft_7() -> None:
    for chart in IMPORTED:
        schema = json.loads((CHARTS / chart / "values.schema.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        assert not {"$defs", "$ref", "prefixItems"} & set(strings(schema))
