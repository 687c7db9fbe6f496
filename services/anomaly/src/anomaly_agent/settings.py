"""Settings of the anomaly agent."""

from pydantic import Field

from crossdock.settings import ServiceSettings


class Settings(ServiceSettings):
    port: int = Field(8002, ge=1, le=64535, description="Service port; health and metrics listen on this plus 1000.")
