"""The composition root of the anomaly agent."""

import httpx

from anomaly_agent.card import card
from anomaly_agent.pipeline import AnomalyPipeline
from anomaly_agent.settings import Settings
from crossdock.server.service import Service, create_service
from crossdock.tasks.journal import TaskJournal


def create_app(
    settings: Settings, *, journal: TaskJournal | None = None, http: httpx.AsyncClient | None = None
) -> Service:
    public = card(url=settings.url, issuer=settings.issuer, version=settings.version)
    return create_service(settings, public, AnomalyPipeline(), agent="anomaly", journal=journal, http=http)
