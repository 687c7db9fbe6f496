"""Text from outside, made harmless: no control characters, no line breaks in headers, no Markdown of its own."""

import re
import unicodedata

# Everything that steers a terminal, a mail program or the reading direction. Line breaks and tabs are kept apart.
CONTROL = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufeff\ufff9-\uffff\ud800-\udfff]"
)
BREAK = re.compile(r"\r\n?|[\u2028\u2029\x85]")
MARKDOWN = re.compile(r"[\\`*\[\]<>|~$]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)|://|@")
LINE_START = re.compile(r"^(\s*)(#{1,6}(?=\s)|[-+](?=\s)|={2,}\s*$|-{2,}\s*$|\d+(?=[.)]\s))", re.MULTILINE)


def clean(text: str) -> str:
    """Line breaks as `\\n`, composed characters (NFC), and nothing invisible."""
    text = CONTROL.sub("", BREAK.sub("\n", text)).replace("\t", " ").replace("\u00a0", " ")
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """Fit for a header: cleaned, each run of white space one space."""
    return " ".join(clean(text).split())


def shorten(text: str, limit: int) -> str:
    """At most `limit` characters, cut between words and marked with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head[: head.rfind(" ")] if " " in head[limit // 2 :] else head).rstrip(" ,;:-") + "…"


def sentence(text: str) -> str:
    """With a capital first letter, unless the first word has capitals or digits of its own (`iPhone`, `msc-4`)."""
    first = text.split(maxsplit=1)[0] if text.split() else ""
    return text[0].upper() + text[1:] if first.isalpha() and first.islower() else text


def markdown(text: str) -> str:
    """The same characters when it is rendered as Markdown: no link, heading, emphasis or HTML comes into being."""
    return LINE_START.sub(r"\1\\\2", MARKDOWN.sub(_escaped, text))


def _escaped(match: re.Match[str]) -> str:
    found = match.group()
    return {"://": ":\\//", "@": "\\@"}.get(found, "\\" + found)
