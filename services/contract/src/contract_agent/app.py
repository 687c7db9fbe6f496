"""The composition root of the contract agent."""

import httpx

from contract_agent.card import card
from contract_agent.pipeline import ContractPipeline
from contract_agent.settings import Settings
from crossdock.server.service import Service, create_service
from crossdock.tasks.journal import TaskJournal


def create_app(
    settings: Settings, *, journal: TaskJournal | None = None, http: httpx.AsyncClient | None = None
) -> Service:
    public = card(url=settings.url, issuer=settings.issuer, version=settings.version)
    return create_service(settings, public, ContractPipeline(), agent="contract", journal=journal, http=http)
