"""The escalation agent's public card."""

from a2a.types import AgentCard, AgentSkill

from crossdock.cards.building import agent_card
from escalation_agent.pipeline import SKILL

INPUT_MODES = ("text/plain", "application/json", "text/markdown", "message/rfc822")
OUTPUT_MODES = ("application/json", "text/markdown", "message/rfc822", "text/plain")

DESCRIPTION = (
    "Drafts escalations, complaints, claims, reminders and notices to carriers, suppliers, customers and colleagues. "
    "It takes facts, decides severity and deadline, and writes the letter and an unsent mail in English, German, "
    "French or Spanish. It states no fact that it was not given, and sends nothing."
)
SKILL_DESCRIPTION = (
    "Write, draft, word or prepare a message to somebody: a complaint, escalation, claim, notice, reminder, letter "
    "or e-mail to a carrier, haulier, forwarder, dispatcher, supplier, warehouse, customs broker, insurer, customer, "
    "plant or manager. Notify, inform, tell, warn, chase or put someone on notice about a delay, damage, shortage, "
    "failure or stoppage. From free text and other agents' findings it makes severity, recipient, deadline, subject, "
    "body, a Markdown letter and an .eml file, in the customer's tone and language. It asks back when the recipient or "
    "the subject matter is missing."
)
TAGS = (
    "escalation", "complaint", "claim", "notice", "letter", "email", "message", "draft", "write", "notify", "inform",
    "reminder", "urgent", "Reklamation", "Beschwerde", "Eskalation", "réclamation", "lettre", "reclamación", "aviso",
)  # fmt: skip
EXAMPLES = (
    "Write to the haulier that trailer 4471 has been standing at our gate without papers since 05:40.",
    "Draft a complaint to the forwarder: two cartons of order 70118 arrived open and one is missing.",
    "Escalate to the terminal's duty manager, our reefer has been off power for three hours.",
    "Please tell the customer politely that his delivery will be a day late because of the strike.",
    "need an email to the customs agent, shipment held, commercial invoice has to be there before 17:00",
    "Send a reminder to the supplier, third time the delivery note is missing.",
    "Let the shift lead at the warehouse know that dock 6 must be free by noon, line stops otherwise.",
    "Notify our insurer of the stolen pallets in writing.",
    "Put the carrier on formal notice for four missed pickups this week.",
    "Word a friendly note to the planner: wrong labels again, nothing dramatic.",
    "Turn these findings into a letter to the account manager of the carrier.",
    "Send a claim to the shipping line for the wet goods, reply expected within 48 hours.",
    "Bitte eine Reklamation an die Spedition schreiben: Sendung kam einen Tag zu spät und war beschädigt.",
    "Bitte beim Lagerleiter eskalieren, das Tor 4 klemmt seit heute früh und drei Lkw warten.",
    "Informieren Sie den Kunden, dass seine Lieferung erst am Donnerstag ankommt.",
    "Rédigez une réclamation au transporteur : deux palettes arrivées mouillées ce matin.",
    "Prévenez le responsable d'exploitation que le quai 3 est bloqué, réponse attendue avant 18 h.",
    "Escribe una reclamación al transportista porque faltan ocho cajas del pedido.",
    "Avisa al jefe de tráfico de que el camión frigorífico está parado, es urgente.",
)


def card(*, url: str, issuer: str, version: str) -> AgentCard:
    skill = AgentSkill(
        id=SKILL,
        name="Draft an escalation",
        description=SKILL_DESCRIPTION,
        tags=list(TAGS),
        examples=list(EXAMPLES),
        input_modes=list(INPUT_MODES),
        output_modes=list(OUTPUT_MODES),
    )
    return agent_card(
        name="escalation-agent",
        description=DESCRIPTION,
        version=version,
        url=url,
        issuer=issuer,
        skills=[skill],
        input_modes=INPUT_MODES,
        output_modes=OUTPUT_MODES,
    )
