"""Each limit ends in a rejection that says what to change, and hostile input costs little time."""

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import pytest

from crossdock.errors import Rejected
from crossdock.pipeline import DataPart, FilePart, InputRequired, Part, Result
from crossdock.testing import Conversation
from escalation_agent import limits

Running = Callable[..., Awaitable[Conversation]]


def nested(depth: int) -> Any:
    return {"level": nested(depth - 1)} if depth else "bottom"


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        (["box 4 is wet. " * 4_000], "50,000 characters"),
        ([FilePart("a.txt", "text/plain", b"box 4 is wet. " * 4_000)], "50,000 characters"),
        ([FilePart("a.txt", "text/plain", b"x" * 1_000_001)], "1,000,000 bytes"),
        ([f"Box {number} is wet.\n" for number in range(101)], "101 facts"),
        (["Write to the carrier: " + "wet " * 1_001], "4,000 characters"),
        ([DataPart({"a": 1})] * 21, "20 data parts"),
        ([FilePart("a.txt", "text/plain", b"Box 4 is wet.")] * 11, "10 files"),
        ([DataPart(nested(9))], "6 levels"),
    ],
)
async def test_a_limit_is_named(run: Running, parts: list[str | Part], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        await run(*parts)


async def test_facts_over_several_turns_are_counted_together(run: Running) -> None:
    first = await run(DataPart([{"box": number} for number in range(60)]))
    assert isinstance(first.end, InputRequired)
    checkpoint = next(output.data for output in first.outputs if hasattr(output, "data"))
    with pytest.raises(Rejected, match="120 facts"):
        await run(DataPart([{"crate": number} for number in range(60)]), checkpoint=checkpoint)


@pytest.mark.parametrize(
    "text",
    [
        "a " * 20_000,
        "to " * 16_000,
        "a@" * 20_000,
        "(" * 40_000,
        "1." * 20_000,
        "> " * 20_000,
        "dass " * 9_000,
        "please " * 7_000,
        "write to the " * 3_800,
        ", and write to the carrier" * 1_900,
        "by 12 " * 8_000,
        "\n" * 40_000,
        "x" * 49_000,
        "- " * 24_000,
    ],
)
async def test_repetition_does_not_stall_the_agent(run: Running, text: str) -> None:
    began = time.process_time()
    with suppress(Rejected):
        await run(text)
    assert time.process_time() - began < 3


async def test_an_empty_message_is_asked_about(run: Running) -> None:
    assert isinstance((await run()).end, InputRequired)
    assert isinstance((await run("")).end, InputRequired)
    assert isinstance((await run(" \n\t ", DataPart({}))).end, InputRequired)


async def test_a_long_fact_is_shortened_in_the_subject_only(run: Running) -> None:
    text = "Write to the carrier that " + "box four of the second pallet is wet and " * 20 + "the rest is dry"
    conversation = await run(text)
    assert isinstance(conversation.end, Result)
    (part,) = conversation.artifact("escalation")
    assert isinstance(part, DataPart)
    assert len(part.data["subject"]) <= limits.SUBJECT_CHARACTERS
    assert part.data["subject"].endswith("…")
    assert "the rest is dry" in part.data["body"]
