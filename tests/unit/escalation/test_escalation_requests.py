"""Requests as customers write them: who, by when, how severe, in which language, and which words are facts."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from crossdock.pipeline import InputRequired
from crossdock.testing import Conversation
from escalation_agent.reading import MessageReader
from tests.unit.escalation.conftest import NOW

Drafting = Callable[..., Awaitable[dict[str, Any]]]
Running = Callable[..., Awaitable[Conversation]]

# request, role, name, deadline, severity, language, the first fact
GOLDEN = [
    (
        "Please draft an email to the terminal's duty manager. Our reefer TGHU 991 has no power since 02:00.",
        "terminal's duty manager", None, None, "normal", "en", "Our reefer TGHU 991 has no power since 02:00.",
    ),
    (
        "pls tell the planner at Kestrel Haulage that trailer 55 is still empty, need it loaded by 16:00",
        "planner", "Kestrel Haulage", "2026-11-18T16:00:00+00:00", "normal", "en",
        "Trailer 55 is still empty, need it loaded by 16:00",
    ),
    (
        "Complaint to Osprey Logistics: 3 cartons soaked on delivery 9911, third time this month",
        None, "Osprey Logistics", None, "high", "en", "3 cartons soaked on delivery 9911, third time this month",
    ),
    (
        "Could you write to the supplier (Tannhof GmbH) about the missing certificates? Answer by Friday 16:00 please.",
        "supplier", "Tannhof GmbH", "2026-11-20T16:00:00+00:00", "normal", "en", "Tannhof GmbH",
    ),
    (
        "Our line stops at 4pm because truck 12 is stuck. Escalate to the carrier's control tower.",
        "carrier's control tower", None, "2026-11-18T16:00:00+00:00", "critical", "en",
        "Our line stops at 4pm because truck 12 is stuck.",
    ),
    (
        "FYI only, let the shift lead know that door 9 sticks a bit, not dramatic",
        "shift lead", None, None, "low", "en", "Door 9 sticks a bit, not dramatic",
    ),
    (
        "sev 2: write the vendor that labels print upside down since this morning",
        "vendor", None, None, "high", "en", "Labels print upside down since this morning",
    ),
    (
        "> Von: Lager\n> Die Ware aus Auftrag 8812 ist nass.\n\nBitte an den Lieferanten schreiben, Frist 27.11.2026.",
        "Lieferant", None, "2026-11-27T23:59:00+00:00", "normal", "de", "Die Ware aus Auftrag 8812 ist nass.",
    ),
    (
        "Schreiben Sie bitte dem Lieferanten Brückner KG, dass vier Kartons fehlen. Bis Freitag 12 Uhr.",
        "Lieferant", "Brückner KG", "2026-11-20T12:00:00+00:00", "normal", "de", "dass vier Kartons fehlen.",
    ),
    (
        "Bitte die Spedition Ostermann informieren, dass Tour 551 ausgefallen ist. Es eilt.",
        "Spedition", "Ostermann", None, "high", "de", "dass Tour 551 ausgefallen ist.",
    ),
    (
        "Das Band steht seit 8 Uhr! Bitte sofort den Betriebsleiter anschreiben.",
        "Betriebsleiter", None, None, "critical", "de", "Das Band steht seit 8 Uhr!",
    ),
    (
        "Nicht dramatisch, aber sagt bitte dem Lagerleiter Bescheid, dass die Etiketten falsch kleben.",
        "Lagerleiter", None, None, "low", "de", "dass die Etiketten falsch kleben.",
    ),
    (
        "Verfasse auf Englisch eine Beschwerde an den Frachtführer Kowalski Transport: 5 Paletten durchnässt.",
        "Frachtführer", "Kowalski Transport", None, "normal", "en", "5 Paletten durchnässt.",
    ),
    (
        "Écrivez au fournisseur Delmas que la commande 5120 est arrivée incomplète, réponse sous 24 heures svp.",
        "fournisseur", "Delmas", "2026-11-19T09:30:00+00:00", "normal", "fr",
        "La commande 5120 est arrivée incomplète, réponse sous 24 heures svp.",
    ),
    (
        "Rien de grave, mais informez le chef d'équipe que la balance 2 est décalée.",
        "chef d'équipe", None, None, "low", "fr", "La balance 2 est décalée.",
    ),
    (
        "Ligne de production à l'arrêt depuis 9 h, alertez le directeur logistique chez Transports Morvan.",
        "directeur logistique", "Transports Morvan", None, "critical", "fr",
        "Ligne de production à l'arrêt depuis 9 h",
    ),
    (
        "Il faut relancer le transitaire : les documents du dossier 7781 manquent, limite à 18 h.",
        "transitaire", None, "2026-11-18T18:00:00+00:00", "normal", "fr",
        "Les documents du dossier 7781 manquent, limite à 18 h.",
    ),
    (
        "Escriba al transitario que el contenedor sigue retenido. Necesitamos respuesta antes del viernes a las 12:00.",
        "transitario", None, "2026-11-20T12:00:00+00:00", "normal", "es", "El contenedor sigue retenido.",
    ),
    (
        "Necesito una reclamación para el transportista Rutas del Sur: 7 cajas rotas en la entrega 6610.",
        "transportista", "Rutas del Sur", None, "normal", "es", "7 cajas rotas en la entrega 6610.",
    ),
    (
        "Por favor informa al responsable de calidad en Frigosur: el camión 12 llegó a 9 grados, eran vacunas.",
        "responsable de calidad", "Frigosur", None, "critical", "es", "El camión 12 llegó a 9 grados, eran vacunas.",
    ),
    (
        "No es urgente, recuérdale al proveedor que falta el albarán 4471.",
        "proveedor", None, None, "low", "es", "Falta el albarán 4471.",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "role", "name", "deadline", "severity", "language", "fact"), GOLDEN)
async def test_a_request_becomes_the_fields_of_an_escalation(
    draft: Drafting, text: str, role: str, name: str, deadline: str, severity: str, language: str, fact: str
) -> None:
    data = await draft(text)
    assert data["recipient"]["role"] == role
    assert data["recipient"]["name"] == name
    assert data["deadline"] == deadline
    assert data["severity"] == severity
    assert data["language"] == language
    assert data["facts"][0]["text"] == fact
    assert {item["source"] for item in data["facts"]} == {"request"}


async def test_an_address_is_taken_as_stated(draft: Drafting) -> None:
    data = await draft("Send a message to ops@fastlane.example: trailer 55 never arrived")
    assert data["recipient"] == {"role": None, "name": None, "address": "ops@fastlane.example"}
    assert "recipient.address" not in data["missing"]


@pytest.mark.parametrize(
    ("text", "role", "name"),
    [
        ("Write to the haulier at ops@roux.example: box 4 is wet", "haulier", None),
        ("Complaint to the haulier ops@roux.example: box 4 is wet", "haulier", None),
        ("Tell the carrier Roux ops@roux.example that box 4 is wet", "carrier", "Roux"),
        ("Write to the carrier's dispatcher ‹ops@roux.example›: box 4 is wet", "carrier's dispatcher", None),
        ("Notify the haulier [ops@roux.example]: box 4 is wet", "haulier", None),
        ("Complain to the carrier (ops@roux.example): box 4 is wet", "carrier", None),
        ("Write to ‹ops@roux.example›: box 4 is wet", None, None),
        ("Write to the haulier <ops@roux.example>: ‹box 4 is wet›", "haulier", None),
        ("To the haulier ops@roux.example: box 4 is wet", "haulier", None),
        ("ops@roux.example: box 4 is wet", None, None),
    ],
)
async def test_an_address_before_a_colon_is_the_recipients(
    draft: Drafting, text: str, role: str | None, name: str | None
) -> None:
    data = await draft(text)
    assert data["recipient"] == {"role": role, "name": name, "address": "ops@roux.example"}
    assert data["subject"].removeprefix("Complaint: ") == "Box 4 is wet"
    assert [fact["text"] for fact in data["facts"]] == ["Box 4 is wet"]


async def test_a_german_order_may_hold_an_address(draft: Drafting) -> None:
    data = await draft("Bitte an ops@brandt.example schreiben: Palette 4 ist nass")
    assert (data["recipient"]["address"], data["subject"]) == ("ops@brandt.example", "Palette 4 ist nass")


@pytest.mark.parametrize(
    ("text", "role", "name", "fact"),
    [
        (
            "Write a complaint about late deliveries to the carrier's account manager.",
            "carrier's account manager", None, "Late deliveries",
        ),
        (
            "Draft a claim over the crushed cartons of order 70118 to the forwarder, reply by Friday 16:00.",
            "forwarder", None, "The crushed cartons of order 70118",
        ),
        ("Write an email regarding invoice 4711 to Mr Keller.", None, "Mr Keller", "Invoice 4711"),
        (
            "Verfasse eine Reklamation wegen der Palette 4 an die Spedition Brandt bis Freitag 12 Uhr.",
            "Spedition", "Brandt", "Der Palette 4",
        ),
        (
            "Rédigez une réclamation concernant les palettes manquantes au responsable du transporteur.",
            "responsable du transporteur", None, "Les palettes manquantes",
        ),
        (
            "Escribe una reclamación sobre las cajas rotas al jefe de tráfico de Frigosur.",
            "jefe de tráfico", "Frigosur", "Las cajas rotas",
        ),
    ],
)  # fmt: skip
async def test_the_recipient_may_be_named_after_the_topic(
    draft: Drafting, text: str, role: str | None, name: str | None, fact: str
) -> None:
    data = await draft(text)
    assert (data["recipient"]["role"], data["recipient"]["name"]) == (role, name)
    assert [item["text"] for item in data["facts"]] == [fact]


@pytest.mark.parametrize(
    "text",
    [
        "Write a complaint about the late delivery to our Hamburg warehouse.",
        "Write a complaint about the papers we sent to the dispatcher.",
        "Write a complaint about the papers sent to the dispatcher.",
        "Rédigez une réclamation concernant la livraison tardive à l'entrepôt de Lille.",
        "Escribe una reclamación por el retraso de la entrega a la espera del transportista.",
    ],
)
async def test_the_end_of_a_topic_is_no_recipient(run: Running, text: str) -> None:
    assert isinstance((await run(text)).end, InputRequired)


async def test_a_labelled_recipient_and_subject(draft: Drafting) -> None:
    data = await draft("Subject: Late trucks\nTo: dispatch manager at Kestrel Haulage\n\nTruck 9 came 4 hours late.")
    assert data["recipient"]["role"] == "dispatch manager"
    assert data["recipient"]["name"] == "Kestrel Haulage"
    assert data["subject"] == "Late trucks"
    assert [fact["text"] for fact in data["facts"]] == ["Truck 9 came 4 hours late."]


async def test_them_is_the_only_party_that_the_request_speaks_of(draft: Drafting) -> None:
    data = await draft("The supplier wants 4 % more from July. Write them a refusal.")
    assert data["recipient"]["role"] == "supplier"


async def test_other_agents_tasks_are_no_facts(draft: Drafting) -> None:
    data = await draft("Check the weights, look up the clause on claims, and write to the haulier: 4 pallets are wet.")
    assert [fact["text"] for fact in data["facts"]] == ["4 pallets are wet."]


async def test_words_of_other_tasks_do_not_raise_the_severity(draft: Drafting) -> None:
    data = await draft(
        "See what penalties the contract gives us for stolen goods, then tell the carrier: box 4 is late."
    )
    assert data["severity"] == "normal"


async def test_words_that_look_like_fillers_stay_in_the_facts(draft: Drafting) -> None:
    text = "Write to the warehouse manager, they loaded today 3 wrong pallets and it broke twice"
    data = await draft(text)
    assert data["facts"][0]["text"] == "They loaded today 3 wrong pallets and it broke twice"


async def test_a_demand_alone_is_the_subject(draft: Drafting) -> None:
    assert (await draft("Ask the carrier to confirm the pickup."))["subject"] == "Confirm the pickup"
    assert (await draft("Demandez au transporteur de confirmer le retrait."))["subject"] == "Confirmer le retrait"


async def test_a_demand_is_told_as_one(draft: Drafting) -> None:
    data = await draft("Order 991 has no proof of delivery. Ask the carrier to send it by Friday 16:00.")
    assert "We ask you to send it by Friday 16:00." in data["body"]


@pytest.mark.parametrize("words", ["They have until Friday to answer.", "Ask the carrier to reply by Friday."])
async def test_a_wish_for_an_answer_is_said_once(draft: Drafting, words: str) -> None:
    data = await draft(f"Write to the carrier that order 991 has no proof of delivery. {words}")
    assert data["deadline_words"] in ("until Friday", "by Friday")
    assert "We ask you" not in data["body"]
    assert data["body"].count("let us know") == 1


async def test_greeting_signature_and_mail_headers_are_no_facts(draft: Drafting) -> None:
    data = await draft(
        "Hi team,\n\nForklift 4 is broken since Monday. Please notify the maintenance provider.\n\n"
        "Best regards\nJ. Doe\nDock 4"
    )
    assert [fact["text"] for fact in data["facts"]] == ["Forklift 4 is broken since Monday."]


@pytest.mark.parametrize(
    ("text", "role", "name", "fact"),
    [
        ("Send the ocean carrier a claim: 4 drums dented.", "ocean carrier", None, "4 drums dented."),
        ("Notify our insurer of the stolen pallets.", "insurer", None, "The stolen pallets."),
        ("Box 4 is wet. Please get in touch with their office.", "office", None, "Box 4 is wet."),
        ("Sofort an die Werksleitung eskalieren: Band 2 klemmt.", "Werksleitung", None, "Band 2 klemmt."),
        ("Bitte teilen Sie der Reederei mit, dass Box 4 steht.", "Reederei", None, "dass Box 4 steht."),
        ("Der Vermieter muss wissen, dass das Dach undicht ist.", "Vermieter", None, "dass das Dach undicht ist."),
        (
            "Merci d'informer notre client, la société Vidal, que la caisse 4 part.",
            "client",
            "Vidal",
            "La caisse 4 part.",
        ),
        ("Dites au chauffeur de Transports Morel qu'il revienne.", "chauffeur", "Transports Morel", "Il revienne."),
        ("Hay que avisar a la aseguradora del robo anoche.", "aseguradora", None, "Robo anoche."),
    ],
)
async def test_ways_to_address_somebody(draft: Drafting, text: str, role: str, name: str | None, fact: str) -> None:
    data = await draft(text)
    assert (data["recipient"]["role"], data["recipient"]["name"]) == (role, name)
    assert [item["text"] for item in data["facts"]] == [fact]


@pytest.mark.parametrize(
    ("text", "deadline", "demand"),
    [
        (
            "Write a complaint to the carrier: box 4 is wet. They have until Friday 16:00 to answer.",
            "until Friday 16:00",
            [],
        ),
        (
            "Write a complaint to the carrier: box 4 is wet. They have until Friday 16:00 to send the papers.",
            "until Friday 16:00",
            ["to send the papers"],
        ),
        ("Write to the carrier: box 4 is wet. The supplier has until Friday.", "until Friday", []),
        ("Beschwerde an die Spedition: Kiste 4 ist nass. Sie haben bis Freitag 12 Uhr Zeit.", "bis Freitag 12 Uhr", []),
    ],
)
async def test_a_sentence_that_grants_time_is_no_fact(text: str, deadline: str, demand: list[str]) -> None:
    case = MessageReader(text, NOW).case()
    assert case.deadline is not None
    assert case.deadline.words == deadline
    assert [fact.text for fact in case.facts if fact.kind == "demand"] == demand
    assert not any(deadline in fact.text for fact in case.facts)
