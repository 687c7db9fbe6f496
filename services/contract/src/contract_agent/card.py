"""The contract agent's card."""

from a2a.types import AgentCard, AgentSkill

from contract_agent.reading import DOCX_TYPE, PDF_TYPE
from crossdock.cards.building import agent_card

INPUT_MODES = ("text/plain", "text/markdown", "application/json", PDF_TYPE, DOCX_TYPE)
OUTPUT_MODES = ("application/json", "text/markdown")

ANSWER = AgentSkill(
    id="answer_question",
    name="Answer a question on contracts",
    description=(
        "Answers a question on the customer's contracts, agreements, service levels, terms and conditions or on an "
        "attached document with the exact quote, its document, clause and character range. Covers rates and charges, "
        "penalties and liquidated damages, deadlines, notice and cancellation periods, liability caps, payment terms, "
        "waiting time, service credits, insurance, acceptance, warranty, temperature ranges, jurisdiction. Says not "
        "found instead of guessing."
    ),
    tags=[
        "contract",
        "agreement",
        "clause",
        "terms",
        "quote",
        "penalty",
        "liability",
        "notice period",
        "payment terms",
        "service level",
        "SLA",
        "termination",
        "rate",
        "surcharge",
        "warranty",
        "Vertrag",
        "Klausel",
        "contrat",
        "contrato",
    ],
    examples=[
        "How many hours of free time do we have at the dock before the haulier can bill waiting?",
        "What compensation does our forwarder owe us when a truck turns up a day late?",
        "Up to which amount is the warehouse keeper liable for lost goods?",
        "How much notice do we have to give to leave the storage agreement?",
        "Is the carrier allowed to use subcontractors without asking us?",
        "When do we have to pay the freight invoices?",
        "Which temperature must the reefer hold under the pharma annex?",
        "Can we refuse a delivery that comes outside its time window?",
        "By when must damage that is not visible be reported?",
        "Who pays customs duties under our terms with the broker?",
        "Wie lang ist die Kündigungsfrist im Lagervertrag?",
        "Welche Vertragsstrafe ist bei verspäteter Lieferung vereinbart?",
        "Quel est le délai de paiement prévu par le contrat de transport ?",
        "¿Qué penalización prevé el contrato por entregar con retraso?",
        "What does the attached agreement say about force majeure?",
    ],
    input_modes=list(INPUT_MODES),
    output_modes=list(OUTPUT_MODES),
)

FIND = AgentSkill(
    id="find_contract",
    name="Find a contract or clause",
    description=(
        "Finds which of the customer's stored contracts and clauses deal with a subject, party, product or lane: a "
        "ranked list of candidates with the matching clauses. Lists all contracts when nothing particular is asked for."
    ),
    tags=["contract search", "find contract", "find clause", "which agreement", "full-text search", "list contracts"],
    examples=[
        "Which of our agreements covers refrigerated transport to Italy?",
        "Find every clause on pallet exchange.",
        "Do we have a contract with Quayside Storage?",
        "Show me the contracts that mention arbitration.",
        "List the agreements we have on file.",
        "Where is the diesel surcharge regulated?",
        "Welche Verträge enthalten eine Haftungsgrenze?",
        "Quels contrats parlent de sous-traitance ?",
        "¿En qué contratos se menciona la fuerza mayor?",
    ],
    input_modes=list(INPUT_MODES),
    output_modes=list(OUTPUT_MODES),
)

ADD = AgentSkill(
    id="add_contract",
    name="Add a contract",
    description=(
        "Stores a contract, annex or set of terms for this customer from a Markdown, text, PDF or DOCX file, or from "
        "text with a name, splits it into clauses and makes it searchable. The same name again replaces it with a new "
        "version."
    ),
    tags=["add contract", "upload agreement", "store document", "import contract", "new version"],
    examples=[
        "Please store the attached framework agreement.",
        "Here is the signed annex, add it to our contracts.",
        "Upload this SLA so that we can ask questions on it.",
        "File the new version of the haulage terms.",
        "Keep this PDF with our agreements.",
        "Bitte den beigefügten Vertrag hinterlegen.",
        "Veuillez enregistrer le contrat ci-joint.",
        "Guarda este contrato con los demás.",
    ],
    input_modes=list(INPUT_MODES),
    output_modes=["application/json"],
)


def card(*, url: str, issuer: str, version: str) -> AgentCard:
    return agent_card(
        name="contract-agent",
        description=(
            "Reads contracts and answers questions on them with exact quotes: which clause applies, what it says, "
            "where it stands. Each customer sees its own contracts only."
        ),
        version=version,
        url=url,
        issuer=issuer,
        skills=[ANSWER, FIND, ADD],
        input_modes=INPUT_MODES,
        output_modes=OUTPUT_MODES,
    )
