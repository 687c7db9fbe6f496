"""`make up` before anything is started: what is wrong is one line with its remedy."""

import socket
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installer import startup
from installer.cli import app
from installer.compose import compose_place
from installer.public import Origin
from tests.support.installation import Repository, repository
from tests.support.serving import free_port

DOCKER = """#!/bin/sh
echo "$*" >>"{log}"
case "$*" in
  "version "*) {engine};;
  "compose version"*) echo "{compose}";;
  *"ps --filter publish={published} "*) echo "0f3a something-else";;
  "volume ls"*) echo "{volume}";;
  *" up "*) exit 1;;
  *"config --services"*) printf "gateway\\nanomaly\\n";;
  *"ps --all"*) cat "{containers}";;
  logs*) echo "the last words";;
esac
"""


class Machine:
    """A machine whose `docker` says what it is told to; `log` has what it was asked."""

    def __init__(self, repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: dict[str, str] = {
            "log": str(repo.root / "docker.log"),
            "engine": "echo 28.5.2",
            "compose": "2.40.3-3",
            "published": "none",
            "volume": "",
            "containers": str(repo.root / "containers.json"),
        }
        self._program = repo.root / "bin" / "docker"
        self._program.parent.mkdir()
        Path(self.said["containers"]).touch()
        monkeypatch.setenv("PATH", str(self._program.parent), prepend=":")
        self.https_port = free_port()
        monkeypatch.setenv("HTTPS_PORT", str(self.https_port))
        monkeypatch.setenv("HTTP_PORT", str(free_port()))

    def up(self, **said: str) -> list[str]:
        """The lines of the error."""
        self._program.write_text(DOCKER.format_map({**self.said, **said}))
        self._program.chmod(0o755)
        result = CliRunner().invoke(app, ["compose", "up"])
        assert result.exit_code == 2, result.output
        return result.stderr.splitlines()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)
    return Machine(repository(tmp_path), monkeypatch)


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (
            {"engine": "echo 'Cannot connect to the Docker daemon' >&2; exit 1"},
            "error: `docker version --format {{.Server.Version}}` failed: Cannot connect to the Docker daemon. "
            "Start Docker, then try again.",
        ),
        (
            {"engine": "echo 24.0.7"},
            "error: The container engine is 24.0.7; version 25.0 or later is needed. Update it.",
        ),
        (
            {"compose": "v2.20.1"},
            "error: Docker Compose is v2.20.1; version 2.24 or later is needed. Update it.",
        ),
        (
            {"volume": "crossdock_postgres"},
            "error: There is data of an earlier start, but .crossdock/compose with its passwords is gone. "
            "Remove the data with `make down`, then start again.",
        ),
    ],
)
def test_what_is_missing_is_one_line_with_its_remedy(machine: Machine, said: dict[str, str], line: str) -> None:
    assert machine.up(**said) == [line]


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("REPLICAS", "0", "greater than or equal to 1"),
        ("REPLICAS", "two", "a valid integer"),
        ("REQUESTS_PER_MINUTE", "0", "greater than or equal to 1"),
        ("REQUESTS_PER_MINUTE", "100r/m;", "a valid integer"),
        ("REQUEST_BURST", "-1", "greater than or equal to 1"),
        ("REQUEST_BURST", "0", "greater than or equal to 1"),
        ("LOG_LEVEL", "verbose", "DEBUG|INFO|WARNING|ERROR"),
        ("HTTP_PORT", "0", "greater than or equal to 1"),
        ("HTTP_PORT", "", "another port than HTTPS_PORT"),
    ],
)
def test_a_setting_that_does_not_fit_is_told_before_anything_is_made(
    variable: str, value: str, words: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value or str(machine.https_port))
    head, line = machine.up()
    assert head == "error: The settings do not fit; set these variables:"
    assert line.startswith(f"  {variable}: ")
    assert words in line
    assert not Path(machine.said["log"]).exists()
    assert not Path(".crossdock").exists()


def test_a_machine_without_docker_says_so(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    result = CliRunner().invoke(app, ["compose", "up"])
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "Install Docker" in result.stderr


def test_a_taken_port_is_told_with_who_has_it(machine: Machine) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", machine.https_port))
        taken.listen()
        (by_process,) = machine.up()
        (by_container,) = machine.up(published=str(machine.https_port))
    assert by_process.startswith(f"error: Port {machine.https_port} is taken by ")
    assert by_process.endswith(f"make up HTTPS_PORT={machine.https_port + 1000}")
    assert "is taken by the container something-else. " in by_container


def test_a_container_that_is_not_well_is_named_with_its_last_words(machine: Machine) -> None:
    Path(machine.said["containers"]).write_text(
        '{"Name":"crossdock-redis-1","Service":"redis","State":"running","Health":"healthy","ExitCode":0}\n'
        '{"Name":"crossdock-contract-2","Service":"contract","State":"restarting","Health":"","ExitCode":2}\n'
    )
    assert machine.up() == [
        "error: crossdock-contract-2 is not well (restarting, exit status 2). "
        "Its last words (all of them: make logs S=contract):",
        "    the last words",
    ]


def test_secrets_of_another_project_are_left_alone(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "first")
    machine.up()
    secrets = {path: path.read_bytes() for path in Path(".crossdock/compose/secrets").iterdir()}
    assert secrets
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "second")
    (line,) = machine.up()
    assert line.startswith("error: .crossdock/compose holds the secrets of the project first, and this is second.")
    result = CliRunner().invoke(app, ["compose", "down"])
    assert (result.exit_code, result.stderr.splitlines()) == (2, [line])
    assert {path: path.read_bytes() for path in Path(".crossdock/compose/secrets").iterdir()} == secrets


def test_what_it_was_started_with_is_known_to_later_commands(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "first")
    monkeypatch.setenv("PUBLIC_HOST", "dock.example.org")
    machine.up()
    for name in startup.DEFAULTS:
        monkeypatch.delenv(name)
    place = compose_place(tmp_path)
    assert place.origin == Origin(public_host="dock.example.org", https_port=machine.https_port)
    assert place.docker.variables["COMPOSE_PROJECT_NAME"] == "first"
    machine.up()
    assert compose_place(tmp_path).docker.variables == place.docker.variables


@pytest.mark.parametrize("command", [["token", "acme"], ["customer", "add", "initech"], ["compose", "ps"]])
def test_another_port_than_that_of_the_start_changes_nothing_but_at_the_start(
    command: list[str], machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.up()
    profile = Path(".crossdock/compose/profile.json")
    before, other = profile.read_text(), free_port()
    monkeypatch.setenv("HTTPS_PORT", str(other))
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, result.output) == (
        2,
        f"error: The system was started with HTTPS_PORT={machine.https_port}, and this is HTTPS_PORT={other}. "
        f"Leave HTTPS_PORT out, or change it: make up HTTPS_PORT={other}\n",
    )
    assert profile.read_text() == before
    machine.up()
    assert f":{other}/" in profile.read_text()
    monkeypatch.delenv("HTTPS_PORT")
    assert compose_place(Path()).origin.https_port == other


def test_a_customer_whose_file_is_gone_is_told_with_both_ways_out(machine: Machine) -> None:
    machine.up()
    (Path("k8s/customers/globex.yaml")).unlink()
    assert machine.up() == ["error: k8s/customers/globex.yaml is gone, but globex is installed. Put the file back."]
    Path("k8s/customers/globex.yaml").touch()
    Path("docker-compose.yml").write_text("services: {gateway: {}, orchestrator-acme: {}}\n")
    Path("k8s/customers/globex.yaml").unlink()
    assert machine.up() == [
        "error: k8s/customers/globex.yaml is gone, but globex is installed. Put the file back. "
        "To remove it: make customer-remove NAME=globex"
    ]


def test_logs_of_no_service(machine: Machine) -> None:
    machine.up()
    result = CliRunner().invoke(app, ["compose", "logs", "nothere"])
    assert result.exit_code == 2
    assert result.output == "error: There is no service 'nothere'. Choose one of: anomaly, gateway.\n"


MAKEFILE = Path(__file__).parents[2] / "Makefile"


@pytest.mark.parametrize("status", [0, 2])
def test_make_clean_takes_what_runs_down_first(tmp_path: Path, status: int) -> None:
    """Secrets are removed when what needs them is gone, and not if it cannot be taken down."""
    (tmp_path / ".crossdock" / "compose").mkdir(parents=True)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "run").touch()
    installer = tmp_path / "installer"
    installer.write_text(f'#!/bin/sh\necho "$*" >>asked\nexit {status}\n')
    installer.chmod(0o755)
    command = ["make", "-f", str(MAKEFILE), "-o", ".venv/run", "clean", "INSTALLER=./installer"]
    for _ in range(2):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == status, done.stderr
    assert (tmp_path / "asked").read_text().splitlines() == ["compose down"] * (2 if status else 1)
    assert (tmp_path / ".crossdock").exists() == (tmp_path / ".venv").exists() == bool(status)
