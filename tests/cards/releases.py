"""The cards of the last release, kept as files beside this module, and those that the code makes now."""

import json
from pathlib import Path

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard
from google.protobuf.json_format import ParseDict

import anomaly_agent.card
import anomaly_agent.settings
import contract_agent.card
import contract_agent.settings
import escalation_agent.card
import escalation_agent.settings
import orchestrator.card
import orchestrator.settings
from crossdock.settings import ServiceSettings

HERE = Path(__file__).parent
ISSUER = "http://localhost:8009"


def current() -> dict[str, AgentCard]:
    """Today's cards by the names of their files, as a service with the default settings publishes them."""
    return {
        "anomaly": anomaly_agent.card.card(issuer=ISSUER, **_place(anomaly_agent.settings.Settings)),
        "contract": contract_agent.card.card(issuer=ISSUER, **_place(contract_agent.settings.Settings)),
        "escalation": escalation_agent.card.card(issuer=ISSUER, **_place(escalation_agent.settings.Settings)),
        "orchestrator": orchestrator.card.card(
            customer="acme", issuer=ISSUER, **_place(orchestrator.settings.Settings)
        ),
    }


def _place(settings: type[ServiceSettings]) -> dict[str, str]:
    fields = settings.model_fields
    return {"url": f"http://localhost:{fields['port'].default}", "version": fields["version"].default}


def released(name: str) -> AgentCard:
    data = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
    return ParseDict(data, AgentCard(), ignore_unknown_fields=True)


def keep(name: str, card: AgentCard) -> None:
    text = json.dumps(agent_card_to_dict(card), indent=2, ensure_ascii=False)
    (HERE / f"{name}.json").write_text(text + "\n", encoding="utf-8")
