"""docs/settings.md is what the code says: `SETTINGS_TABLE=write make test` renews it."""

import json
import os
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from anomaly_agent.settings import Settings as Anomaly
from contract_agent.settings import Settings as Contract
from crossdock.settings import ProcessSettings, ServiceSettings
from edge.settings import Settings as Edge
from escalation_agent.settings import Settings as Escalation
from orchestrator.settings import Settings as Orchestrator

TABLE = Path(__file__).parents[3] / "docs" / "settings.md"
OWN: dict[str, type[ProcessSettings]] = {
    "anomaly": Anomaly,
    "contract": Contract,
    "edge": Edge,
    "escalation": Escalation,
    "orchestrator": Orchestrator,
}
OVERRIDDEN = {"port", "resumable"}
HEAD = """# Settings

Each service reads environment variables that begin with `CROSSDOCK_`. Sizes are bytes, times are seconds. A service
whose variables do not fit names all of them at once and exits with status 2. Secrets are files, never values.
"""


def default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "**required**"
    value = field.default
    return "" if value in ("", None) else f"`{json.dumps(value)}`".replace('"', "")


def table(title: str, fields: dict[str, FieldInfo]) -> str:
    rows = [
        f"| `CROSSDOCK_{name.upper()}` | {default(field)} | {field.description} |" for name, field in fields.items()
    ]
    return "\n".join([f"\n## {title}\n", "| variable | default | meaning |", "|---|---|---|", *rows]) + "\n"


def documented() -> str:
    every, common = ProcessSettings.model_fields, ServiceSettings.model_fields
    own = {
        name: {key: field for key, field in own_settings.model_fields.items() if key not in common or key in OVERRIDDEN}
        for name, own_settings in OWN.items()
    }
    shared = {key: field for key, field in every.items() if key != "port"}
    agents = {key: field for key, field in common.items() if key not in every}
    return (
        HEAD
        + table("Every service", shared)
        + table("Every agent", agents)
        + "".join(table(name, fields) for name, fields in own.items())
    )


def test_every_setting_is_documented() -> None:
    if os.environ.get("SETTINGS_TABLE") == "write":
        TABLE.write_text(documented(), encoding="utf-8")
    assert TABLE.read_text(encoding="utf-8") == documented()


def test_every_setting_says_what_it_means() -> None:
    assert all(field.description for settings in OWN.values() for field in settings.model_fields.values())
