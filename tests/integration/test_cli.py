"""The `crossdock` command as people run it: its output, its errors, its exit codes."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crossdock.cli import EXIT_CODES
from crossdock.profile import Access, Profile
from tests.support.certificates import write_certificate
from tests.support.orchestration import orchestrator
from tests.support.serving import listen, serve, url_of
from tests.support.system import System, system


@dataclass
class Shell:
    home: Path
    crossdock: System
    url: str

    async def run(self, *arguments: str, stdin: str = "") -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "crossdock.cli",
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={"CROSSDOCK_HOME": str(self.home), "PATH": "/usr/bin", "COLUMNS": "200"},
        )
        async with asyncio.timeout(30):
            out, err = await process.communicate(stdin.encode())
        assert "Traceback" not in err.decode()
        return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    bound = listen()
    async with system(tmp_path / "issuer", url=url_of(bound)) as crossdock:
        await crossdock.serve(crossdock.issuer.app, bound)
        served = await orchestrator(crossdock)
        secret = tmp_path / "issuer" / "secrets" / "acme-caller"
        access = {"acme": Access(served.url, "acme-caller", str(secret))}
        Profile(crossdock.issuer.url, access).write(tmp_path / "home")
        yield Shell(tmp_path / "home", crossdock, served.url)


async def test_token_prints_the_token_and_nothing_else(shell: Shell) -> None:
    code, out, err = await shell.run("token", "--customer", "acme")
    assert (code, err, out.count("."), len(out.split())) == (0, "", 2, 1)


async def test_a_request_is_watched_and_looked_at_afterwards(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("a,b\n1,2\n")
    code, out, _ = await shell.run("send", "complete this", "--file", str(file), "--save", str(tmp_path / "out"))
    assert code == 0
    assert "routing  puppet" in out
    assert "puppet: half way" in out
    assert json.loads((tmp_path / "out" / "puppet-data.json").read_text()) == {"files": ["a.csv"]}
    code, out, _ = await shell.run("tasks", "--json")
    task_id = json.loads(out)["id"]
    code, out, _ = await shell.run("task", task_id)
    assert (code, "caller: complete this" in out) == (0, True)
    code, out, _ = await shell.run("why", task_id)
    assert (code, "anything" in out, "rules" in out) == (0, True, True)
    code, out, _ = await shell.run("tasks", "--state", "completed")
    assert (code, f"{task_id}  " in out, out.splitlines()[-1].strip()) == (0, True, "done")
    code, _, err = await shell.run("cancel", task_id)
    assert (code, "has ended" in err) == (1, True)


async def test_json_is_one_event_a_line(shell: Shell) -> None:
    code, out, _ = await shell.run("send", "-", "--json", stdin="complete this")
    events = [json.loads(line) for line in out.splitlines()]
    assert (code, events[-1]["status"]["state"]) == (0, "TASK_STATE_COMPLETED")


async def test_a_question_is_answered_with_task(shell: Shell) -> None:
    code, out, _ = await shell.run("send", "ask me")
    assert code == 6
    (hint,) = [line for line in out.splitlines() if line.startswith("Answer with:")]
    assert f"crossdock send --home {shell.home} --task " in hint  # the customer is the default one
    task_id = hint.split("--task ")[1].split()[0]
    assert (await shell.run("send", "answer that", "--task", task_id))[0] == 0


async def test_a_skill_is_named_in_the_message(shell: Shell) -> None:
    await shell.run("send", "complete this", "--skill", "handle_request")
    code, out, _ = await shell.run("tasks", "--json")
    message = json.loads(out)["history"][0]
    assert (code, message["metadata"]) == (0, {"urn:crossdock:skill:v1": "handle_request"})


async def test_a_card_is_shown(shell: Shell) -> None:
    code, out, _ = await shell.run("card", "--url", shell.url)
    assert (code, "handle_request" in out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["send", "fail"], 1, ""),
        (["send", "reject"], 1, ""),
        (["send"], 2, "give a text, a --file, or both"),
        (["send", "x", "--file", "no/such.csv"], 2, "Cannot read no/such.csv"),
        (["send", "x", "--customer", "initech"], 2, "there are: acme"),
        (["tasks", "--state", "sleeping"], 2, "there are: "),
        (["send", "x", "--url", "http://127.0.0.1:9"], 3, "Is it running?"),
        (["send", "x", "--token-file", "TOKEN"], 4, "token"),
        (["send", "x", "--token-file", "EMPTY"], 2, "is empty. Write a bearer token into it"),
        (["send", "x", "--token-file", "no/such"], 2, "Write a bearer token into it"),
        (["send", "x", "--token-file", "WORDS"], 2, "is no bearer token"),
        (["send", "x", "--url", "notaurl"], 2, "'notaurl' is not the URL of an agent. Give one such as http://"),
        (["card", "--url", "localhost:8001"], 2, "is not the URL of an agent"),
        (["card", "--url", "http://[bad"], 2, "is not the URL of an agent"),
        (["send", b"\xff".decode(errors="surrogateescape")], 2, "not text in UTF-8"),
        (["send", "complete this", "--save", "TOKEN"], 2, "Cannot write to"),
        (["task", "unknown"], 5, "no such task"),
        (["why", "unknown"], 5, "no such task"),
        (["cancel", "unknown"], 5, "no such task"),
        (["tasks", "--home", "nowhere"], 2, "make run"),
    ],
)
async def test_an_error_has_its_code_and_says_what_to_do(
    shell: Shell, tmp_path: Path, arguments: list[str], code: int, words: str
) -> None:
    files = {"TOKEN": "eyJhbGciOiJub25lIn0.e30.", "EMPTY": "\n", "WORDS": "not found"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    found, _, err = await shell.run(*(str(tmp_path / word) if word in files else word for word in arguments))
    assert (found, words in err) == (code, True), err
    assert "eyJ" not in err


async def test_help_and_readme_tell_the_exit_codes(shell: Shell) -> None:
    code, out, _ = await shell.run("--help")
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    assert code == 0
    for number, meaning in EXIT_CODES.items():
        assert f"{number}: {meaning}" in out
        assert f"| {number} | {meaning} |" in readme


async def test_every_command_on_a_task_has_the_common_options(shell: Shell) -> None:
    for command in ("send", "tasks", "task", "cancel", "why"):
        _, out, _ = await shell.run(command, "--help")
        assert all(option in out for option in ("--customer", "--url", "--token-file", "--home")), command


async def test_a_certificate_counts_by_option_or_profile(shell: Shell, tmp_path: Path) -> None:
    certificate = write_certificate(tmp_path, "server", ["localhost"])
    agent = await shell.crossdock.agent()
    async with serve(agent.service, certificate=certificate) as url:
        own = url.replace("127.0.0.1", "localhost")
        assert (await shell.run("card", "--url", own))[0] == 3
        assert (await shell.run("card", "--url", own, "--ca-file", str(certificate)))[0] == 0
        Profile("https://issuer.invalid", {"acme": Access(own, "", "")}, ca_file=str(certificate)).write(shell.home)
        assert (await shell.run("card"))[0] == 0
    code, _, err = await shell.run("card", "--ca-file", str(tmp_path / "none.crt"))
    assert (code, err.count("\n")) == (2, 1)
