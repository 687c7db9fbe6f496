"""Cases of running systems are written once, for Compose and for Kubernetes; those of one of them are listed."""

import ast
from pathlib import Path

from tests.support.compose_alone import REASONS

TESTS = Path(__file__).parents[2]
CASES = {path.stem for path in (TESTS / "support" / "cases").glob("*.py")} - {"__init__"}


def _suite(folder: str) -> list[ast.stmt]:
    files = sorted((TESTS / folder).glob("test_*.py"))
    return [statement for path in files for statement in ast.parse(path.read_text()).body]


def _all_of(folder: str) -> set[str]:
    """The modules of cases of which a suite has all."""
    taken = [each for each in _suite(folder) if isinstance(each, ast.ImportFrom) and each.names[0].name == "*"]
    return {str(each.module).removeprefix("tests.support.cases.") for each in taken}


def _own(folder: str) -> set[str]:
    defined = [each for each in _suite(folder) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {each.name for each in defined if each.name.startswith("test_")}


def test_both_suites_run_all_cases() -> None:
    assert _all_of("compose/outside") == _all_of("e2e") == CASES


def test_what_compose_has_for_itself_is_listed() -> None:
    assert _own("compose/outside") == set(REASONS)
