"""The anomaly agent: what is wrong in a table or a series, and which rows break rules that the caller names."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any

from anomaly_agent.limits import Limits
from anomaly_agent.outcome import Question
from anomaly_agent.source import Source
from anomaly_agent.submission import Submission, submitted
from crossdock.errors import Rejected
from crossdock.pipeline import (
    AgenticPipeline,
    ArtifactChunk,
    Computed,
    DataPart,
    FilePart,
    InputRequired,
    Output,
    PipelineRequest,
    Progress,
    Report,
    Result,
    Run,
    SkillChoice,
)

DETECT, VALIDATE = "detect_anomalies", "validate_records"
ASK_TABLE = (
    "Send the table as a file part (CSV, TSV, JSON, JSON lines or XLSX), as a data part with a list of records, "
    "or paste its lines or at least five numbers into the message."
)
ABOUT_RULES = re.compile(
    r"\b(?:validat\w*|valid|conform\w*|schemas?|rules?|constraints?|mandatory|required|compl(?:y|ies|iance)"
    r"|regeln?|gültig\w*|validier\w*|pflichtfeld\w*|règles?|schéma|obligatoires?|valide[rz]?"
    r"|reglas?|esquema|obligatorios?)\b",
    re.IGNORECASE,
)
INFER = re.compile(r"\binfer\b(?:[^.\n]{0,30}\brules?\b|\W*$)", re.IGNORECASE)
"""The answer to the question for rules that has them taken from the table."""


class AnomalyPipeline(AgenticPipeline):
    """Reads the newest table of the conversation and answers with artifacts.

    `detect_anomalies`: `anomalies` (data), `report` (Markdown) and `chart` (PNG).
    `validate_records`: `violations` (data) and `report` (Markdown).
    """

    skills = (DETECT, VALIDATE)

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()

    def warm_up(self) -> Sequence[str]:
        return (
            "anomaly_agent.detection",
            "anomaly_agent.validation",
            "anomaly_agent.chart",
            "sklearn.ensemble",
            "openpyxl",
        )

    def choose_skill(self, request: PipelineRequest) -> SkillChoice:
        if submitted(request).rules is not None:
            return SkillChoice(VALIDATE, "the message brings a schema or rules")
        if ABOUT_RULES.search(request.text[:5000]):
            return SkillChoice(VALIDATE, "the message speaks of checking against rules")
        return SkillChoice(DETECT, "the message brings no rules to check against")

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        submission = submitted(request)
        if request.skill == VALIDATE:
            if submission.rules is None and INFER.search(request.text[:5000]):
                submission = replace(submission, rules={})
            work = self._validate
        else:
            if submission.rules is not None:
                yield Progress(f"{request.skill} checks no rules; send them under {VALIDATE}.")
            work = self._detect
        async for output in work(submission, run):
            yield output

    async def _detect(self, submission: Submission, run: Run) -> AsyncIterator[Output]:
        async for item in self._computed(run, _detection, submission):
            if not isinstance(item, Computed):
                yield item
                continue
            detection = item.value
            if isinstance(detection, Question):
                yield InputRequired(detection.text)
                return
            yield _data("anomalies", detection.anomalies, "Rows that stand out, the surest first, with reasons")
            yield _report(detection.report)
            chart = FilePart("chart.png", "image/png", detection.chart)
            yield ArtifactChunk(name="chart", parts=(chart,), description="The data with the reported rows marked")
            yield Result(detection.headline)

    async def _validate(self, submission: Submission, run: Run) -> AsyncIterator[Output]:
        async for item in self._within_budget(self._computed(run, _validation, submission)):
            if not isinstance(item, Computed):
                yield item
                continue
            validation = item.value
            if isinstance(validation, Question):
                yield InputRequired(validation.text)
                return
            yield _data("violations", validation.violations, "Each broken rule with its row and field")
            yield _report(validation.report)
            yield Result(validation.headline)

    async def _within_budget(
        self, items: AsyncIterator[Progress | Computed | InputRequired]
    ) -> AsyncIterator[Progress | Computed | InputRequired]:
        """The time runs from the first item on: before it, a child is waited for. It ends what no code inside the
        child could, such as the compilation of a pattern."""
        until = None
        while True:
            try:
                async with asyncio.timeout_at(until):
                    item = await anext(items, None)
            except TimeoutError:
                raise Rejected(_too_long(self._limits.validation_seconds)) from None
            if item is None:
                return
            until = until or asyncio.get_running_loop().time() + self._limits.validation_seconds
            yield item

    async def _computed(
        self, run: Run, function: Callable[..., Any], submission: Submission
    ) -> AsyncIterator[Progress | Computed | InputRequired]:
        """Progress, then what the child found or, if there is no table in the conversation, the question for one."""
        for source in submission.sources:
            async for item in run.compute(function, source, submission.rules, self._limits):
                if isinstance(item, Progress) or item.value is not None:
                    yield item
                if isinstance(item, Computed) and item.value is not None:
                    return
        yield InputRequired(ASK_TABLE)


def _too_long(seconds: float) -> str:
    return (
        f"Checking took longer than {seconds:g} s. Simplify the schema where its parts refer to themselves or to each "
        "other ($ref, allOf, anyOf), write patterns without nested repetition, or send fewer rows at a time."
    )


def _detection(report: Report, source: Source, _rules: Any, limits: Limits) -> Any:
    """In the child: the heavy libraries are loaded there and not in the serving process."""
    from anomaly_agent.detection import detect

    return detect(report, source, limits)


def _validation(report: Report, source: Source, rules: Any, limits: Limits) -> Any:
    from anomaly_agent.validation import validate

    return validate(report, source, rules, limits)


def _data(name: str, value: Any, description: str) -> ArtifactChunk:
    return ArtifactChunk(name=name, parts=(DataPart(value),), description=description)


def _report(markdown: str) -> ArtifactChunk:
    part = FilePart("report.md", "text/markdown", markdown.encode())
    return ArtifactChunk(name="report", parts=(part,), description="The same for people, in Markdown")
