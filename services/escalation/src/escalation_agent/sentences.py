"""What somebody wrote, in sentences, without the mail around it: quote marks, headers, greetings and signatures."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from escalation_agent.lexicon import every_language

HEADER = re.compile(
    r"^(?:(?P<addressee>to|an|à|para)|from|sent|cc|bcc|date|reply-to|von|gesendet|datum|de|envoyé|enviado|fecha)\s?:\s",
    re.IGNORECASE,
)
FORWARDED = re.compile(r"^(?:-{2,}.*-{2,}|_{5,}|begin forwarded message:|fwd?:\s*)$", re.IGNORECASE)
PREFIX = re.compile(r"^(?:(?:re|fwd?|aw|wg|tr|rv)\s?:\s*)+", re.IGNORECASE)
LABEL = re.compile(r"^(?:facts?|fakten|sachverhalt|faits|hechos|background|details?)\s?:\s*", re.IGNORECASE)
QUOTE = re.compile(r"^(?:\s*>)+\s?")
BULLET = re.compile(r"^(?:[-*•·–]|\(?[0-9a-z]{1,2}[.)])\s+", re.IGNORECASE)
END = re.compile(r"(?:[.!?…]+[\"'»”)]*)(?=\s+\S)")
MONTH = re.compile(r"(?:jan|feb|mär|apr|mai|jun|jul|aug|sep|okt|nov|dez)", re.IGNORECASE)
WRAPPED = 60
MAX_SIGNATURE_LINES = 8


@dataclass(frozen=True, slots=True)
class Writing:
    """The sentences of a text and, if it had one, its subject line."""

    sentences: tuple[str, ...]
    subject: str = ""


def _any(key: str) -> str:
    return "|".join(one.source("request", key) for one in every_language())


GREETING = re.compile(rf"^(?:{_any('greeting')})(?:\s[^,.!:;?]{{0,40}})?\s?[,!.:]?\s*$", re.IGNORECASE)
OPENING = re.compile(rf"^(?:{_any('greeting')})(?:\s+\w+){{0,3}}\s?[,!]\s+", re.IGNORECASE)
FAREWELL = re.compile(
    rf"^(?:{_any('farewell')})(?:[\s,.!]*$|,?\s+[A-ZÄÖÜÉ][\w.]*(?:\s[A-Z][\w.]*)?\s*$)", re.IGNORECASE
)
SUBJECT = re.compile(rf"^(?:{_any('subject')}|fwd?|aw|wg|tr|rv)\s?:\s*(?P<subject>.+)$", re.IGNORECASE)
ABBREVIATIONS = "|".join(item for one in every_language() for item in one.value("request", "abbreviations"))
ABBREVIATION = re.compile(rf"(?:(?<![\w°])(?<!° )(?:{ABBREVIATIONS}|[a-z])|\d)\.$", re.IGNORECASE)


def read(text: str) -> Writing:
    """Of a cleaned text."""
    lines = [QUOTE.sub("", line).rstrip() for line in text.split("\n")]
    subject, kept = "", []
    for line in _without_signature(_without_headers(lines)):
        match = SUBJECT.match(line.strip())
        if match and not subject:
            subject = PREFIX.sub("", match["subject"]).strip()
        else:
            kept.append(line)
    sentences = (LABEL.sub("", sentence) for block in _blocks(kept) for sentence in split(block))
    return Writing(tuple(sentence for sentence in sentences if not FAREWELL.match(sentence)), subject)


def _without_headers(lines: list[str]) -> Iterator[str]:
    """A header counts only among others: "To: the dispatcher" alone is an instruction."""
    headers = [HEADER.match(line.strip()) for line in lines]
    for i, line in enumerate(lines):
        header, near = headers[i], headers[max(0, i - 2) : i] + headers[i + 1 : i + 3]
        if not FORWARDED.match(line.strip()) and (header is None or (header["addressee"] and not any(near))):
            yield line


def _without_signature(lines: Iterator[str]) -> Iterator[str]:
    """Drops greetings, and a farewell with the short lines that follow it up to an empty one."""
    signature = 0
    for line in lines:
        bare = line.strip()
        if signature:
            signature = signature - 1 if bare and len(bare) < WRAPPED else 0
            if signature:
                continue
        if FAREWELL.match(bare):
            signature = MAX_SIGNATURE_LINES
        elif not GREETING.match(bare):
            yield OPENING.sub("", line)


def _blocks(lines: list[str]) -> Iterator[str]:
    """Lines that one sentence may run across: soft-wrapped ones are joined."""
    block = ""
    for line in (*lines, ""):
        bare = line.strip()
        goes_on = len(block) >= WRAPPED and bare[:1].islower() and not BULLET.match(bare) and block[-1] not in ".!?:"
        if goes_on:
            block = f"{block} {bare}"
            continue
        if block:
            yield BULLET.sub("", block)
        block = bare
    if block:
        yield block


def split(block: str) -> list[str]:
    """The sentences of one block. A full stop behind an abbreviation, an initial or a number ends nothing."""
    parts, start = [], 0
    for match in END.finditer(block):
        head = block[start : match.end()]
        follower = block[match.end() :].lstrip()[:12]
        if ABBREVIATION.search(head.rstrip("\"'»”)")) and not _ends_anyway(head, follower):
            continue
        parts.append(head.strip())
        start = match.end()
    return [part for part in (*parts, block[start:].strip()) if part]


def _ends_anyway(head: str, follower: str) -> bool:
    """ "Sev 1. The" and "order 5512. They" end; "am 3. Mai" and "clause 4. 2" do not."""
    return bool(re.search(r"\d\.$", head)) and follower[:1].isupper() and not MONTH.match(follower)
