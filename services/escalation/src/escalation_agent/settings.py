"""Settings of the escalation agent."""

from pydantic import Field

from crossdock.settings import ServiceSettings


class Settings(ServiceSettings):
    port: int = Field(8004, ge=1, le=64535, description="Service port; health and metrics listen on this plus 1000.")
