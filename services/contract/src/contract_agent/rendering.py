"""Answers and findings as artifacts: JSON for machines and Markdown for people."""

from collections.abc import Sequence
from typing import Any

from contract_agent.answering import Answer, Quote
from contract_agent.ranking import Candidate
from contract_agent.store import Contract
from crossdock.pipeline import ArtifactChunk, DataPart, TextPart

MARKDOWN = {"mediaType": "text/markdown"}
EXCERPT = 240
CLAUSES_SHOWN = 3


def answer_artifacts(answer: Answer, sentences: Sequence[str], notes: Sequence[str]) -> list[ArtifactChunk]:
    """`sentences` are a model's, each covered by a quote."""
    data = {
        "found": answer.found,
        "quotes": [
            {"document": item.document, "clause": item.clause, "start": item.start, "end": item.end, "text": item.text}
            for item in answer.quotes
        ],
        "confidence": answer.confidence,
    }
    return [
        ArtifactChunk(name="answer", parts=(DataPart(data),), description="The exact quotes that answer the question."),
        ArtifactChunk(
            name="answer_text",
            parts=(TextPart(_answer_text(answer, sentences, notes), MARKDOWN),),
            description="The same for people, as Markdown.",
        ),
    ]


def _answer_text(answer: Answer, sentences: Sequence[str], notes: Sequence[str]) -> str:
    blocks = list(sentences and [" ".join(sentences)])
    if answer.found:
        blocks += [_quoted(quote) for quote in answer.quotes]
        blocks.append(f"Confidence: {answer.confidence:.0%}")
    else:
        blocks.append(f"**Not found.** {answer.reason}")
    return "\n\n".join([*blocks, *notes])


def _quoted(quote: Quote) -> str:
    place = ", ".join(part for part in (quote.document, quote.clause) if part)
    lines = "\n".join(f"> {line}" for line in quote.text.splitlines())
    return f"{lines}\n>\n> — {place} (characters {quote.start} to {quote.end})"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def contract_artifact(contracts: Sequence[Contract]) -> ArtifactChunk:
    """One data part for each contract that was added."""
    return ArtifactChunk(
        name="contract",
        parts=tuple(DataPart(_described(contract)) for contract in contracts),
        description="What was stored.",
    )


def contracts_artifact(found: Sequence[tuple[Contract, Sequence[Candidate]]]) -> ArtifactChunk:
    """Contracts, best first, each with the clauses that match."""
    rows = [
        {
            **_described(contract),
            "score": round(candidates[0].score, 3) if candidates else None,
            "matches": [_match(candidate) for candidate in candidates[:CLAUSES_SHOWN]],
        }
        for contract, candidates in found
    ]
    return ArtifactChunk(name="contracts", parts=(DataPart({"contracts": rows}),), description="Best match first.")


def _described(contract: Contract) -> dict[str, Any]:
    return {
        "id": contract.id,
        "name": contract.name,
        "title": contract.title,
        "parties": list(contract.parties),
        "clauses": contract.clauses,
        "version": contract.version,
        "warnings": list(contract.warnings),
    }


def _match(candidate: Candidate) -> dict[str, Any]:
    clause, text = candidate.passage.clause, candidate.passage.text
    end = min(len(text), EXCERPT)
    return {
        "clause": clause.label,
        "start": clause.start,
        "end": clause.start + end,
        "text": text[:end],
        "score": round(candidate.score, 3),
    }


def contracts_text(found: Sequence[tuple[Contract, Sequence[Candidate]]]) -> str:
    lines = []
    for contract, candidates in found:
        parties = f" ({', '.join(contract.parties)})" if contract.parties else ""
        places = "; ".join(candidate.passage.clause.label or "no heading" for candidate in candidates[:CLAUSES_SHOWN])
        lines.append(f"- **{contract.name}**: {contract.title}{parties}" + (f": {places}" if places else ""))
    return "\n".join(lines)
