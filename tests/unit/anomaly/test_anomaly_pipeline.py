"""The pipeline: what it asks for, which skill it takes, and the exact shape of its artifacts."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from anomaly_agent.card import card
from anomaly_agent.limits import Limits
from anomaly_agent.pipeline import DETECT, VALIDATE, AnomalyPipeline
from crossdock.errors import Rejected
from crossdock.pipeline import DataPart, FilePart, InputRequired, Part, Progress, Result, TextPart, Turn
from crossdock.testing import Conversation, request, run_pipeline
from tests.unit.anomaly.samples import as_csv, shipments

SAMPLES = Path(__file__).parents[3] / "examples" / "data"
RULES = DataPart({"rules": [{"field": "units", "min": 1}]})


def table(**changes: Any) -> FilePart:
    rows = shipments()
    rows[42].update(changes)
    return FilePart("export.csv", "text/csv", as_csv(rows))


async def turn(*parts: Part, **values: Any) -> Conversation:
    return await run_pipeline(AnomalyPipeline(), request(parts, **values))


def data(conversation: Conversation, name: str) -> dict[str, Any]:
    (part,) = conversation.artifact(name)
    assert isinstance(part, DataPart)
    json.dumps(part.data, allow_nan=False, ensure_ascii=False).encode()
    return dict(part.data)


async def test_artifacts_of_a_detection() -> None:
    conversation = await turn(TextPart("What is wrong here?"), table(units=0))
    assert conversation.artifact_names == ["anomalies", "report", "chart"]
    anomalies = data(conversation, "anomalies")
    assert set(anomalies) == {"records", "summary", "columns"}
    (record,) = anomalies["records"]
    assert set(record) == {"row", "score", "fields", "reasons"}
    assert record["row"] == 42
    assert 0.5 <= record["score"] <= 1
    (report,) = conversation.artifact("report")
    assert isinstance(report, FilePart)
    assert (report.name, report.media_type) == ("report.md", "text/markdown")
    assert b"| 42 |" in report.content
    (chart,) = conversation.artifact("chart")
    assert isinstance(chart, FilePart)
    assert chart.media_type == "image/png"
    assert chart.content.startswith(b"\x89PNG\r\n\x1a\n")
    assert conversation.end == Result("1 of 400 rows (0.25 %) looks wrong.")


@pytest.mark.parametrize(
    ("name", "content", "size"),
    [
        ("a.csv", b"a,b\n1,2", "1 row of 2 columns"),
        ("a.json", b"[1, 2, 3]", "3 rows of 1 column"),
        ("a.csv", b"name,city\nKai,Bremen\nPia,Kiel", "2 rows of 2 columns"),
    ],
)
async def test_a_table_too_small_for_any_check_is_not_judged(name: str, content: bytes, size: str) -> None:
    conversation = await turn(FilePart(name, "", content))
    assert conversation.artifact_names == []
    assert isinstance(conversation.end, InputRequired)
    assert conversation.end.text.startswith(f"{size}: too little to check anything")


@pytest.mark.parametrize(
    ("content", "says", "checks"),
    [
        (
            b"ordered,delivered,qty\n2024-01-02,2024-01-05,4",
            "1 row: nothing to compare it with.",
            ["days that do not exist", "the order of days"],
        ),
        (
            b"id,qty,price,value\n1,2,3,6\n2,3,4,12\n3,4,5,20\n4,5,6,30\n5,3,3,9",
            "5 rows: too few to compare with each other.",
            ["arithmetic between columns", "signs and zeros", "repeated rows"],
        ),
    ],
)
async def test_a_small_table_tells_which_checks_could_be_made(content: bytes, says: str, checks: list[str]) -> None:
    conversation = await turn(FilePart("small.csv", "", content))
    summary = data(conversation, "anomalies")["summary"]
    assert summary["checks"] == checks
    assert "numbers far from the others" in summary["not_checked"]
    assert isinstance(conversation.end, Result)
    assert conversation.end.text.startswith(says)
    assert conversation.end.text.endswith(f"{', '.join(checks)}.")
    (report,) = conversation.artifact("report")
    assert isinstance(report, FilePart)
    assert b"- numbers far from the others (needs 8 numbers in a column)" in report.content


async def test_columns_that_no_check_fits_are_not_judged() -> None:
    lines = [f"A{number},{chr(65 + number)}" for number in range(12)]
    conversation = await turn(FilePart("ids.csv", "", "\n".join(["id,letter", *lines]).encode()))
    assert conversation.end == Result("12 rows: none of the checks can be made with these columns.")


async def test_one_row_is_judged_by_itself() -> None:
    conversation = await turn(FilePart("one.csv", "", b"ordered,delivered\n2024-01-02,2023-01-05"))
    assert conversation.end == Result("1 of 1 row (100 %) looks wrong.")


async def test_a_large_table_has_every_check() -> None:
    summary = data(await turn(table()), "anomalies")["summary"]
    assert (len(summary["checks"]), summary["not_checked"]) == (7, {})


async def test_progress_is_streamed() -> None:
    conversation = await turn(table())
    fractions = [output.fraction or 0 for output in conversation.outputs if isinstance(output, Progress)]
    assert len(fractions) >= 4
    assert fractions == sorted(fractions)


async def test_records_come_by_score() -> None:
    content = (SAMPLES / "shipments" / "carrier_export.csv").read_bytes()
    records = data(await turn(FilePart("carrier_export.csv", "text/csv", content)), "anomalies")["records"]
    scores = [record["score"] for record in records]
    assert scores == sorted(scores, reverse=True)
    assert {17, 52, 88, 131, 160, 171, 203, 240, 266, 279, 290} <= {record["row"] for record in records}


@pytest.mark.parametrize("skill", [DETECT, VALIDATE])
async def test_without_a_table_it_asks(skill: str) -> None:
    conversation = await turn(TextPart("Something is odd with our shipments of 2024, please look."), skill=skill)
    assert isinstance(conversation.end, InputRequired)
    assert conversation.end.text.startswith("Send the table as a file part")
    assert conversation.artifact_names == []


async def test_the_next_message_brings_the_table() -> None:
    asked = Turn("user", (TextPart("Anything odd?"), RULES))
    conversation = await turn(table(units=0), turns=(asked,), skill=VALIDATE)
    assert [each["row"] for each in data(conversation, "violations")["violations"]] == [42]


@pytest.mark.parametrize(
    ("parts", "skill"),
    [
        ((TextPart("Any outliers?"), table()), DETECT),
        ((table(),), DETECT),
        ((table(), RULES), VALIDATE),
        ((DataPart({"records": [{"a": 1}], "schema": {"type": "object"}}),), VALIDATE),
        ((TextPart("Validate these records"), table()), VALIDATE),
        ((TextPart("Prüfe die Tabelle gegen unsere Regeln"), table()), VALIDATE),
        ((table(), FilePart("schema.json", "application/json", b'{"type": "object", "properties": {}}')), VALIDATE),
        ((DataPart([{"units": 1}]),), DETECT),
    ],
)
def test_the_skill_is_inferred(parts: tuple[Part, ...], skill: str) -> None:
    choice = AnomalyPipeline().choose_skill(request(parts))
    assert choice.skill == skill
    assert choice.reason


async def test_artifacts_of_a_validation() -> None:
    conversation = await turn(table(units=0), RULES)
    assert conversation.artifact_names == ["violations", "report"]
    violations = data(conversation, "violations")
    assert set(violations) == {"violations", "summary"}
    assert violations["violations"] == [
        {"row": 42, "field": "units", "rule": "min 1", "message": "units is 0, less than 1", "value": "0"}
    ]


async def test_rules_and_table_in_one_message() -> None:
    text = 'Check against [{"field": "qty", "min": 3}]:\n\nid,qty\n1,2\n2,4\n'
    conversation = await turn(TextPart(text))
    assert [each["row"] for each in data(conversation, "violations")["violations"]] == [0]


async def test_a_table_over_several_text_parts() -> None:
    parts = (
        TextPart("Anything odd in this?"),
        TextPart("id,qty\n" + "\n".join(f"{row},5" for row in range(40)) + "\n41,-5"),
    )
    assert [record["row"] for record in data(await turn(*parts), "anomalies")["records"]] == [40]


async def test_numbers_in_a_sentence() -> None:
    conversation = await turn(TextPart("Our cold room: 2.4 2.6 2.5 2.5 -40.0 2.6 - is one wrong?"))
    assert [record["row"] for record in data(conversation, "anomalies")["records"]] == [4]


async def test_records_as_data() -> None:
    conversation = await turn(DataPart({"records": [*shipments()[:100], shipments()[3] | {"ref": 1, "units": -9}]}))
    assert [record["row"] for record in data(conversation, "anomalies")["records"]] == [100]


@pytest.mark.parametrize("skill", [DETECT, VALIDATE, ""])
async def test_several_tables_in_one_message_are_refused_by_name(skill: str) -> None:
    many = [FilePart(f"day-{number}.csv", "text/csv", b"a,b\n1,2\n") for number in range(100)]
    with pytest.raises(Rejected, match=r"100 tables \('day-0.csv', 'day-1.csv', .*\.\.\.\).* one task per table"):
        await turn(RULES, *many, skill=skill)
    with pytest.raises(Rejected, match=r"2 tables \('export.csv', 'unnamed'\)"):
        await turn(table(), DataPart([{"units": 1}]), skill=skill)


async def test_an_earlier_agents_artifacts_are_no_table() -> None:
    answer = {"found": True, "quotes": [{"document": "a", "start": 1}], "confidence": 0.9}
    passed_on = DataPart(answer, {"source": "contract-agent/answer"})
    assert data(await turn(table(units=0), passed_on), "anomalies")["records"][0]["row"] == 42
    assert isinstance((await turn(TextPart("Anything odd?"), passed_on)).end, InputRequired)
    labelled = DataPart([{"units": value} for value in (5, 5, 6, 5, 900)], {"source": "WMS/export"})
    assert "anomalies" in (await turn(labelled)).artifact_names


async def test_a_table_of_this_turn_stands_for_those_of_earlier_ones() -> None:
    conversation = await turn(table(units=0), turns=(Turn("user", (table(),)),))
    assert [record["row"] for record in data(conversation, "anomalies")["records"]] == [42]


@pytest.mark.parametrize(
    "parts",
    [
        (RULES, FilePart("rules.json", "application/json", b'{"rules": "units > 0"}')),
        (DataPart({"rules": [{"field": "units", "min": 1}], "schema": {"required": ["units"]}}),),
    ],
)
async def test_rules_of_several_kinds_are_refused(parts: tuple[Part, ...]) -> None:
    with pytest.raises(Rejected, match="one"):
        await turn(table(), *parts)


@pytest.mark.parametrize(
    "rules",
    [
        DataPart({"rules": "units > 0"}),
        DataPart({"rules": ["units > 0"]}),
        FilePart("rules.json", "application/json", b'\xef\xbb\xbf{"rules": "units > 0"}'),
        TextPart("Rules: units > 0"),
        TextPart('[{"field": "units", "min": 1, "message": "\\ud800"}]'),
        TextPart("Please check this table:\n- units at least 1\n- total value = units * cost per unit\nThanks"),
    ],
)
async def test_rules_in_short(rules: Part) -> None:
    conversation = await turn(table(units=0), rules)
    assert [each["row"] for each in data(conversation, "violations")["violations"] if each["field"] == "units"] == [42]


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        (DataPart({"rules": "units must make sense"}), "'units must make sense'"),
        (DataPart({"rules": 5}), "no list of rules"),
        (TextPart("Rules:\n- units > 0\n- and nothing strange"), "'and nothing strange'"),
    ],
)
async def test_rules_that_cannot_be_read_are_refused_with_the_grammar(rules: Part, named: str) -> None:
    with pytest.raises(Rejected, match=r"quantity > 0; quantity at most 500") as caught:
        await turn(table(), rules)
    assert named in str(caught.value)


@pytest.mark.parametrize("text", ["Validate these", "Check our rules: everything should look nice"])
async def test_without_rules_it_asks_for_them_and_infers_them_when_told_to(text: str) -> None:
    asked = await turn(TextPart(text), table(units=-3), skill=VALIDATE)
    assert isinstance(asked.end, InputRequired)
    assert "quantity > 0" in asked.end.text
    assert asked.artifact_names == []
    earlier = (Turn("user", (TextPart(text), table(units=-3))),)
    inferred = data(await turn(TextPart("infer rules"), turns=earlier, skill=VALIDATE), "violations")
    assert inferred["summary"]["checked_against"] == "inferred"
    assert {each["row"] for each in inferred["violations"] if each["field"] == "units"} == {42}


@pytest.mark.parametrize(
    "text", ["```{" * 60_000, "```json\n[1] " * 20_000, "check the rules: " * 15_000, "[" * 250_000]
)
def test_no_text_holds_up_the_choice_of_a_skill(text: str) -> None:
    begin = time.process_time()
    AnomalyPipeline().choose_skill(request([TextPart(text)]))
    assert time.process_time() - begin < 2


async def test_rules_in_a_fence() -> None:
    text = 'See:\n```json\n[{"field": "units", "min": 1}]\n```\n```\nthanks\n```'
    conversation = await turn(table(units=0), TextPart(text))
    assert [each["row"] for each in data(conversation, "violations")["violations"]] == [42]


async def test_a_detection_says_that_it_checks_no_rules() -> None:
    conversation = await turn(table(), RULES, skill=DETECT)
    assert conversation.outputs[0] == Progress("detect_anomalies checks no rules; send them under validate_records.")


async def test_a_file_with_records_and_rules() -> None:
    content = json.dumps({"rules": "a > 1", "records": [{"a": 1}, {"a": 2}]}).encode()
    conversation = await turn(FilePart("a.json", "application/json", content))
    assert [each["row"] for each in data(conversation, "violations")["violations"]] == [0]


async def test_a_table_that_is_written_with_a_schema_of_its_own_brings_no_rules() -> None:
    written = {"schema": {"fields": [{"name": "a"}], "primaryKey": ["a"]}, "data": [{"a": 1}] * 6 + [{"a": 900}]}
    assert "anomalies" in (await turn(DataPart(written))).artifact_names


async def test_an_unreadable_file_is_refused() -> None:
    with pytest.raises(Rejected, match="a PDF"):
        await turn(FilePart("a.pdf", "application/pdf", b"%PDF-1.4"))


async def test_an_empty_file_is_refused_and_one_of_an_earlier_turn_is_not_read() -> None:
    hollow = FilePart("export.csv", "text/csv")
    with pytest.raises(Rejected, match="empty"):
        await turn(hollow)
    conversation = await turn(TextPart("And?"), turns=(Turn("user", (hollow,)),))
    assert isinstance(conversation.end, InputRequired)


async def test_the_list_of_records_is_capped_and_counted() -> None:
    content = (SAMPLES / "shipments" / "carrier_export.csv").read_bytes()
    pipeline = AnomalyPipeline(Limits(records=3))
    conversation = await run_pipeline(pipeline, request([FilePart("carrier_export.csv", "text/csv", content)]))
    anomalies = data(conversation, "anomalies")
    assert len(anomalies["records"]) == anomalies["summary"]["listed"] == 3
    assert anomalies["summary"]["reported"] > 3


async def test_cells_cannot_break_out_of_the_report() -> None:
    hostile = "<script>alert(1)</script>|[x](javascript:y)\n# owned `z`"
    conversation = await turn(table(**{"weight kg": f"1{hostile}"}))
    (report,) = conversation.artifact("report")
    assert isinstance(report, FilePart)
    text = report.content.decode()
    assert "<script>" not in text
    assert "[x](" not in text
    assert "\n# owned" not in text
    (row,) = [line for line in text.splitlines() if line.startswith("| 42 |")]
    assert row.count("|") == 5


def test_the_card_declares_both_skills_in_four_languages() -> None:
    agent = card(url="http://anomaly.example", issuer="http://issuer.example", version="0.1.0")
    assert agent.name == "anomaly-agent"
    assert [skill.id for skill in agent.skills] == list(AnomalyPipeline.skills)
    assert all(8 <= len(skill.examples) <= 15 for skill in agent.skills)


SERIES = {path.name: path.read_bytes() for path in sorted((SAMPLES / "sensors").glob("*.csv"))}


@pytest.mark.parametrize("name", SERIES)
async def test_the_samples_series_are_read_as_series(name: str) -> None:
    conversation = await turn(FilePart(name, "text/csv", SERIES[name]))
    assert data(conversation, "anomalies")["summary"]["kind"] == "series"


def test_the_serving_process_never_loads_what_its_children_compute_with() -> None:
    """An answer that made the parent import pandas would stall its event loop at the first request."""
    program = """
import asyncio, sys
from anomaly_agent.pipeline import AnomalyPipeline
from crossdock.compute import ComputePool
from crossdock.pipeline import FilePart
from crossdock.testing import InlineRun, request

async def main():
    pool = ComputePool()
    run = InlineRun()
    run.compute = lambda *args: pool.run("acme", *args)
    table = FilePart("a.csv", "text/csv", b"qty,price\\n" + b"1,2\\n" * 50 + b"-9,2\\n")
    outputs = [item async for item in AnomalyPipeline().run(request([table], skill="detect_anomalies"), run)]
    pool.close()
    print(type(outputs[-1]).__name__, [name for name in ("pandas", "numpy", "matplotlib") if name in sys.modules])

if __name__ == "__main__":
    asyncio.run(main())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ran.stdout.strip(), ran.stderr) == ("Result []", "")
