"""Clauses of a contract: numbered clauses, paragraphs and tables with the numbers and headings they stand under."""

import re
from dataclasses import dataclass, field

from contract_agent import markers
from contract_agent.documents import Clause
from contract_agent.markers import Marker

LONG = 900
"""Characters up to which a list stays in one piece with the sentence that opens it, and text is not cut."""
LONGEST = 4 * LONG
"""Characters after which a paragraph is cut at the end of any line."""
TAIL = 300
"""Characters at the end of a block that tell how it goes on."""
SHORT_INTRODUCTION = 300
CONTEXT = 600
MOST_MARKERS = 6
"""At the beginning of one line; what follows more of them is no structure."""
UNDERLINE = re.compile(r"[ ]{0,3}(=+|-{3,})[ \t]*$")
BULLET = re.compile(r"[ \t]*[-*•▪–][ \t]+\S")
RULE = re.compile(r"[ \t]*([-*_=][ \t]*){3,}$")


@dataclass(slots=True)
class Block:
    """A stretch of lines under one marker. `body`: whether more than the heading has been seen."""

    rank: float
    number: str
    heading: str
    start: int
    end: int
    body: bool
    path: tuple["Block", ...] = ()
    marked: bool = True
    children: int = 0
    text_start: int = 0
    introduction: str = field(default="")


def split(text: str) -> list[Clause]:
    """Clauses in the order of the text; their ranges do not overlap."""
    blocks = _Reader(text).blocks()
    return [_clause(text, block) for block in _with_lists(text, blocks) if _says_something(block)]


class _Reader:
    """Goes through the lines once and keeps the open headings on a stack."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._blocks: list[Block] = []
        self._stack: list[Block] = []
        self._last: tuple[int, ...] = ()
        self._lists: dict[int, tuple[int, ...]] = {}
        self._gap = True

    def blocks(self) -> list[Block]:
        lines, position = [], 0
        for line in self._text.split("\n"):
            lines.append((position, line))
            position += len(line) + 1
        for index, (start, line) in enumerate(lines):
            following = lines[index + 1][1] if index + 1 < len(lines) else ""
            self._line(start, line, following)
        return self._blocks

    def _line(self, start: int, line: str, following: str) -> None:
        if not line.strip() or RULE.match(line):
            self._gap = True
            return
        end = start + len(line.rstrip())
        begin = len(line) - len(line.lstrip())
        if not self._marked(start, line, begin, following):
            self._continue(start + begin, end, line)
        self._blocks[-1].end = end
        self._gap = False

    def _marked(self, start: int, line: str, begin: int, following: str) -> bool:
        """Opens a block for each marker that the line begins with ("5.2 (a) ..." has two)."""
        rank = self._heading_rank(line, following)
        column = self._heading_start(line, begin)
        found = False
        for _ in range(MOST_MARKERS):
            marker = self._marker(line, column)
            if marker is None:
                break
            self._open(start + (column if found else begin), marker, rank if not found else None, line, following)
            found, column = True, marker.end
        if not found and rank is not None:
            self._open(start + begin, Marker(rank, "", column), None, line, following)
            self._blocks[-1].heading, self._blocks[-1].body = line[column:].strip(" \t#*_"), False
            return True
        if found and rank is not None:
            self._blocks[-1].body = False
        return found

    def _heading_start(self, line: str, begin: int) -> int:
        match = markers.MARKDOWN.match(line)
        column = match.end() if match else begin
        emphasis = markers.EMPHASIS.match(line, column)
        return emphasis.end() if emphasis else column

    def _heading_rank(self, line: str, following: str) -> float | None:
        """The rank of a heading without a number; None for other lines."""
        match = markers.MARKDOWN.match(line)
        if match:
            return 0.1 * len(match.group(1))
        underline = UNDERLINE.match(following)
        if underline and self._gap and "|" not in line and len(line.strip()) <= markers.LONGEST_HEADING:
            return 0.1 if underline.group(1).startswith("=") else 0.2
        alone = self._gap and not following.strip()
        leads = self._gap and (line.isupper() or line.rstrip().endswith(":"))
        if (alone or leads) and markers.is_title(line.strip().rstrip(":")):
            return markers.TITLE_RANK
        return None

    def _marker(self, line: str, column: int) -> Marker | None:
        return (
            markers.keyword(line, column)
            or self._decimal(line, column)
            or markers.listed(line, column, [block.number for block in self._stack])
        )

    def _decimal(self, line: str, column: int) -> Marker | None:
        """Compared with the number before it at the same indentation, and else with the one before it at all."""
        fresh = self._fresh()
        if column and self._lists.get(column):
            marker = markers.decimal(line, column, self._lists[column], fresh)
        else:
            marker = markers.decimal(line, column, self._last, fresh)
        if marker:
            numbers = markers.numeral(marker.number)
            if column:
                self._lists = {at: number for at, number in self._lists.items() if at < column} | {column: numbers}
            else:
                self._last, self._lists = numbers, {}
        return marker

    def _fresh(self) -> bool:
        """Whether a new sentence can begin on this line."""
        return self._gap or not self._blocks or self._text[self._blocks[-1].end - 1] in ".;:!?"

    def _open(self, start: int, marker: Marker, rank: float | None, line: str, following: str) -> None:
        level = marker.rank if rank is None else rank
        self._stack = [block for block in self._stack if block.rank < level]
        rest = line[marker.end :]
        whole = markers.is_whole_heading(rest, following)
        heading = rest.strip(" \t#*_") if whole else markers.run_in_heading(rest)
        block = Block(level, self._printed(marker), heading, start, start, bool(rest.strip()) and not whole)
        block.path, block.text_start = tuple(self._stack), start
        for parent in self._stack:
            parent.children += 1
        self._stack.append(block)
        self._blocks.append(block)
        if markers.SECTION_RANK <= marker.rank < markers.DECIMAL_RANK and marker.number:
            self._last = markers.numeral(marker.number)

    def _printed(self, marker: Marker) -> str:
        """Items of a list are printed behind the number of the clause that they stand in."""
        if markers.DECIMAL_RANK < marker.rank < markers.PARAGRAPH_RANK and len(markers.numeral(marker.number)) == 1:
            above = next((block.number for block in reversed(self._stack) if block.rank < marker.rank), "")
            return f"{above.rstrip('.')}.{marker.number}" if above[:1].isdigit() else marker.number
        if marker.rank < markers.PARAGRAPH_RANK:
            return marker.number.rstrip(".")
        above = next((block.number for block in reversed(self._stack) if block.rank < marker.rank and block.number), "")
        return f"{above} {marker.number}".strip()

    def _continue(self, start: int, end: int, line: str) -> None:
        """Adds an unmarked line to the last block, or begins a new paragraph under the same heading."""
        last = self._blocks[-1] if self._blocks else None
        if last is None:
            self._blocks.append(Block(markers.ROMAN_RANK, "", "", start, end, True))
        elif self._belongs(last, line):
            last.body = True
        else:
            top = self._stack[-1] if self._stack else None
            paragraph = Block(markers.ROMAN_RANK, "", "", start, end, True, tuple(self._stack), marked=False)
            if top:
                paragraph.number, paragraph.heading = top.number, top.heading
            run_in = markers.run_in_heading(line.lstrip())
            if self._gap and run_in and markers.is_title(run_in):
                paragraph.heading = run_in
            self._blocks.append(paragraph)

    def _belongs(self, last: Block, line: str) -> bool:
        size = last.end - last.start
        tail = self._text[max(last.start, last.end - TAIL) : last.end]
        opening = not last.body or tail.rstrip(" *_").endswith(":")
        if line.lstrip().startswith("|"):
            in_table = tail.rpartition("\n")[2].lstrip().startswith("|") or tail.endswith("|")
            return in_table or opening or size <= SHORT_INTRODUCTION
        if self._gap:
            return opening or (bool(BULLET.match(line)) and size <= LONG)
        return size <= LONG or (size <= LONGEST and not tail.endswith((".", ";", ":")))


def _with_lists(text: str, blocks: list[Block]) -> list[Block]:
    """Joins a sentence that a list completes with the items of the list.

    Where that gets too long, the items stay apart and each has the sentence in its context.
    """
    joined: list[Block] = []
    index = 0
    while index < len(blocks):
        block = blocks[index]
        stop = index + 1
        while stop < len(blocks) and block in blocks[stop].path:
            stop += 1
        if stop > index + 1 and _opens_list(text, block):
            if blocks[stop - 1].end - block.start <= LONG:
                block.end = blocks[stop - 1].end
                index = stop - 1
            else:
                for item in blocks[index + 1 : stop]:
                    item.introduction += text[block.start : block.end] + " "
        joined.append(block)
        index += 1
    return joined


def _opens_list(text: str, block: Block) -> bool:
    opening = text[block.start : block.end].rstrip(' *_"”')
    if not block.marked or not block.body:
        return False
    return not opening or opening[-1] in ":,–—" or opening[-1].islower()


def _says_something(block: Block) -> bool:
    """A heading above clauses of its own says nothing, unless it carries a value."""
    if block.end <= block.start:
        return False
    if block.body or not block.children:
        return True
    return bool(re.search(r"\d|:\s*\S", block.heading)) and block.rank != markers.TITLE_RANK


def _clause(text: str, block: Block) -> Clause:
    """The marks of a Markdown heading are no part of what a clause says."""
    marks = markers.MARKDOWN.match(text, block.start, block.end)
    start = marks.end() if marks else block.start
    headings = [parent.heading for parent in block.path if parent.heading]
    nearest = block.heading or (headings[-1] if headings else "")
    context = " / ".join([*headings, block.introduction.strip()]).strip(" /")
    number = block.number or next((parent.number for parent in reversed(block.path) if parent.number), "")
    return Clause(number, nearest, start, block.end, context[-CONTEXT:])
