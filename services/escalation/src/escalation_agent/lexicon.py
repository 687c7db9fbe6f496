"""What one language contributes: the words to recognise and the sentences of letters, from `languages/<code>.toml`."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

CODES = ("en", "de", "fr", "es")


def alternatives(patterns: Iterable[str]) -> str:
    """One group that prefers the longer of two patterns that could begin alike."""
    return "(?:" + "|".join(sorted(patterns, key=len, reverse=True)) + ")"


def words(patterns: str | Iterable[str]) -> re.Pattern[str]:
    """Any of the patterns as whole words; case does not matter."""
    body = f"(?:{patterns})" if isinstance(patterns, str) else alternatives(patterns)
    return re.compile(rf"(?<!\w){body}(?!\w)", re.IGNORECASE)


class Lexicon:
    """Read-only. The patterns are compiled on first use and kept, since each language needs a few of them only."""

    def __init__(self, code: str, content: Mapping[str, Any]) -> None:
        self.code = code
        self._content = content
        self.wish = words(content["wish"])
        self.function_words = frozenset(content["function_words"])
        self._patterns: dict[tuple[str, str], re.Pattern[str]] = {}

    def section(self, name: str) -> Mapping[str, Any]:
        section: Mapping[str, Any] = self._content[name]
        return section

    def value(self, section: str, key: str) -> Any:
        return self._content[section][key]

    def source(self, section: str, key: str) -> str:
        """The patterns under a key as one group, to build larger patterns from."""
        value = self._content[section].get(key, "(?!)")
        return f"(?:{value})" if isinstance(value, str) else alternatives(value or ["(?!)"])

    def pattern(self, section: str, key: str) -> re.Pattern[str]:
        """The patterns under a key, as whole words anywhere."""
        found = self._patterns.get((section, key))
        if found is None:
            found = self._patterns[section, key] = words(self.source(section, key))
        return found


@cache
def lexicon(code: str) -> Lexicon:
    content = files("escalation_agent").joinpath("languages", f"{code}.toml").read_text(encoding="utf-8")
    return Lexicon(code, tomllib.loads(content))


@cache
def every_language() -> tuple[Lexicon, ...]:
    return tuple(lexicon(code) for code in CODES)
