"""The development issuer's client file, written by hand or made for a set of customers."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from crossdock.auth.dev_clients import provision, read_clients
from crossdock.errors import ConfigError

AGENTS = {"anomaly": ("detect_anomalies",), "contract": ("find_contract", "add_contract")}
CLIENT = {"client_id": "c", "customer": "acme", "audience": ["anomaly-agent"], "secret": "long enough"}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_customer_gets_a_caller_and_an_orchestrator(tmp_path: Path) -> None:
    clients = {c.client_id: c for c in read_clients(provision(tmp_path / "dev", ["acme", "globex"], AGENTS))}
    assert set(clients) == {"acme-caller", "acme-orchestrator", "globex-caller", "globex-orchestrator"}
    caller, orchestrator = clients["acme-caller"], clients["acme-orchestrator"]
    assert caller.customer == orchestrator.customer == "acme"
    assert caller.audience == ("acme-orchestrator",)
    assert caller.roles == ("agent-access", "skill:orchestrator.handle_request")
    assert orchestrator.audience == ("anomaly-agent", "contract-agent")
    assert orchestrator.roles == (
        "agent-access",
        "skill:anomaly.detect_anomalies",
        "skill:contract.find_contract",
        "skill:contract.add_contract",
    )
    assert len({client.current_secret() for client in clients.values()}) == 4
    assert all(len(client.current_secret()) >= 32 for client in clients.values())


def test_only_the_owner_can_read_what_is_made(tmp_path: Path) -> None:
    path = provision(tmp_path / "dev", ["acme"], AGENTS)
    secret = tmp_path / "dev" / "secrets" / "acme-caller"
    assert [mode(found) for found in (path, secret, secret.parent, path.parent)] == [0o600, 0o600, 0o700, 0o700]
    assert sorted(found.name for found in secret.parent.iterdir()) == ["acme-caller", "acme-orchestrator"]
    assert secret.read_text().strip() not in path.read_text()


def test_secrets_are_kept_and_rights_renewed(tmp_path: Path) -> None:
    first = read_clients(provision(tmp_path, ["acme"], AGENTS))
    (tmp_path / "secrets" / "acme-caller").chmod(0o644)
    second = read_clients(provision(tmp_path, ["acme", "globex"], {"anomaly": ("validate_records",)}))
    assert [client.current_secret() for client in first] == [client.current_secret() for client in second[:2]]
    assert second[1].roles == ("agent-access", "skill:anomaly.validate_records")
    assert mode(tmp_path / "secrets" / "acme-caller") == 0o600


def test_an_empty_secret_is_replaced(tmp_path: Path) -> None:
    provision(tmp_path, ["acme"], AGENTS)
    (tmp_path / "secrets" / "acme-caller").write_text("\n")
    assert read_clients(provision(tmp_path, ["acme"], AGENTS))[0].current_secret()


@pytest.mark.parametrize("customer", ["", "../evil", "Acme", "a/b", "acme\n"])
def test_a_customer_with_an_impossible_name(tmp_path: Path, customer: str) -> None:
    with pytest.raises(ConfigError, match="customer"):
        provision(tmp_path, [customer], AGENTS)
    assert list((tmp_path / "secrets").iterdir()) == []


@pytest.mark.parametrize(
    "text", ["- {client_id: c, customer: acme, audience: [x], secret: long enough}", "clients: []"]
)
def test_clients_written_by_hand_as_yaml(tmp_path: Path, text: str) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(text)
    assert [client.client_id for client in read_clients(path)] in (["c"], [])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "the whole"),
        ("text", "the whole"),
        ({"client": []}, "the whole"),
        ([CLIENT | {"secret": "short"}], "0.secret"),
        ([CLIENT | {"secret_file": "x"}], "either secret or secret_file"),
        ([{name: value for name, value in CLIENT.items() if name != "secret"}], "either secret or secret_file"),
        ([CLIENT | {"audience": []}], "0.audience"),
        ([CLIENT | {"audience": "anomaly-agent"}], "0.audience"),
        ([CLIENT | {"customer": "A C"}], "0.customer"),
        ([CLIENT | {"client_id": "../c"}], "0.client_id"),
        ([CLIENT | {"role": []}], "0.role"),
        ([CLIENT, CLIENT], "c stands there more than once"),
    ],
)
def test_a_client_file_that_does_not_fit(tmp_path: Path, content: Any, problem: str) -> None:
    path = tmp_path / "clients.json"
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError) as caught:
        read_clients(path)
    assert problem in str(caught.value)
    assert "clients.json" in str(caught.value)
    assert "long enough" not in str(caught.value)


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe\x00", b"!!python/object/apply:os.system ['true']"])
def test_a_file_that_is_neither_yaml_nor_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clients.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="neither YAML nor JSON"):
        read_clients(path)
