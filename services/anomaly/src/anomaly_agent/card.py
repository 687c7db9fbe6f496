"""The Agent Card of the anomaly agent."""

from a2a.types import AgentCard, AgentSkill

from crossdock.cards.building import agent_card

TABLES = [
    "text/csv",
    "text/tab-separated-values",
    "application/json",
    "application/x-ndjson",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "text/plain",
]
DETECTING = AgentSkill(
    id="detect_anomalies",
    name="Find anomalies in tables and sensor series",
    description=(
        "Finds what is wrong or unusual in shipment tables, invoices, stock lists and sensor or time series: outliers, "
        "slipped units, impossible dates such as a delivery before its order, broken quantity x price, duplicate rows, "
        "negative or zero quantities, spikes, drops and level shifts. Reads CSV, TSV, JSON, JSON lines, XLSX or pasted "
        "numbers, and gives every finding with row, score and reasons, a report and a chart."
    ),
    tags=[
        *("anomaly", "anomalies", "outlier", "data quality", "shipments", "freight", "invoice", "duplicates"),
        *("sensor", "temperature", "time series", "csv", "excel", "spreadsheet", "spike", "unusual", "suspicious"),
    ],
    examples=[
        "Is anything odd in this carrier export?",
        "Find the outliers in the attached freight list.",
        "Which lines of this delivery file look wrong, and why?",
        "Our cold store logger went off last night, look at the temperature readings.",
        "Spot double entries and strange quantities in these bookings.",
        "Do the weights and costs in this spreadsheet make sense?",
        "Readings: 4.1 4.0 4.2 4.1 19.8 4.0 4.1 - is one of them off?",
        "Did any truck report a speed or a fuel level that cannot be right?",
        "Scan the warehouse counts for typing errors before we post them.",
        "Finde Ausreißer und Auffälligkeiten in dieser Sendungsliste.",
        "Stimmt mit den Messwerten des Temperatursensors etwas nicht?",
        "Repère les anomalies dans ce fichier d'expéditions.",
        "Y a-t-il des relevés de capteur suspects cette semaine ?",
        "Busca valores atípicos y duplicados en esta tabla de envíos.",
        "¿Hay lecturas raras en los datos de este sensor?",
    ],
    input_modes=TABLES,
    output_modes=["application/json", "text/markdown", "image/png"],
)
VALIDATING = AgentSkill(
    id="validate_records",
    name="Validate records against rules",
    description=(
        "Checks every record of a table or list against a JSON Schema or simple business rules (required, type, min "
        "and max, pattern, allowed values, unique, not before another date, equals quantity x price) and returns each "
        "violation with its row, field and rule. Without rules it asks for them, or infers them from the table."
    ),
    tags=[
        *("validate", "validation", "schema", "json schema", "rules", "data quality", "records", "check"),
        *("compliance", "format", "mandatory fields"),
    ],
    examples=[
        "Validate these shipment records against the attached JSON Schema.",
        "Check the order lines: quantity at least 1, delivery date not before order date.",
        "Does every row have a postcode, a weight and a carrier code?",
        "Which records break our import rules?",
        "Make sure that the SKU column matches our pattern and has no repeats.",
        "Test the line totals against quantity times unit price.",
        "Is this EDI extract well-formed enough to load into the WMS?",
        "Prüfe diese Datensätze gegen unsere Regeln.",
        "Sind alle Pflichtfelder in der Lieferliste ausgefüllt?",
        "Vérifie que ces enregistrements respectent le schéma.",
        "Contrôle les champs obligatoires de ce fichier de commandes.",
        "Valida estos registros contra el esquema adjunto.",
    ],
    input_modes=TABLES,
    output_modes=["application/json", "text/markdown"],
)


def card(*, url: str, issuer: str, version: str) -> AgentCard:
    return agent_card(
        name="anomaly-agent",
        description="Finds what is wrong in shipment tables and sensor series, and checks records against rules.",
        version=version,
        url=url,
        issuer=issuer,
        skills=[DETECTING, VALIDATING],
        input_modes=TABLES,
        output_modes=["application/json", "text/markdown", "image/png"],
    )
