"""Settings of the escalation agent."""

from pydantic import Field

from crossdock.settings import ServiceSettings
from crossdock.tasks.resumption import Resumption


class Settings(ServiceSettings):
    port: int = Field(8004, ge=1, le=64535, description="Service port; health and metrics listen on this plus 1000.")
    resumable: dict[str, Resumption] = Field(
        {"*": Resumption.RESTART},
        description="By skill (* for the others), what becomes of a task whose replica is lost: never, restart or "
        "checkpoint; JSON.",
    )
