"""Nothing in the product is written for a row of a development set: no request and no question of one stands in it.

Texts are compared as words, whatever their case and punctuation, so that one that is broken over several lines or
strings is found too. Texts of fewer than `SHORTEST` words are left out: anybody may say those.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.eval.contract import SECOND
from tests.eval.report import Report, Score, floors

ROOT = Path(__file__).parents[2]
PRODUCT = ("common/src", "services", "examples", "k8s")
DATA = ROOT / "examples" / "data"
SETS = {"routing.csv": "request", "contract_questions.csv": "question"}
SHORTEST = 3
WORD = re.compile(r"\w+")


def words(text: str) -> str:
    return f" {' '.join(WORD.findall(text.casefold()))} "


def texts(data: Path) -> dict[str, str]:
    """Each text's words, by its file and id."""
    found = {}
    for name, column in SETS.items():
        if (data / name).is_file():
            with (data / name).open(encoding="utf-8", newline="") as file:
                found.update({f"{data / name} {row['id']}": words(row[column]) for row in csv.DictReader(file)})
    return {name: text for name, text in found.items() if len(text.split()) >= SHORTEST}


def product(root: Path = ROOT) -> Iterator[Path]:
    for folder in PRODUCT:
        for path in sorted((root / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and not path.is_relative_to(DATA):
                yield path


def copies(sought: dict[str, str], files: Iterable[Path]) -> dict[str, Path]:
    """The texts that stand in one of the files."""
    found: dict[str, Path] = {}
    for path in files:
        content = words(path.read_bytes().decode("utf-8", "replace"))
        found.update({name: path for name, text in sought.items() if text in content})
    return found


def evaluate(data: Path) -> Report:
    sought = {name: text for folder in {data.resolve(), DATA, SECOND} for name, text in texts(folder).items()}
    copied = copies(sought, product())
    share = 1 - len(copied) / len(sought)
    detail = f"{len(sought) - len(copied)} of {len(sought)} texts of the development sets stand nowhere in the product"
    score = Score("texts that are not in the product", share, floors("independence")["not in the product"], detail)
    return Report(
        "Independence: nothing is written for a row",
        (score,),
        tuple(f"{name} stands in {path.relative_to(ROOT)}" for name, path in sorted(copied.items())),
    )
