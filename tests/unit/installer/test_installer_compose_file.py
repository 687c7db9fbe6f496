"""The Compose file: nothing is less confined than the rest, nothing secret stands in it, and customers are alike."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer.compose import BASE, CUSTOMERS
from installer.customer import named
from installer.images import PORTS, UNTIMED
from installer.orchestrators import orchestrator_file
from installer.vault import POSTGRES

ROOT = Path(__file__).parents[3]
SECRETS = Path(".crossdock/compose/secrets")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SHARED: dict[str, Any] = yaml.safe_load((ROOT / BASE).read_text())["services"]
SERVICES: dict[str, Any] = COMPOSE["services"]


def bases(service: dict[str, Any]) -> list[str]:
    """What it extends, directly or not."""
    base = service.get("extends", {}).get("service")
    return [base, *bases(SHARED[base])] if base else []


@pytest.mark.parametrize("customer", ["acme", "globex"])
def test_a_shipped_customer_is_what_the_installer_writes_for_an_added_one(customer: str) -> None:
    written = json.loads(orchestrator_file(named(customer), BASE, CUSTOMERS / f"{customer}.yaml", SECRETS))
    for block in ("services", "configs", "secrets"):
        for name, expected in written[block].items():
            assert COMPOSE[block][name] == expected


@pytest.mark.parametrize("name", SERVICES)
def test_every_container_is_confined(name: str) -> None:
    service = SERVICES[name]
    assert "confined" in bases(service)
    assert {"privileged", "cap_add", "network_mode", "pid", "devices"}.isdisjoint(service)
    limited = [service, *(SHARED[base] for base in bases(service))]
    assert any("memory" in each.get("deploy", {}).get("resources", {}).get("limits", {}) for each in limited)


def test_the_base_takes_everything_away() -> None:
    confined = SHARED["confined"]
    assert (confined["read_only"], confined["cap_drop"]) == (True, ["ALL"])
    assert "no-new-privileges:true" in confined["security_opt"]


def test_only_the_gateway_publishes_ports() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["gateway"]


def test_no_secret_is_a_value() -> None:
    values = {
        variable: value
        for service in [*SERVICES.values(), *SHARED.values()]
        for variable, value in service.get("environment", {}).items()
        if any(word in variable for word in ("PASSWORD", "SECRET", "TOKEN", "KEY"))
    }
    assert values
    assert all(str(value).startswith("/run/secrets/") for value in values.values())


def test_the_databases_are_those_of_the_passwords() -> None:
    script = (ROOT / "docker/postgres/databases.sh").read_text()
    assert "for name in contracts keycloak; do" in script
    assert set(SERVICES["postgres"]["secrets"]) == set(POSTGRES)


def test_every_image_that_is_built_is_measured() -> None:
    built = {each["image"] for each in [*SERVICES.values(), *SHARED.values()] if "build" in each}
    assert {image.rpartition("/")[2].partition(":")[0] for image in built} == {*PORTS, *UNTIMED}


@pytest.mark.parametrize("service", sorted(path.parent.name for path in ROOT.glob("services/*/pyproject.toml")))
def test_every_service_has_an_image(service: str) -> None:
    built = [
        each["build"]["args"]["SERVICE"]
        for each in [*SERVICES.values(), *SHARED.values()]
        if "args" in each.get("build", {})
    ]
    assert service in built
    assert (ROOT / "requirements" / f"{service}.txt").exists()
    assert f"!requirements/{service}.txt" in (ROOT / ".dockerignore").read_text().splitlines()
