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
    "Write to the haulier about trailer 6130, parked at our gate without papers since 05:40.",
    "Draft a complaint to the forwarder: two cartons of order 70118 arrived open and one is missing.",
    "Escalate to the terminal's duty manager, our reefer has been off power for three hours.",
    "Please explain to our client in a polite mail why the strike moves his order to next week.",
    "need an email to the customs agent, shipment held, commercial invoice has to be there before 17:00",
    "Remind the supplier of the open credit note, this is our second attempt.",
    "Warn the shift lead: dock 6 blocked, production halts unless it is cleared before noon.",
    "Notify our insurer of the stolen pallets in writing.",
    "Prepare a formal warning for the haulage company over four missed collections.",
    "Word a friendly note to the planner: wrong labels again, nothing dramatic.",
    "Turn these findings into a letter to the account manager of the carrier.",
    "Send the ocean carrier a damage claim, wet goods, reply expected within 48 hours.",
    "Bitte beim Frachtführer beschweren, die Ware war bei Ankunft durchnässt.",
    "Bitte beim Lagerleiter eskalieren, das Tor 4 klemmt seit heute früh und drei Lkw warten.",
    "Informieren Sie den Kunden, dass seine Lieferung erst am Donnerstag ankommt.",
    "Envoyez un courrier au transitaire, le dossier de douane est bloqué par sa faute.",
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
