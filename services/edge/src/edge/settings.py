"""Settings of the edge: where the issuer is, and how to log."""

from pydantic import Field

from crossdock.settings import ProcessSettings


class Settings(ProcessSettings):
    port: int = Field(8005, ge=1, le=64535, description="Service port; health and metrics listen on this plus 1000.")
