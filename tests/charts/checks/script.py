"""What tests/e2e/cluster.sh calls: commands and options that the programs themselves say they have."""

import functools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.charts.rendering import ROOT

SCRIPT = Path("tests") / "e2e" / "cluster.sh"
PROGRAMS = ("kind", "helm", "kubectl", "docker")
THEIRS = {"KUBE_CONTEXT": "theirs", "REGISTRY": "registry.example/crossdock"}
SUBCOMMAND = re.compile(r"^ {2,4}([a-z][\w-]*)\*?\s{2,}\S", re.M)
OPTION = re.compile(r"^ +(?:(-\w), )?(--[\w-]+)(?:=(\S*?):?$|[ =](\S+)(?=\s{2,}|$)|(?=\s|$))", re.M)
Options = dict[str, bool]
"""By an option's name, whether a value follows it."""


def commands(*options: str, **environment: str) -> list[list[str]]:
    """What the script of this repository prints, as words."""
    return printed(ROOT, *options, **environment)


def printed(root: Path, *options: str, **environment: str) -> list[list[str]]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [str(root / SCRIPT), "--dry-run", *options], env=kept | environment, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return shell_words(done.stdout)


def shell_words(text: str) -> list[list[str]]:
    """As bash reads it: `$'...'` too, which is how bash quotes a line's end."""
    joined = re.sub(
        r"\$'((?:[^'\\]|\\.)*)'", lambda found: shlex.quote(found[1].encode().decode("unicode_escape")), text
    )
    whole, kept = [], ""
    for line in joined.splitlines():
        kept += f"{line}\n"
        try:
            words = shlex.split(kept, comments=True)
        except ValueError:
            continue  # the line's end is in quotes
        whole.append(words)
        kept = ""
    return [words for words in whole if words]


def program(name: str) -> str | None:
    """As the Makefile builds it, else the one in the PATH."""
    built = ROOT / ".tools" / name
    return str(built) if built.exists() else shutil.which(name)


def spoken(root: Path) -> Iterator[str]:
    """Of the programs that are here, each understands what it is told."""
    calls = [*printed(root), *printed(root, "--keep"), *printed(root, **THEIRS)]
    for words in [each for call in calls for each in piped(call)]:
        if words[0] in PROGRAMS and program(words[0]):
            yield from (f"{' '.join(words[:4])}: {problem}" for problem in misunderstood(tuple(words)))


def piped(words: list[str]) -> list[list[str]]:
    """Those of a pipe that bash is given."""
    if words[:2] != ["bash", "-c"]:
        return [words]
    return [shlex.split(part) for part in words[2].split("|")]


def misunderstood(words: tuple[str, ...]) -> Iterator[str]:
    name, rest, path = words[0], list(words[1:]), list[str]()
    known = options(name, ())
    while rest:
        word = rest.pop(0)
        if word.startswith("-") and word != "-":
            flag, _, value = word.partition("=")
            if flag not in known:
                yield f"there is no option {flag}"
            elif known[flag] and not value and rest:
                rest.pop(0)
        elif below := set(SUBCOMMAND.findall(help_of(name, *path))):
            if word not in below:
                yield f"there is no command {word}"
                return
            path.append(word)
            known = known | options(name, tuple(path))


def options(name: str, path: tuple[str, ...]) -> Options:
    text = help_of(name, *path) + (said("kubectl", "options") if name == "kubectl" else "")
    found: Options = {}
    for short, long, default, kind, *_ in OPTION.findall(text):
        takes = default not in {"", "false", "true"} or bool(kind)
        found |= {each: takes for each in (short, long) if each}
    return found


def help_of(name: str, *path: str) -> str:
    return said(name, *path, "--help")


@functools.cache
def said(name: str, *words: str) -> str:
    return subprocess.run([str(program(name)), *words], capture_output=True, text=True, timeout=60).stdout
