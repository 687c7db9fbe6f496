"""The three skills, end to end."""

from pathlib import Path
from typing import Any

import pytest

from contract_agent.card import card
from contract_agent.database import DatabaseContractStore
from contract_agent.documents import Document, Limits
from contract_agent.pipeline import ContractPipeline
from contract_agent.requests import inferred_skill, questions_in
from crossdock.errors import Rejected
from crossdock.pipeline import DataPart, FilePart, InputRequired, Result, TextPart, Turn
from crossdock.testing import Conversation, request, run_pipeline
from tests.unit.contract.conftest import HAULAGE


def data_of(said: Conversation, name: str) -> Any:
    return next(part.data for part in said.artifact(name) if isinstance(part, DataPart))


def text_of(said: Conversation, name: str) -> str:
    return "".join(part.text for part in said.artifact(name) if isinstance(part, TextPart))


def sample_files(samples: Path) -> list[FilePart]:
    return [FilePart(path.name, "", path.read_bytes()) for path in sorted(samples.iterdir())]


@pytest.mark.parametrize(
    ("text", "file", "skill"),
    [
        ("", "terms.pdf", "add_contract"),
        ("Please add this annex to our contracts.", "terms.md", "add_contract"),
        ("Bitte den Vertrag hinterlegen", "terms.md", "add_contract"),
        ("What does the attached agreement say about delay?", "terms.md", "answer_question"),
        ("Which contracts mention arbitration?", "", "find_contract"),
        ("Find the agreement with Polder", "", "find_contract"),
        ("Welche Verträge nennen eine Haftungsgrenze?", "", "find_contract"),
        ("How long is the notice period?", "", "answer_question"),
        ("Which penalty applies?", "data.csv", "answer_question"),
        ("", "", "answer_question"),
        ("¿Qué penalización prevé el contrato por retraso?", "", "answer_question"),
        ("Quel délai de paiement prévoit le contrat ?", "", "answer_question"),
        ("¿En qué contratos se menciona la fuerza mayor?", "", "find_contract"),
        ("In welchem Vertrag steht die Haftung?", "", "find_contract"),
        ("Add this contract: 1. Waiting. Two hours are free at each stop.", "", "add_contract"),
        ("Please store these terms\nHaulage\n1. Waiting. Two hours are free.", "", "add_contract"),
        ("Bitte diesen Vertrag hinterlegen: 1. Wartezeit. Zwei Stunden sind frei.", "", "add_contract"),
        ("Keep in mind our contract: what does it say about waiting at the dock?", "", "answer_question"),
        ("Please add this contract.", "", "answer_question"),
    ],
)
def test_the_skill_is_inferred_with_a_reason(pipeline: ContractPipeline, text: str, file: str, skill: str) -> None:
    files = [FilePart(file, "", b"x")] if file else []
    choice = pipeline.choose_skill(request([*([TextPart(text)] if text else []), *files]))
    assert choice.skill == skill
    assert choice.reason


async def test_an_answer_has_the_quote_and_where_it_stands(pipeline: ContractPipeline) -> None:
    said = await run_pipeline(pipeline, request([TextPart("What does an hour of waiting cost?")]))
    answer = data_of(said, "answer")
    (quote,) = answer["quotes"]
    assert set(answer) == {"found", "quotes", "confidence"}
    assert answer["found"] is True
    assert (quote["document"], quote["clause"]) == ("haulage.md", "1 Waiting")
    assert HAULAGE[quote["start"] : quote["end"]] == quote["text"]
    assert "> 1. Waiting." in text_of(said, "answer_text")
    assert isinstance(said.end, Result)


async def test_other_customers_have_no_contract(pipeline: ContractPipeline) -> None:
    said = await run_pipeline(pipeline, request([TextPart("What does an hour of waiting cost?")], customer="globex"))
    assert data_of(said, "answer") == {"found": False, "quotes": [], "confidence": 0.0}
    assert "add_contract" in said.end.text
    listed = await run_pipeline(pipeline, request([TextPart("List our contracts")], customer="globex"))
    assert data_of(listed, "contracts") == {"contracts": []}


async def test_an_attached_document_is_answered_from_and_not_stored(
    pipeline: ContractPipeline, store: DatabaseContractStore
) -> None:
    attached = FilePart("annex.md", "text/markdown", b"1. Waiting. An hour of waiting costs EUR 99.\n")
    said = await run_pipeline(pipeline, request([TextPart("What does an hour of waiting cost?"), attached]))
    assert [quote["document"] for quote in data_of(said, "answer")["quotes"]] == ["annex.md"]
    assert "not stored" in text_of(said, "answer_text")
    assert [contract.name for contract in store.contracts("acme")] == ["haulage.md"]


async def test_what_the_attachment_does_not_say_is_looked_up(pipeline: ContractPipeline) -> None:
    letter = FilePart("letter.md", "text/markdown", b"Dear partner, our truck was stuck in the mountains.\n")
    said = await run_pipeline(pipeline, request([TextPart("What penalty is due per day of delay?"), letter]))
    assert data_of(said, "answer")["quotes"][0]["document"] == "haulage.md"
    said = await run_pipeline(pipeline, request([TextPart("What penalty does this contract set for delay?"), letter]))
    assert data_of(said, "answer")["found"] is False


async def test_tables_beside_a_question_are_left_alone(pipeline: ContractPipeline) -> None:
    table = FilePart("shipments.csv", "text/csv", b"a,b\n1,2\n")
    earlier = DataPart({"records": [{"row": 3}]}, {"source": "anomaly/anomalies"})
    said = await run_pipeline(pipeline, request([TextPart("What penalty is due per day of delay?"), table, earlier]))
    assert data_of(said, "answer")["found"] is True
    assert "shipments.csv is no document" in text_of(said, "answer_text")


async def test_work_for_other_agents_is_no_part_of_the_question(pipeline: ContractPipeline) -> None:
    text = "Check the shipments for anomalies. What penalty is due per day of delay? Then draft a letter to Polder."
    said = await run_pipeline(pipeline, request([TextPart(text)]))
    assert "3 % of the freight" in data_of(said, "answer")["quotes"][0]["text"]


async def test_an_empty_question_asks_back(pipeline: ContractPipeline) -> None:
    for skill in pipeline.skills:
        said = await run_pipeline(pipeline, request([TextPart("  ")], skill=skill))
        assert isinstance(said.end, InputRequired)


async def test_the_answer_to_a_question_back_goes_on(pipeline: ContractPipeline) -> None:
    file = FilePart("annex.md", "text/markdown", b"1. Waiting. An hour of waiting costs EUR 99.\n")
    turns = (Turn("user", (file,)), Turn("agent", (TextPart("What do you want to know?"),)))
    said = await run_pipeline(pipeline, request([TextPart("What does an hour of waiting cost?")], turns=turns))
    assert data_of(said, "answer")["quotes"][0]["document"] == "annex.md"


async def test_contracts_are_found_with_their_clauses(pipeline: ContractPipeline, store: DatabaseContractStore) -> None:
    store.add("acme", "nda.md", Document("nda.md", "# Secrecy Agreement\n\n1. Secrets are kept confidential.\n"))
    said = await run_pipeline(pipeline, request([TextPart("Which of our contracts set a penalty for delay?")]))
    (contract,) = data_of(said, "contracts")["contracts"]
    assert contract["name"] == "haulage.md"
    assert contract["parties"] == ["Arden Foods Ltd", "Polder Trucks B.V"]
    assert {match["clause"] for match in contract["matches"]} >= {"2.1 Delay", "2.2 Delay"}
    match = contract["matches"][0]
    assert HAULAGE[match["start"] : match["end"]] == match["text"]


async def test_all_contracts_are_listed_when_nothing_particular_is_wanted(pipeline: ContractPipeline) -> None:
    said = await run_pipeline(pipeline, request([TextPart("List our contracts")]))
    assert [row["name"] for row in data_of(said, "contracts")["contracts"]] == ["haulage.md"]


async def test_files_of_every_kind_are_added(
    pipeline: ContractPipeline, store: DatabaseContractStore, samples: Path
) -> None:
    files = sample_files(samples)
    said = await run_pipeline(pipeline, request(files))
    added = [part.data for part in said.artifact("contract") if isinstance(part, DataPart)]
    assert [row["name"] for row in added] == [file.name for file in files]
    assert all(row["clauses"] > 5 and row["parties"] for row in added)
    assert len(store.contracts("acme")) == 1 + len(files)


async def test_a_second_version_replaces_the_first(pipeline: ContractPipeline) -> None:
    file = FilePart("haulage.md", "", HAULAGE.replace("EUR 60", "EUR 65").encode())
    said = await run_pipeline(pipeline, request([file]))
    assert data_of(said, "contract")["version"] == 2
    assert "in place of the one before" in said.end.text
    answer = await run_pipeline(pipeline, request([TextPart("What does an hour of waiting cost?")]))
    assert "EUR 65" in data_of(answer, "answer")["quotes"][0]["text"]


async def test_text_with_a_name_is_added(pipeline: ContractPipeline) -> None:
    given = DataPart({"name": "mail.txt", "text": "1. Waiting. An hour costs EUR 5."})
    assert (
        data_of(await run_pipeline(pipeline, request([given], skill="add_contract")), "contract")["name"] == "mail.txt"
    )
    text = TextPart("Side Letter\n\n1. Waiting. An hour costs EUR 5.")
    assert (
        data_of(await run_pipeline(pipeline, request([text], skill="add_contract")), "contract")["name"]
        == "Side Letter.txt"
    )


@pytest.mark.parametrize(
    ("text", "name", "stored"),
    [
        ("Payment is due within 30 days.", "Payment is due within 30 days.txt", "Payment is due within 30 days."),
        ("Add this contract: Side Letter\n\n1. An hour costs EUR 5.", "Side Letter.txt", "Side Letter\n\n1. An hour"),
    ],
)
async def test_a_contract_that_is_the_message_is_added(
    pipeline: ContractPipeline, store: DatabaseContractStore, text: str, name: str, stored: str
) -> None:
    said = await run_pipeline(pipeline, request([TextPart(text)], skill="add_contract"))
    assert data_of(said, "contract")["name"] == name
    assert str(store.text("acme", data_of(said, "contract")["id"])).startswith(stored)


@pytest.mark.parametrize("text", ["Please add this contract", "hello", "What is the notice period of this contract?"])
async def test_only_the_wish_to_add_is_no_contract(pipeline: ContractPipeline, text: str) -> None:
    said = await run_pipeline(pipeline, request([TextPart(text)], skill="add_contract"))
    assert isinstance(said.end, InputRequired)


@pytest.mark.parametrize(
    "text",
    [
        "Delete all contracts",
        "Please remove the contract with Polder.",
        "Can you delete haulage.md? I do not want that document any more.",
        "Lösche den Vertrag mit Polder",
        "Bitte alle Verträge löschen",
        "Elimina el contrato",
        "Could you delete the contract with Polder?",
        "Bitte den Vertrag mit Polder löschen.",
    ],
)
async def test_what_cannot_be_done_is_rejected_with_what_can(pipeline: ContractPipeline, text: str) -> None:
    with pytest.raises(Rejected, match="contracts be added"):
        await run_pipeline(pipeline, request([TextPart(text)]))


@pytest.mark.parametrize(
    "text",
    [
        "May the carrier delete our data under the contract?",
        "Removal of goods: which terms?",
        "Entfernung zum Lager laut Vertrag?",
        "Delete our data: what does the contract say on it?",
        "Remove the duplicates from the list and tell me what the agreement says about them.",
    ],
)
async def test_questions_on_deleting_are_questions(pipeline: ContractPipeline, text: str) -> None:
    assert isinstance((await run_pipeline(pipeline, request([TextPart(text)]))).end, Result)


async def test_one_is_not_counted_as_many(pipeline: ContractPipeline) -> None:
    file = FilePart("fee.md", "", b"1. Fee. The fee is EUR 5.")
    assert (await run_pipeline(pipeline, request([file]))).end.text == "fee.md is stored with 1 clause."


async def test_a_place_that_ends_with_a_full_stop_gets_no_second_one(store: DatabaseContractStore) -> None:
    document = Document("late.md", "## Late Delivery.\n\nFor each day of delay the seller pays 3 % as a penalty.\n")
    store.add("acme", document.name, document)
    said = await run_pipeline(ContractPipeline(store), request([TextPart("What penalty is due for a day of delay?")]))
    assert said.end.text == "Quoted from late.md, Late Delivery."
    assert "#" not in text_of(said, "answer_text")


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([TextPart("why " * 40)], "at most 100 characters"),
        ([FilePart(f"{number}.md", "", b"1. Scope") for number in range(3)], "at most 2 at a time"),
        ([FilePart("a.md", "", b"x" * 2_000)], "at most 0.001 MB"),
        ([TextPart("What is due?"), FilePart("scan.pdf", "", b"%PDF-1.4")], "damaged"),
    ],
)
async def test_limits_end_in_a_reason(store: DatabaseContractStore, parts: list[Any], reason: str) -> None:
    pipeline = ContractPipeline(store, limits=Limits(question=100, files=2, bytes=1_000))
    with pytest.raises(Rejected, match=reason):
        await run_pipeline(pipeline, request(parts))


def test_the_card_names_the_pipelines_skills(pipeline: ContractPipeline) -> None:
    public = card(url="http://localhost:8003", issuer="http://localhost:8009", version="1.0.0")
    assert public.name == "contract-agent"
    assert [skill.id for skill in public.skills] == list(pipeline.skills)
    assert all(8 <= len(skill.examples) <= 15 and skill.tags for skill in public.skills)


@pytest.mark.parametrize(
    ("text", "skill", "question"),
    [
        (
            "Check these deliveries for anomalies, look up which penalty the contract gives us, and write a complaint.",
            "answer_question",
            "look up which penalty the contract gives us",
        ),
        (
            "Find out what the agreement says on demurrage and then send their key account a claim.",
            "answer_question",
            "Find out what the agreement says on demurrage",
        ),
        (
            "Prüfe die Lieferdaten, welche Vertragsstrafe uns zusteht, und setze ein Schreiben auf.",
            "answer_question",
            "welche Vertragsstrafe uns zusteht",
        ),
        ("Find the contract with DAN", "find_contract", "Find the contract with DAN"),
    ],
)
def test_of_a_request_to_several_agents_only_the_part_on_terms_is_asked(text: str, skill: str, question: str) -> None:
    assert inferred_skill(request([TextPart(text)])).skill == skill
    assert questions_in(text) == [question]
