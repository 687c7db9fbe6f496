from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from crossdock.errors import ConfigError
from orchestrator.customer import Customer, Style, load

CUSTOMERS = Path(__file__).parents[3] / "k8s" / "customers"
MINIMAL = {"name": "acme", "agents": [{"id": "anomaly"}, {"id": "contract"}]}


def written(folder: Path, block: object) -> Path:
    path = folder / "customer.yaml"
    path.write_text(yaml.safe_dump({"customer": block}), encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    """What `load` says against the file; empty if nothing."""
    try:
        load(path)
    except ConfigError as error:
        return str(error)
    return ""


def problems(folder: Path, **fields: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(written(folder, {**MINIMAL, **fields}))
    return str(caught.value)


@pytest.mark.parametrize("name", sorted(path.stem for path in CUSTOMERS.glob("*.yaml")))
def test_the_customers_of_the_repository_load(name: str) -> None:
    assert load(CUSTOMERS / f"{name}.yaml").name == name


def test_defaults_fill_what_is_left_out(tmp_path: Path) -> None:
    customer = load(written(tmp_path, MINIMAL))
    assert customer.agent_ids == ("anomaly", "contract")
    assert customer.routing.method == "hybrid"
    assert not customer.llm.enabled
    assert (customer.limits.steps, customer.style.tone) == (5, None)


def test_all_problems_are_reported_together_with_file_field_and_remedy(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        colour="red",
        routing={"method": "guess", "rules": [{"name": "a", "priority": "high", "keywords": ["x"], "agents": []}]},
        style={"tone": "rude"},
    )
    lines = text.splitlines()
    assert all(line.startswith(str(tmp_path / "customer.yaml")) for line in lines)
    assert any("customer.colour: no such field" in line for line in lines)
    assert any("customer.routing.method: " in line and "one of rules, ranking, llm, hybrid" in line for line in lines)
    assert any("customer.routing.rules[0].priority: " in line and "a whole number" in line for line in lines)
    assert any("customer.routing.rules[0].agents: " in line for line in lines)
    assert any("customer.style.tone: " in line for line in lines)


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"customer\.name: is missing; add it"):
        load(written(tmp_path, {"agents": [{"id": "anomaly"}]}))


@pytest.mark.parametrize(
    ("routing", "message"),
    [
        ({"rules": [{"name": "a", "keywords": ["x"], "agents": ["nobody"]}]}, "'nobody' is not among"),
        ({"examples": [{"text": "x", "agents": ["nobody"]}]}, "routing.examples[0].agents: 'nobody' is not among"),
        ({"rules": [{"name": "a", "agents": ["anomaly"]}]}, "has no condition"),
        ({"rules": [{"name": "a", "regex": "(", "agents": ["anomaly"]}]}, "is not a regular expression"),
        ({"rules": [{"name": "a", "keywords": ["!"], "agents": ["anomaly"]}]}, "holds no letter or digit"),
        ({"rules": [{"name": "a", "keywords": ["x"], "agents": ["anomaly"]}] * 2}, "two rules have the name 'a'"),
        ({"method": "llm"}, "llm.enabled is false"),
    ],
)
def test_contradictions_are_explained(tmp_path: Path, routing: object, message: str) -> None:
    assert message in problems(tmp_path, routing=routing)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": True}, "customer.name: must be text; put quotes around it"),
        ({"name": "acme-"}, "customer.name: 'acme-' cannot be a customer's name. Use at most 39"),
        ({"agents": "anomaly"}, "customer.agents: must be a list"),
        ({"agents": []}, "customer.agents: must not be empty"),
        ({"limits": {"steps": "many"}}, "customer.limits.steps: must be a whole number"),
        ({"llm": {"base_url": "ftp://x"}}, "customer.llm.base_url: 'ftp://x' is not a URL"),
        ({"llm": {"base_url": "https://"}}, "customer.llm.base_url: 'https://' is not a URL"),
        ({"llm": {"base_url": "https://[x"}}, "customer.llm.base_url: 'https://[x' is not a URL"),
        (
            {"routing": {"rules": [{"name": "a", "priority": True, "keywords": ["x"], "agents": ["anomaly"]}]}},
            "customer.routing.rules[0].priority: must be a whole number",
        ),
    ],
)
def test_a_value_of_the_wrong_kind_is_said_in_plain_words(
    tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    assert message in problems(tmp_path, **fields)


def test_a_list_of_wrong_items_is_not_called_empty(tmp_path: Path) -> None:
    assert len(problems(tmp_path, agents=["anomaly"]).splitlines()) == 1


def test_an_enabled_language_model_needs_a_name(tmp_path: Path) -> None:
    assert "set customer.llm.model" in problems(tmp_path, llm={"enabled": True})


def test_a_plan_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    routing = {"rules": [{"name": "a", "keywords": ["x"], "agents": ["anomaly", "contract"]}]}
    assert "limits.steps" in problems(tmp_path, routing=routing, limits={"steps": 1})


def test_an_agent_stands_there_once(tmp_path: Path) -> None:
    assert "'anomaly' stands there twice" in problems(tmp_path, agents=[{"id": "anomaly"}, {"id": "anomaly"}])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("customer: [", "is not YAML: line 1"),
        ("other: 1", "no `customer:` block"),
        ("", "no `customer:` block"),
        ("customer: 3", "customer: must be a mapping"),
        ("customer:\n  name: acme\n  name: globex", "line 3, column 3: 'name' stands there twice"),
        ("customer: {name: 2024-13-45}", "put quotes around texts"),
        ("customer: " + "[" * 3000 + "]" * 3000, "nested too deeply"),
    ],
)
def test_files_that_are_not_a_customer(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "customer.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path / "nobody.yaml")


def test_a_customer_cannot_be_changed() -> None:
    customer = Customer.model_validate(MINIMAL)
    with pytest.raises(ValidationError):
        customer.name = "globex"


def test_style_metadata_leaves_out_what_is_not_set() -> None:
    assert Style(language="de", tone="firm").as_metadata() == {"language": "de", "tone": "firm"}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*Customer.model_fields, "rules", "regex", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
def test_any_block_loads_or_is_refused_with_its_file(tmp_path_factory: pytest.TempPathFactory, block: object) -> None:
    path = written(tmp_path_factory.mktemp("any"), block)
    assert all(line.startswith(str(path)) for line in refusal(path).splitlines())
