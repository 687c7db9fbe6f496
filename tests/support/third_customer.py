"""A customer that comes and goes while others are served. Git ignores its file, and a suite begins without it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from installer.compose import CUSTOMERS
from tests.support.stack import ROOT

NAME = "vandelay"
LIMIT = 60.0
"""Seconds in which it is there."""
FILE = ROOT / CUSTOMERS / f"{NAME}.yaml"
BROKEN = {
    "- id: escalation": (
        "- id: weather",
        "k8s/customers/vandelay.yaml: customer.routing.rules[0].agents: 'escalation' is not",
    ),
    "name: vandelay": ("name: vandelay\n  colour: [red", "k8s/customers/vandelay.yaml is not YAML (line "),
    "method: hybrid": ("method: guess", "k8s/customers/vandelay.yaml: customer.routing.method: "),
}
"""What breaks its file, by what stands there, with what is said of it."""


def forget() -> None:
    """What a suite left that was killed."""
    FILE.unlink(missing_ok=True)


@contextmanager
def described() -> Iterator[Path]:
    """The customer's one file, in words of acme's."""
    forget()
    FILE.write_text(FILE.with_name("acme.yaml").read_text().replace("name: acme\n", f"name: {NAME}\n"))
    try:
        yield FILE
    finally:
        forget()


def change(path: Path, part: str, other: str) -> None:
    text = path.read_text()
    assert part in text
    path.write_text(text.replace(part, other))
