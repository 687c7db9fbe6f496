"""The contract agent's work: finding contracts, answering questions on them and adding new ones."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import groupby
from textwrap import shorten

from contract_agent.answering import Answer, Answering
from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Document, Limits
from contract_agent.phrasing import Phraser, Phrasing, Tokens
from contract_agent.ranking import Candidate
from contract_agent.reading import clean_name, from_text, read_in_child
from contract_agent.rendering import answer_artifacts, contract_artifact, contracts_artifact, contracts_text, counted
from contract_agent.requests import (
    THIS_DOCUMENT,
    inferred_skill,
    is_document,
    pasted_contract,
    questions_in,
    wants_change,
)
from contract_agent.store import Contract, ContractStore
from crossdock.errors import Rejected
from crossdock.pipeline import (
    AgenticPipeline,
    Annotation,
    Computed,
    FilePart,
    InputRequired,
    Output,
    PipelineRequest,
    Progress,
    Result,
    Run,
    SkillChoice,
    TextPart,
)

UNCHANGEABLE = (
    "Stored contracts cannot be deleted or changed here. Questions on them can be answered, contracts and clauses be "
    "found, and contracts be added: a document with the name of a stored one takes its place."
)
HOW_TO_ADD = "Add one: send the document (Markdown, text, PDF or DOCX) with the skill add_contract."
TOKENS = "urn:crossdock:tokens:v1"
FOUND_CONTRACTS = 10
LONGEST_NAME = 60
"""Of a contract that came as text, which is called by its first words."""
WEAK = 0.3
"""A clause that speaks of less than this part of what was searched for is no match."""


def memory_store() -> ContractStore:
    """A store that lives as long as the request that made it."""
    store = DatabaseContractStore("sqlite://")
    store.create_tables()
    return store


class ContractPipeline(AgenticPipeline):
    """`scratch` makes the store that holds an attached document while one question on it is answered.

    `on_tokens` is told for which customer the phraser took how many tokens.
    """

    skills = ("answer_question", "find_contract", "add_contract")

    def __init__(
        self,
        store: ContractStore,
        *,
        phraser: Phraser | None = None,
        limits: Limits | None = None,
        scratch: Callable[[], ContractStore] = memory_store,
        on_tokens: Callable[[str, Tokens], None] | None = None,
    ) -> None:
        self._store = store
        self._phraser = phraser
        self._limits = limits or Limits()
        self._scratch = scratch
        self._on_tokens = on_tokens

    def choose_skill(self, request: PipelineRequest) -> SkillChoice:
        return inferred_skill(request)

    def warm_up(self) -> Sequence[str]:
        return ("contract_agent.reading", "contract_agent.pdf", "contract_agent.word")

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        work = {"add_contract": self._add, "find_contract": self._find, "answer_question": self._answer}[request.skill]
        async for output in work(request, run):
            yield output

    async def _add(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        files = _files(request)
        documents = list(self._texts(request)) if not files else []
        if not files and not documents:
            yield InputRequired("Send the contract: a file (Markdown, text, PDF or DOCX), or its text with a name.")
            return
        self._check_count(files)
        for file in files:
            async for item in run.compute(read_in_child, file, self._limits):
                if isinstance(item, Computed):
                    documents.append(item.value)
                else:
                    yield item
        added: list[Contract] = []
        for document in documents:
            yield Progress(f"Storing {document.name}")
            added.append(await asyncio.to_thread(self._store.add, request.customer, document.name, document))
        yield contract_artifact(added)
        yield Result(" ".join(_told(contract) for contract in added))

    def _texts(self, request: PipelineRequest) -> list[Document]:
        """Contracts that came as text: in a data part with `name` and `text`, or as the message itself."""
        given = [
            from_text(str(part.data.get("name") or "contract.txt"), part.data["text"], self._limits)
            for part in request.data
            if isinstance(part.data, dict) and isinstance(part.data.get("text"), str)
        ]
        text = pasted_contract(request.text)
        if given or not text:
            return given
        name = request.metadata.get("name")
        return [from_text(name if isinstance(name, str) else _name_from(text), text, self._limits)]

    async def _find(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        text = self._question(request)
        if not text:
            yield InputRequired("Which contract or which clause are you looking for?")
            return
        contracts = await asyncio.to_thread(self._store.contracts, request.customer)
        found = await asyncio.to_thread(self._matches, request.customer, text, contracts)
        yield contracts_artifact(found)
        answer = await asyncio.to_thread(_all_answers, Answering(self._store, request.customer), questions_in(text))
        if answer.found:
            yield answer_artifacts(answer, (), ())[0]
        if not contracts:
            yield Result(f"There is no contract yet. {HOW_TO_ADD}")
        elif not found:
            yield Result(f"No contract matches; there {'is' if len(contracts) == 1 else 'are'} {len(contracts)}.")
        else:
            matching = (
                f"{len(found)} of {counted(len(contracts), 'contract')} {'matches' if len(found) == 1 else 'match'}"
            )
            yield Result(f"{matching}, best first:\n{contracts_text(found)}")

    def _matches(
        self, customer: str, text: str, contracts: Sequence[Contract]
    ) -> Sequence[tuple[Contract, Sequence[Candidate]]]:
        findings = Answering(self._store, customer).find(" ".join(questions_in(text)))
        if not findings.question.terms and not findings.question.naming:
            return [(contract, ()) for contract in contracts]
        strong = [candidate for candidate in findings.candidates if candidate.coverage >= WEAK or candidate.answers]
        by_contract = sorted(strong, key=lambda candidate: candidate.passage.contract.id)
        groups = [
            (contract, sorted(items, key=lambda candidate: -candidate.score))
            for contract, items in groupby(by_contract, key=lambda candidate: candidate.passage.contract)
        ]
        return sorted(groups, key=lambda group: -group[1][0].score)[:FOUND_CONTRACTS]

    async def _answer(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        text = self._question(request)
        if not text:
            yield InputRequired("What do you want to know about your contracts?")
            return
        notes = [f"{file.name} is no document and was not read." for file in _files(request) if not is_document(file)]
        attached: list[Document] = []
        files = [file for file in _files(request) if is_document(file)]
        self._check_count(files)
        for file in files:
            async for item in run.compute(read_in_child, file, self._limits):
                if isinstance(item, Computed):
                    attached.append(item.value)
                else:
                    yield item
        yield Progress("Searching the contracts")
        answer, note = await asyncio.to_thread(self._answered, request.customer, text, attached)
        phrasing = await self._phrased(text, answer)
        if phrasing.tokens.prompt:
            if self._on_tokens:
                self._on_tokens(request.customer, phrasing.tokens)
            yield Annotation(TOKENS, {"prompt": phrasing.tokens.prompt, "completion": phrasing.tokens.completion})
        for artifact in answer_artifacts(answer, phrasing.sentences, [*note, *notes]):
            yield artifact
        yield Result(_summary(answer, phrasing))

    def _answered(self, customer: str, text: str, attached: Sequence[Document]) -> tuple[Answer, list[str]]:
        """Answers from the attached documents first; from the stored contracts unless the text means the attached."""
        asked = questions_in(text)
        if attached:
            answer = self._from_attached(asked, attached)
            note = ["Answered from the attached document, which was not stored. The skill add_contract stores it."]
            if answer.found or THIS_DOCUMENT.search(text):
                return answer, note
        if not self._store.contracts(customer):
            return Answer(False, (), 0.0, f"There is no contract yet. {HOW_TO_ADD}"), []
        note = ["The attached document does not answer this; the stored contracts were searched."] if attached else []
        return _all_answers(Answering(self._store, customer), asked), note

    def _from_attached(self, asked: Sequence[str], attached: Sequence[Document]) -> Answer:
        store = self._scratch()
        for document in attached:
            store.add("", document.name, document)
        return _all_answers(Answering(store, ""), asked)

    async def _phrased(self, text: str, answer: Answer) -> Phrasing:
        if self._phraser is None or not answer.found:
            return Phrasing()
        return await self._phraser.phrase(text, answer.quotes)

    def _question(self, request: PipelineRequest) -> str:
        text = request.text.strip() or _earlier_text(request)
        if len(text) > self._limits.question:
            raise Rejected(f"Ask in at most {self._limits.question:,} characters; send longer texts as a file.")
        if wants_change(text):
            raise Rejected(UNCHANGEABLE)
        return text if re.search(r"\w", text) else ""

    def _check_count(self, files: Sequence[FilePart]) -> None:
        if len(files) > self._limits.files:
            raise Rejected(
                f"The request has {counted(len(files), 'file')}; send at most {self._limits.files} at a time."
            )


def _files(request: PipelineRequest) -> list[FilePart]:
    """Of this turn, else of this task's earlier turns as far as their contents are still there."""
    earlier = [part for turn in request.turns if turn.role == "user" for part in turn.parts]
    return list(request.files) or [part for part in earlier if isinstance(part, FilePart) and part.content]


def _earlier_text(request: PipelineRequest) -> str:
    """The question of an earlier turn, where this one only brings a file."""
    earlier = [part for turn in request.turns if turn.role == "user" for part in turn.parts]
    return "\n".join(part.text for part in earlier if isinstance(part, TextPart)).strip()


def _all_answers(answering: Answering, asked: Sequence[str]) -> Answer:
    """The quotes for all questions of a request; found if any of them is answered."""
    answers = [answering.answer(text) for text in asked]
    found = [answer for answer in answers if answer.found]
    if len(answers) == 1 or not found:
        return answers[0]
    quotes = tuple(dict.fromkeys(quote for answer in found for quote in answer.quotes))
    return Answer(True, quotes, min(answer.confidence for answer in answers if answer.found))


def _name_from(text: str) -> str:
    first = re.sub(r"[^\w -]+", "", text.strip().splitlines()[0])
    return clean_name(f"{shorten(first, LONGEST_NAME, placeholder='') or first[:LONGEST_NAME] or 'contract'}.txt")


def _told(contract: Contract) -> str:
    again = f" (version {contract.version}, in place of the one before)" if contract.version > 1 else ""
    warnings = "".join(f" {warning}" for warning in contract.warnings)
    return f"{contract.name} is stored with {counted(contract.clauses, 'clause')}{again}.{warnings}"


def _summary(answer: Answer, phrasing: Phrasing) -> str:
    if not answer.found:
        return f"Not found. {answer.reason}"
    places = "; ".join(", ".join(part for part in (quote.document, quote.clause) if part) for quote in answer.quotes)
    return " ".join([*phrasing.sentences, f"Quoted from {places.rstrip('.')}."])
