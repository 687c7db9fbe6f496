"""A customer's file, checked as its orchestrator would read it, without starting one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ACME = Path(__file__).parents[3] / "k8s" / "customers" / "acme.yaml"
AGENTS = ("anomaly", "contract", "escalation")


def check(*paths: Path) -> tuple[int, list[str]]:
    """Exit status and complaints."""
    homes = json.dumps(dict.fromkeys(AGENTS, "http://agent.test"))
    command = [sys.executable, "-m", "orchestrator", "check", *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, env={"CROSSDOCK_AGENTS": homes}, timeout=60)
    assert done.stdout == ""
    return done.returncode, done.stderr.splitlines()


def test_the_files_that_are_shipped_are_good() -> None:
    assert check(*ACME.parent.glob("*.yaml")) == (0, [])


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("name: acme", "name: [acme", "is not YAML: line"),
        ("name: acme", "name: ACME", "customer.name: 'ACME' cannot be a customer's name. Use at most 39"),
        ("agents: [escalation]", "agents: [escalator]", "'escalator' is not among this customer's agents"),
        (
            "- id: escalation",
            "- id: escalation\n    - id: weather",
            "customer.agents: no agent 'weather' lives here; choose",
        ),
        ("name: acme", "name: acme\n  colour: red", "customer.colour: no such field"),
    ],
)
def test_each_mistake_is_a_line_with_its_place(tmp_path: Path, before: str, after: str, complaint: str) -> None:
    text = ACME.read_text()
    assert before in text
    path = tmp_path / "acme.yaml"
    path.write_text(text.replace(before, after))
    status, (said, *_) = check(ACME, path)
    assert (status, said.startswith(f"{path}: "), complaint in said) == (2, True, True), said
