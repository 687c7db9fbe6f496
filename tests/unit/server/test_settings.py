"""Settings: every problem at once, in words an operator can act on, and never a secret."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from crossdock.errors import ConfigError
from crossdock.settings import ServiceSettings, read_secret

VARIABLES = ("CROSSDOCK_PORT", "CROSSDOCK_ISSUER", "CROSSDOCK_MAX_BODY", "CROSSDOCK_LOG_LEVEL", "CROSSDOCK_PUBLIC_URL")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_all_problems_are_reported_together(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CROSSDOCK_PORT", "70000")
    environment.setenv("CROSSDOCK_MAX_BODY", "-1")
    environment.setenv("CROSSDOCK_LOG_LEVEL", "LOUD")
    environment.setenv("CROSSDOCK_PUBLIC_URL", "not a url")
    with pytest.raises(ConfigError) as caught:
        ServiceSettings.load()
    for name in VARIABLES:
        assert f"\n  {name}: " in str(caught.value)


def test_what_is_missing_is_named() -> None:
    with pytest.raises(ConfigError) as caught:
        ServiceSettings.load()
    assert "CROSSDOCK_ISSUER: Field required" in str(caught.value)
    assert "CROSSDOCK_PORT: Field required" in str(caught.value)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "127.0.0.1:10002"),
        ({"grpc_port": 7}, "127.0.0.1:7"),
        ({"host": "::1", "public_url": "http://[::1]:8002"}, "[::1]:10002"),
        ({"public_url": "https://agent.example/anomaly"}, "agent.example:10002"),
        ({"grpc_address": "grpc.example:443"}, "grpc.example:443"),
    ],
)
def test_the_address_of_grpc(given: dict[str, Any], expected: str) -> None:
    loaded = ServiceSettings.load(issuer="http://localhost:8009", **{"port": 8002, **given})
    assert loaded.public_grpc == expected


def test_a_port_has_room_for_grpc_above_it() -> None:
    with pytest.raises(ConfigError, match=r"CROSSDOCK_GRPC_PORT: .*beyond 65535: set another"):
        ServiceSettings.load(port=64000, issuer="http://localhost:8009")
    assert ServiceSettings.load(port=64000, issuer="http://localhost:8009", grpc=False).port == 64000
    assert ServiceSettings.load(port=64000, issuer="http://localhost:8009", grpc_port=1).grpc_listener == 1


def test_a_bad_value_is_not_repeated(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CROSSDOCK_ISSUER", "hunter2")
    with pytest.raises(ConfigError) as caught:
        ServiceSettings.load(port=8002)
    assert "CROSSDOCK_ISSUER" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_an_unknown_argument_is_refused() -> None:
    with pytest.raises(ConfigError, match="CROSSDOCK_PROT"):
        ServiceSettings.load(port=8002, issuer="http://localhost:8009", prot=1)


def test_the_environment_is_read_and_arguments_go_first(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CROSSDOCK_PORT", "8002")
    environment.setenv("CROSSDOCK_ISSUER", "http://localhost:8009/")
    loaded = ServiceSettings.load(max_body=7)
    assert (loaded.port, loaded.issuer, loaded.max_body) == (8002, "http://localhost:8009", 7)
    assert (loaded.url, loaded.management_port) == ("http://127.0.0.1:8002", 9002)
    assert ServiceSettings.load(port=1234).port == 1234


def test_settings_do_not_change() -> None:
    loaded = ServiceSettings.load(port=8002, issuer="http://localhost:8009")
    with pytest.raises(ValueError, match="frozen"):
        loaded.port = 1


def test_a_nested_setting_is_named_as_it_is_set() -> None:
    class Nested(ServiceSettings):
        agents: dict[str, str] = Field(description="Where they live.")

    with pytest.raises(ConfigError, match="CROSSDOCK_AGENTS__ANOMALY"):
        Nested.load(port=8002, issuer="http://localhost:8009", agents={"anomaly": 7})


def test_every_setting_says_what_it_is_for() -> None:
    assert [name for name, field in ServiceSettings.model_fields.items() if not field.description] == []


def test_a_secret_is_read_without_its_line_end(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("hunter2\n", encoding="utf-8")
    assert read_secret(file) == "hunter2"


def test_a_missing_secret_says_which_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        read_secret(tmp_path / "none")
    with pytest.raises(ConfigError, match="directory"):
        read_secret(tmp_path)


def test_an_empty_or_unreadable_secret_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe\x00hunter2")
    with pytest.raises(ConfigError) as caught:
        read_secret(file)
    assert "hunter2" not in str(caught.value)
    file.write_bytes(b" \n")
    with pytest.raises(ConfigError, match="empty"):
        read_secret(file)
