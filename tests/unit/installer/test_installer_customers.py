"""Names of customers, their files, and the order in which a customer comes and goes."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from installer.cli import app
from tests.support.installation import Repository

HOSTILE = [
    "../acme",
    "a b",
    "a;}",
    "a\nb",
    "A",
    "acme_",
    "-acme",
    "acme-",
    "a.b",
    "ä",
    "$(id)",
    "x" * 51,
    "",
    "user * on",
]
TAKEN = ["anomaly", "contract", "contracts", "escalation", "orchestrator", "edge", "keycloak", "gateway", "default"]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, [*arguments], catch_exceptions=False)


def asked(log: Path) -> list[str]:
    """What Docker Compose was asked, without the options that all calls have."""
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split(".yaml ")[-1].split(".yml ")[-1] for line in lines]


@pytest.mark.parametrize("command", ["add", "remove"])
@pytest.mark.parametrize("name", [*HOSTILE, *TAKEN])
def test_a_name_that_is_none_reaches_nothing(
    command: str, name: str, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = repo.docker(monkeypatch)
    result = run("customer", command, "--", name)
    assert result.exit_code == 2
    assert result.output.startswith("error: ")
    assert result.output.count("\n") == 1
    assert not log.exists()
    assert not repo.folder.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "Write it first"),
        ("customer: {name: other}", "must say"),
        ("customer: {name: no}", "must say"),
        ("name: initech", "must say"),
        ("[1", "is not YAML"),
        ("", "must say"),
    ],
)
def test_a_file_that_does_not_fit(content: str | None, words: str, repo: Repository) -> None:
    if content is not None:
        (repo.root / "k8s" / "customers" / "initech.yaml").write_text(content)
    result = run("customer", "add", "initech")
    assert result.exit_code == 2
    assert words in result.output
    assert not repo.folder.exists()


def test_a_customer_that_is_there_already_in_the_compose_file_is_not_removed(repo: Repository) -> None:
    result = run("customer", "remove", "acme")
    assert result.exit_code == 2
    assert "docker-compose.yml" in result.output


def test_nothing_is_done_while_the_system_is_down(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    repo.docker(monkeypatch, broken="no such words")
    (repo.root / "bin" / "docker").write_text("#!/bin/sh\n")
    repo.describe("initech")
    result = run("customer", "add", "initech")
    assert result.exit_code == 2
    assert result.output == ("error: Not running: gateway, keycloak, redis. Start the system with `make up` first.\n")
    assert not (repo.folder / "secrets").exists()


def test_without_docker(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.root))
    repo.describe("initech")
    result = run("customer", "add", "initech")
    assert result.exit_code == 2
    assert "Install Docker" in result.output


def test_a_failed_step_says_which_and_can_be_repeated(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    log = repo.docker(monkeypatch, broken="reconcile initech")
    repo.describe("initech")
    result = run("customer", "add", "initech")
    assert result.exit_code == 2
    assert "installer reconcile initech` failed: it is broken" in result.output
    assert "up -d" not in log.read_text()
    before = repo.files()
    run("customer", "add", "initech")
    assert repo.files() == before


def test_the_orchestrator_of_a_customer_named_like_a_word_of_yaml(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.docker(monkeypatch, broken="up -d")
    (repo.root / "k8s" / "customers" / "no.yaml").write_text("customer: {name: 'no'}\n")
    run("customer", "add", "no")
    made = yaml.safe_load((repo.folder / "customers" / "no.yaml").read_text())
    assert made == json.loads((repo.folder / "customers" / "no.yaml").read_text())
    assert list(made["services"]) == ["orchestrator-no"]
    service = made["services"]["orchestrator-no"]
    assert service["environment"]["CROSSDOCK_REDIS_USERNAME"] == "no-orchestrator"
    assert made["configs"]["customer-no"]["file"] == "k8s/customers/no.yaml"
    assert {secret["source"] for secret in service["secrets"]} == set(made["secrets"])
    assert all((repo.root / secret["file"]).is_file() for secret in made["secrets"].values())


def test_removing_leaves_nothing_of_the_customer(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    log = repo.docker(monkeypatch, broken="up -d")
    run("prepare")
    before = repo.files()
    repo.describe("initech")
    run("customer", "add", "initech")
    assert run("customer", "list").output.split() == ["acme", "globex", "initech"]
    log.unlink()
    repo.docker(monkeypatch)
    for _ in range(2):
        assert run("customer", "remove", "initech").exit_code == 0
        assert repo.files() == before
    assert run("customer", "list").output.split() == ["acme", "globex"]
    assert asked(log)[:5] == [
        "ps --services --status running",
        "exec -T gateway nginx -t -q",
        "exec -T gateway nginx -s reload",
        "rm --stop --force orchestrator-initech",
        "run --rm -T --no-deps installer reconcile --remove initech",
    ]
