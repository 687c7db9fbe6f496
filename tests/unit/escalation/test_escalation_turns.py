"""What is missing is asked for by name, and the next message goes on from there."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from crossdock.extensions import STYLE
from crossdock.pipeline import Checkpoint, DataPart, InputRequired
from crossdock.testing import Conversation

Asking = Callable[..., Awaitable[str]]
Drafting = Callable[..., Awaitable[dict[str, Any]]]
Running = Callable[..., Awaitable[Conversation]]


def checkpoint_of(conversation: Conversation) -> Any:
    """As it comes back from the journal: through JSON."""
    assert isinstance(conversation.end, InputRequired)
    (found,) = [output for output in conversation.outputs if isinstance(output, Checkpoint)]
    return json.loads(json.dumps(found.data))


@pytest.mark.parametrize(
    ("text", "part_of_the_question"),
    [
        ("Pls escalate: truck 9 has been missing since noon", "Who should this go to?"),
        ("Write to the carrier.", "What should the message to carrier say?"),
        ("escalate", "Two things are missing"),
        ("Bitte eskalieren, die Palette 4 ist nass.", "An wen soll das Schreiben gehen?"),
        ("Schreib dem Lieferanten.", "Was soll in der Nachricht an Lieferant stehen?"),
        ("Rédigez une réclamation : la livraison 8 est incomplète.", "À qui ce message doit-il être adressé ?"),
        ("Redacta una queja: faltan 3 cajas en el pedido.", "¿A quién debe dirigirse el mensaje?"),
    ],
)
async def test_the_question_names_what_is_missing(ask: Asking, text: str, part_of_the_question: str) -> None:
    assert part_of_the_question in await ask(text)


@pytest.mark.parametrize(
    ("text", "part_of_the_question"),
    [
        ("Draft an escalation to Jane Roe about what was said.", "What should the message to Jane Roe say?"),
        ("Draft an escalation to Jane Roe based on the above.", "What should the message to Jane Roe say?"),
        ("Write to the carrier about the matter we discussed.", "What should the message to carrier say?"),
        ("Schreib der Spedition zu dem, was wir besprochen haben.", "Was soll in der Nachricht an Spedition stehen?"),
        ("Schreib der Spedition wegen der oben genannten Sache.", "Was soll in der Nachricht an Spedition stehen?"),
        ("Rédige une escalade à Jane Roe sur ce qui a été dit.", "Que doit dire le message à Jane Roe ?"),
        ("Écris au transporteur au sujet de ce qui précède.", "Que doit dire le message à transporteur ?"),
        ("Redacta una escalada a Jane Roe sobre lo que se dijo.", "¿Qué debe decir el mensaje a Jane Roe?"),
        ("Escribe al transportista sobre lo anterior.", "¿Qué debe decir el mensaje a transportista?"),
    ],
)
async def test_words_that_only_point_somewhere_are_no_matter(ask: Asking, text: str, part_of_the_question: str) -> None:
    assert part_of_the_question in await ask(text)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("Write to the carrier about the problem with truck 9.", "The problem with truck 9."),
        ("Write to the carrier about what happened at dock 4.", "What happened at dock 4."),
        ("Schreib der Spedition wegen der Verspätung von Auftrag 7.", "Der Verspätung von Auftrag 7."),
        ("Escribe al transportista sobre el retraso del pedido 7.", "El retraso del pedido 7."),
    ],
)
async def test_a_pointer_with_a_thing_is_matter(draft: Drafting, text: str, fact: str) -> None:
    assert [item["text"] for item in (await draft(text))["facts"]] == [fact]


@pytest.mark.parametrize("text", ["Draft a complaint.", "Make a claim", "Send a reminder", "Complaint", "ok"])
async def test_a_few_words_are_taken_for_english_unless_the_customer_has_a_language(ask: Asking, text: str) -> None:
    assert (await ask(text)).startswith("Two things are missing")
    assert (await ask(text, metadata={STYLE: {"language": "de"}})).startswith("Zwei Angaben fehlen")


async def test_the_customers_language_decides_what_is_asked_and_answered(ask: Asking, run: Running) -> None:
    assert "An wen soll" in await ask("Truck 9 is missing since noon.", metadata={STYLE: {"language": "de"}})
    done = await run("Tell the carrier that box 4 is wet.", metadata={STYLE: {"language": "fr"}})
    assert getattr(done.end, "text", "").startswith("Message à carrier rédigé")


async def test_a_few_words_are_read_in_the_customers_language(draft: Drafting) -> None:
    data = await draft("An Spedition Brandt: Palette 4 nass", metadata={STYLE: {"language": "de"}})
    assert (data["recipient"]["role"], data["recipient"]["name"]) == ("Spedition", "Brandt")


async def test_the_question_names_who_could_be_meant(ask: Asking) -> None:
    question = await ask("The forwarder lost our pallet, the warehouse saw it. I want a firm letter.")
    assert "forwarder, warehouse" in question


@pytest.mark.parametrize(
    ("answer", "role", "name", "address"),
    [
        ("the dispatcher at Roux Transports", "dispatcher", "Roux Transports", None),
        ("To the dispatcher at Roux Transports, please.", "dispatcher", "Roux Transports", None),
        ("Roux Transports", None, "Roux Transports", None),
        ("carrier", "carrier", None, None),
        ("dispatch@roux.example", None, None, "dispatch@roux.example"),
        ("the haulier (ops@roux.example)", "haulier", None, "ops@roux.example"),
        ("Write it to Mr Keller at Roux", None, "Mr Keller at Roux", None),
        ("an den Disponenten bei Roux", "Disponent", "Roux", None),
        ("au transporteur Morvan", "transporteur", "Morvan", None),
        ("al jefe de tráfico", "jefe de tráfico", None, None),
    ],
)
async def test_an_answer_in_a_few_words_fills_the_recipient(
    run: Running, draft: Drafting, answer: str, role: str, name: str, address: str
) -> None:
    first = await run("Pls escalate: truck 9 has been missing since noon. Answer by Friday 16:00.")
    data = await draft(answer, checkpoint=checkpoint_of(first))
    assert data["recipient"] == {"role": role, "name": name, "address": address}
    assert [fact["text"] for fact in data["facts"]] == ["Truck 9 has been missing since noon."]
    assert data["deadline"] == "2026-11-20T16:00:00+00:00"


async def test_an_answer_may_bring_more_facts(run: Running, draft: Drafting) -> None:
    first = await run("Pls escalate: truck 9 has been missing since noon.")
    data = await draft(
        "The dispatcher at Roux. And mention that it carries 4 reefers.", checkpoint=checkpoint_of(first)
    )
    assert data["recipient"]["name"] == "Roux"
    assert len(data["facts"]) == 2


@pytest.mark.parametrize("answer", ["I don't know", "no idea", "you decide", "someone", "yes", "what do you mean?"])
async def test_an_answer_that_names_nobody_is_asked_again(run: Running, ask: Asking, answer: str) -> None:
    first = await run("Pls escalate: truck 9 has been missing since noon.")
    assert "Who should this go to?" in await ask(answer, checkpoint=checkpoint_of(first))


async def test_an_answer_that_only_tells_more_is_asked_again(run: Running, ask: Asking) -> None:
    first = await run("Pls escalate: truck 9 has been missing since noon.")
    assert "Who should this go to?" in await ask("Truck 12 is missing as well.", checkpoint=checkpoint_of(first))


async def test_the_subject_matter_may_come_later(run: Running, draft: Drafting) -> None:
    first = await run("Bitte auf Deutsch an die Spedition Brandt schreiben.")
    data = await draft("Two pallets of order 5512 are wet.", checkpoint=checkpoint_of(first))
    assert data["language"] == "de"
    assert data["facts"][0]["text"] == "Two pallets of order 5512 are wet."


async def test_both_may_be_answered_one_after_the_other(run: Running, draft: Drafting) -> None:
    first = await run("escalate")
    second = await run("to the carrier", checkpoint=checkpoint_of(first))
    data = await draft("3 boxes are missing in delivery 7.", checkpoint=checkpoint_of(second))
    assert data["recipient"]["role"] == "carrier"
    assert [fact["text"] for fact in data["facts"]] == ["3 boxes are missing in delivery 7."]


async def test_data_of_the_first_turn_are_kept(run: Running, draft: Drafting) -> None:
    records = {"records": [{"row": 3, "score": 0.9, "fields": ["qty"], "reasons": ["qty is -4"]}], "summary": {}}
    first = await run("Write a letter about this", DataPart(records, {"source": "anomaly-agent/anomalies"}))
    data = await draft("to the supplier", checkpoint=checkpoint_of(first))
    assert {"text": "qty is -4", "source": "anomaly-agent/anomalies row 3"} in data["facts"]


async def test_a_turn_that_is_run_again_doubles_nothing(run: Running) -> None:
    text = "Pls escalate: truck 9 has been missing since noon."
    first = await run(text)
    again = await run(text, checkpoint=checkpoint_of(first))
    assert len(checkpoint_of(again)["facts"]) == 1


@pytest.mark.parametrize("checkpoint", ["text", 7, {}, {"format": 0, "facts": [1]}, []])
async def test_a_checkpoint_of_another_format_is_no_obstacle(ask: Asking, checkpoint: Any) -> None:
    assert "Who should this go to?" in await ask(
        "Truck 9 is missing since noon, and nobody answers.", checkpoint=checkpoint
    )
