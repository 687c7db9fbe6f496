"""The composition root of the escalation agent."""

import httpx

from crossdock.server.service import Service, create_service
from crossdock.tasks.journal import TaskJournal
from escalation_agent.card import card
from escalation_agent.pipeline import EscalationPipeline
from escalation_agent.settings import Settings


def create_app(
    settings: Settings, *, journal: TaskJournal | None = None, http: httpx.AsyncClient | None = None
) -> Service:
    public = card(url=settings.url, issuer=settings.issuer, version=settings.version)
    return create_service(settings, public, EscalationPipeline(), agent="escalation", journal=journal, http=http)
