"""Settings of the escalation agent."""

from pydantic import Field

from crossdock.settings import PORTS, ServiceSettings
from crossdock.tasks.resumption import Resumption


class Settings(ServiceSettings):
    port: int = Field(8004, ge=1, le=64535, description=PORTS)
    resumable: dict[str, Resumption] = Field(
        {"*": Resumption.RESTART},
        description="By skill (* for the others), what becomes of a task whose replica is lost: never, restart or "
        "checkpoint; JSON.",
    )
