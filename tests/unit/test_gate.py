"""The gate's last words name what failed."""

import subprocess
from pathlib import Path

STEPS = Path(__file__).parents[2] / ".ci" / "steps"
ENDS = "trap 'status=$?; failed \"$current\"; exit $status' EXIT"


def ended(folder: Path, command: str) -> tuple[int, list[str]]:
    """Exit status and what was said last, where a step runs the command and another would follow."""
    script = f"set -euo pipefail; . {STEPS}; {ENDS}; step 'make some' bash -c \"$1\"; step next true"
    done = subprocess.run(["bash", "-c", script, "gate", command], cwd=folder, capture_output=True, text=True)
    assert not done.stderr
    assert "== next" not in done.stdout
    return done.returncode, done.stdout.rpartition("== ")[2].splitlines()


def test_the_last_words_are_the_failing_tests(tmp_path: Path) -> None:
    said = "echo FAILED tests/a.py::b - late; echo ERROR tests/a.py::c; seq 500; exit 2"
    code, words = ended(tmp_path, said)
    assert code == 2
    assert words[0].startswith("failed: make some; ")
    assert words[1:] == ["FAILED tests/a.py::b - late", "ERROR tests/a.py::c"]


def test_a_step_without_tests_says_its_end_again(tmp_path: Path) -> None:
    code, words = ended(tmp_path, "seq 500; echo it broke >&2; exit 1")
    assert (code, words[-1], len(words)) == (1, "it broke", 16)


def test_all_that_a_step_said_is_kept(tmp_path: Path) -> None:
    _, words = ended(tmp_path, "seq 500; exit 1")
    kept = tmp_path / words[0].rpartition(" ")[2]
    assert kept.read_text().split() == [str(number) for number in range(1, 501)]
