"""Names of customers, their files, and the order in which a customer comes and goes."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from installer.agents import SKILLS
from installer.cli import app
from installer.compose import CUSTOMERS
from installer.customer import described, named
from installer.public import Origin
from orchestrator.check import check
from tests.support.installation import Repository
from tests.support.serving import free_port

ROOT = Path(__file__).parents[3]
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
    "x" * 40,
    "3m",
    "",
    "user * on",
]
TAKEN = [
    "anomaly",
    "contract",
    "contracts",
    "escalation",
    "orchestrator",
    "edge",
    "keycloak",
    "gateway",
    "default",
    "agents-test",
    "agents-test-stranger",
]


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
        ("[1", "is not YAML (line 1, column 3)"),
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
    assert result.output == (
        "error: Not running: gateway, keycloak, postgres, redis. Start the system with `make up` first.\n"
    )
    assert not (repo.folder / "secrets").exists()


def test_without_docker(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(repo.root))
    repo.describe("initech")
    result = run("customer", "add", "initech")
    assert result.exit_code == 2
    assert "Install Docker" in result.output


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway of a stand-in serves no card."""
    monkeypatch.setattr(Origin, "wait_for_card", lambda *_: None)


def test_a_file_that_its_orchestrator_would_refuse_changes_nothing(
    repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("prepare")
    before = repo.files()
    log = repo.docker(monkeypatch, broken="customer-check check k8s/customers/initech.yaml", status=2)
    repo.describe("initech")
    result = run("customer", "add", "initech")
    assert (result.exit_code, result.output) == (2, "error: it is broken\n")
    assert len(asked(log)) == 2
    assert repo.files() == before


@pytest.mark.parametrize("broken", ["reconcile initech", "up -d", "nginx -t"])
def test_what_a_failed_installation_made_is_removed_again(
    broken: str, repo: Repository, monkeypatch: pytest.MonkeyPatch, served: None
) -> None:
    run("prepare")
    before = repo.files()
    repo.describe("initech")
    log = repo.docker(monkeypatch, broken=broken)
    result = run("customer", "add", "initech")
    assert result.exit_code == 2
    assert result.output.count("\n") == 1
    if broken == "nginx -t":
        assert "Nor could it be undone: `docker compose exec -T gateway nginx -t -q` failed" in result.output
        assert "make customer-remove NAME=initech" in result.output
        assert repo.files()["profile.json"] == before["profile.json"]
        return
    assert result.output.endswith("What was made for initech is removed again.\n")
    assert repo.files() == before
    assert "run --rm -T --no-deps installer reconcile --remove initech" in asked(log)
    assert ("Its last words:" in result.output) == (broken != "reconcile initech")


def test_a_customer_that_was_there_stays_when_it_cannot_be_installed_again(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, served: None
) -> None:
    repo.docker(monkeypatch)
    repo.describe("initech")
    assert run("customer", "add", "initech").exit_code == 0
    before = repo.files()
    repo.docker(monkeypatch, broken="up -d")
    result = run("customer", "add", "initech")
    assert (result.exit_code, "removed" in result.output) == (2, False)
    assert repo.files() == before


def test_nothing_to_remove_does_not_look_like_success(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    log = repo.docker(monkeypatch)
    for _ in range(2):
        result = run("customer", "remove", "initec")
        assert (result.exit_code, "is removed" in result.output) == (0, False)
        assert result.output == (
            "There is nothing to remove: no customer initec is installed here. Installed: acme, globex.\n"
        )
        run("prepare")
    assert not log.exists()


@pytest.mark.parametrize(("command", "target"), [("add", "customer"), ("remove", "customer-remove")])
@pytest.mark.parametrize("given", [[], [""]])
def test_without_a_name(command: str, target: str, given: list[str], repo: Repository) -> None:
    result = run("customer", command, *given)
    assert (result.exit_code, result.output) == (
        2,
        f"error: Which customer? Give its name: make {target} NAME=initech\n",
    )


@pytest.mark.parametrize("target", ["customer", "customer-remove", "token", "renew"])
def test_an_option_is_no_name(target: str, repo: Repository) -> None:
    """As make passes it on."""
    given = [f"{variable}=--help" for variable in ("NAME", "CUSTOMER", "SECRET")]
    command = ["make", "-s", "-f", str(ROOT / "Makefile"), "-o", ".venv/run", f"BIN={Path(sys.executable).parent}"]
    done = subprocess.run([*command, target, *given], cwd=repo.root, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert "--help" in done.stderr.splitlines()[0]


def test_an_interrupted_installation_says_how_to_go_on(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    repo.docker(monkeypatch)
    monkeypatch.setattr(Origin, "wait_for_card", interrupted)
    repo.describe("initech")
    result = run("customer", "add", "initech")
    assert result.exit_code == 130
    assert "`make customer NAME=initech` goes on" in result.output
    assert "`make customer-remove NAME=initech` takes away what was made" in result.output


def test_the_readmes_third_customer(tmp_path: Path) -> None:
    (line,) = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("$ sed ")]
    folder = tmp_path / CUSTOMERS
    folder.mkdir(parents=True)
    shutil.copy(ROOT / CUSTOMERS / "globex.yaml", folder)
    subprocess.run(line.removeprefix("$ "), shell=True, cwd=tmp_path, check=True, timeout=10)
    assert described("initech", folder) == named("initech")
    assert "globex" not in (folder / "initech.yaml").read_text().lower()
    check([str(folder / "initech.yaml")], SKILLS)


@pytest.mark.parametrize(("said", "told"), [("no", "no."), ("is it running?", "is it running?"), ("so.", "so.")])
def test_what_docker_says_ends_as_it_ends(
    said: str, told: str, repo: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.docker(monkeypatch, broken="ps", said=said)
    repo.describe("initech")
    assert f"failed: {told} Look" in run("customer", "add", "initech").output


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
    repo: Repository, monkeypatch: pytest.MonkeyPatch, served: None
) -> None:
    repo.docker(monkeypatch)
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


def test_removing_leaves_nothing_of_the_customer(
    repo: Repository, monkeypatch: pytest.MonkeyPatch, served: None
) -> None:
    log = repo.docker(monkeypatch)
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


def test_an_error_is_one_line_and_no_log(repo: Repository) -> None:
    """Of the program itself, whose entry point the other tests go round."""
    run("prepare")
    command = [sys.executable, "-m", "installer", "token", "acme"]
    place = {"HTTPS_PORT": str(free_port())}
    done = subprocess.run(command, cwd=repo.root, env=place, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.endswith("gives no tokens now. Start the system with `make up`.\n")
    assert done.stderr.count("\n") == 1
