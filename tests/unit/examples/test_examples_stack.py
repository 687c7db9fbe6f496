"""Which processes the local system has, and where: taken from the customers' files, the cards and the settings."""

import json
from pathlib import Path

import pytest

from crossdock.errors import ConfigError
from examples.customers import FOLDER, customer_files
from examples.inputs import port_offset
from examples.run import show
from examples.stack import Stack, agent_skills


def a_customer(folder: Path, name: str, file: str = "") -> Path:
    path = folder / f"{file or name}.yaml"
    path.write_text(f"customer:\n  name: {name}\n  agents:\n    - id: contract\n")
    return path


def test_the_documented_customers_have_the_documented_ports(tmp_path: Path) -> None:
    profile = Stack(tmp_path).profile()
    assert {name: access.url for name, access in profile.customers.items()} == {
        "acme": "http://127.0.0.1:8001",
        "globex": "http://127.0.0.1:8011",
    }
    assert [url.rsplit(":")[-1] for url in profile.agents.values()] == ["8002", "8003", "8004"]


def test_another_customer_is_a_file_and_moves_no_port(tmp_path: Path) -> None:
    for name in ("zeta", "globex", "acme", "aachen"):
        a_customer(tmp_path, name)
    stack = Stack(tmp_path, 100, customer_files(tmp_path))
    ports = {name: int(stack.orchestrator(name).rsplit(":")[-1]) for name in stack.customers}
    assert ports == {"acme": 8101, "globex": 8111, "aachen": 8121, "zeta": 8131}


def test_one_customer_alone_keeps_its_port(tmp_path: Path) -> None:
    a_customer(tmp_path, "globex")
    assert Stack(tmp_path, 0, customer_files(tmp_path)).orchestrator("globex") == "http://127.0.0.1:8011"


def test_a_customer_is_called_as_its_file_says(tmp_path: Path) -> None:
    path = a_customer(tmp_path, "initech", file="third")
    assert customer_files(tmp_path) == {"initech": path}
    a_customer(tmp_path, "initech", file="fourth")
    with pytest.raises(ConfigError, match="both of the customer initech"):
        customer_files(tmp_path)


def test_a_folder_without_customers_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Add one"):
        customer_files(tmp_path)
    assert list(customer_files()) == ["acme", "globex"]
    assert FOLDER.is_dir()


def test_orchestrators_may_use_the_skills_that_the_cards_declare() -> None:
    released = Path(__file__).parents[2] / "cards"
    for agent in ("anomaly", "contract", "escalation"):
        card = json.loads((released / f"{agent}.json").read_text())
        assert set(agent_skills(agent)) >= {skill["id"] for skill in card["skills"]}


@pytest.mark.parametrize("value", ["abc", "-1", "1.5", "60000"])
def test_a_bad_offset_is_named(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PORT_OFFSET", value)
    with pytest.raises(ConfigError, match="PORT_OFFSET"):
        port_offset()


def test_every_port_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(Stack(tmp_path))
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["contract-agent", "http://127.0.0.1:8003", ":10003", ":9003/readyz,", "/metrics"] in rows
    assert len([row for row in rows if "/metrics" in row]) == 5
