"""The composition root of the contract agent."""

import asyncio
from typing import TYPE_CHECKING

import httpx

from contract_agent.card import card
from contract_agent.database import DatabaseContractStore
from contract_agent.phrasing import Tokens
from contract_agent.pipeline import ContractPipeline
from contract_agent.settings import Settings
from crossdock.errors import ConfigError
from crossdock.server.service import Service, create_service
from crossdock.settings import read_secret
from crossdock.tasks.journal import TaskJournal
from crossdock.telemetry.metrics import Metrics
from crossdock.telemetry.usage import UsageAccount

if TYPE_CHECKING:
    from contract_agent.openai_phraser import OpenAIPhraser


def create_app(
    settings: Settings, *, journal: TaskJournal | None = None, http: httpx.AsyncClient | None = None
) -> Service:
    """Raises `ConfigError` for a database that does not do, and `TryLater` for one that does not answer."""
    public = card(url=settings.url, issuer=settings.issuer, version=settings.version)
    metrics = Metrics(public.name)
    account = UsageAccount(metrics, settings.llm_prices)
    store = _store(settings)

    def count(customer: str, tokens: Tokens) -> None:
        account.add(customer, settings.llm_model, tokens.prompt, tokens.completion)

    async def database() -> bool:
        await asyncio.to_thread(store.contracts, "readiness")
        return True

    phraser = _phraser(settings)

    async def close() -> None:
        await asyncio.to_thread(store.close)
        if phraser:
            await phraser.close()

    return create_service(
        settings,
        public,
        ContractPipeline(store, phraser=phraser, on_tokens=count),
        agent="contract",
        journal=journal,
        http=http,
        metrics=metrics,
        checks={"database": database},
        closing=[close],
    )


def _store(settings: Settings) -> DatabaseContractStore:
    password = read_secret(settings.database_password_file) if settings.database_password_file else None
    store = DatabaseContractStore(settings.database_url, password=password)
    if not store.shared and (settings.redis_nodes or settings.replicas > 1):
        raise ConfigError(
            "CROSSDOCK_DATABASE_URL: replicas that share their tasks must share their contracts, which SQLite cannot "
            "do. Set the URL of a PostgreSQL database, or run one replica without CROSSDOCK_REDIS_NODES."
        )
    store.create_tables()
    return store


def _phraser(settings: Settings) -> "OpenAIPhraser | None":
    if not settings.llm_model:
        return None
    from contract_agent.openai_phraser import OpenAIPhraser  # openai takes a second to import; most do without it

    return OpenAIPhraser(base_url=settings.llm_base_url, model=settings.llm_model, key_file=settings.llm_key_file)
