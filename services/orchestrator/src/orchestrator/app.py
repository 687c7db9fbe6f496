"""The composition root of a customer's orchestrator."""

import functools
from collections.abc import Callable

import httpx

from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.cards.caching import CardCache
from crossdock.cards.trust import SignedCards
from crossdock.client.agent import AgentClient
from crossdock.client.calls import ClientPolicy
from crossdock.client.pool import pooled_client
from crossdock.errors import ConfigError
from crossdock.server.service import Service, create_service
from crossdock.settings import read_secret
from crossdock.tasks.journal import TaskJournal
from crossdock.telemetry.metrics import Metrics
from crossdock.telemetry.usage import UsageAccount
from orchestrator.agents import AgentDirectory
from orchestrator.card import card
from orchestrator.customer import Customer, load
from orchestrator.decision import Decision
from orchestrator.pipeline import OrchestratorPipeline
from orchestrator.preparation import Preparation
from orchestrator.routers.table import create_router
from orchestrator.settings import Settings


def create_app(
    settings: Settings, *, journal: TaskJournal | None = None, http: httpx.AsyncClient | None = None
) -> Service:
    """Raises `ConfigError` for a customer file that does not fit, or that names an agent without a URL."""
    customer = load(settings.customer_file)
    own_http = None if http else pooled_client(sidecar=settings.dapr_http_port, through=settings.agents.values())
    pool = http or own_http or pooled_client()
    public = card(customer=customer.name, url=settings.url, issuer=settings.issuer, version=settings.version)
    metrics = Metrics(public.name)
    tokens = _tokens(settings, customer, pool)
    skills = {agent.id: agent.skills for agent in customer.agents}
    agents = AgentDirectory(_clients(settings, customer, pool, tokens, metrics), skills)
    router = create_router(customer)
    preparation = Preparation(agents, router)

    account = UsageAccount(metrics, settings.llm_prices)

    def count(decision: Decision) -> None:
        if usage := decision.usage:
            account.add(customer.name, usage.model, usage.prompt_tokens, usage.completion_tokens)

    return create_service(
        settings,
        public,
        OrchestratorPipeline(customer, router, agents, count),
        agent="orchestrator",
        journal=journal,
        http=pool,
        metrics=metrics,
        customer=customer.name,
        checks={"routing": preparation.done},
        degraded=agents.away,
        passed_on=agents.roles,
        background=[preparation.run],
        closing=[router.close, tokens.close, *([own_http.aclose] if own_http else [])],
    )


def _tokens(settings: Settings, customer: Customer, http: httpx.AsyncClient) -> TokenSource:
    client_id = settings.client_id or f"{customer.name}-orchestrator"
    return TokenSource(
        http,
        settings.issuer,
        client_id,
        lambda: read_secret(settings.client_secret_file),
        discovery_url=settings.issuer_discovery_url,
    )


def _clients(
    settings: Settings, customer: Customer, http: httpx.AsyncClient, tokens: TokenSource, metrics: Metrics
) -> dict[str, AgentClient]:
    if homeless := customer.homeless(settings.agents):
        raise ConfigError(f"CROSSDOCK_AGENTS: add the URLs of {', '.join(homeless)}, which {customer.name} uses.")
    urls = {agent: settings.agents[agent] for agent in customer.agent_ids}
    http.auth = BearerAuth(tokens, origins=urls.values())
    cards = CardCache(http, SignedCards.of(http, settings.card_keys_file) if settings.require_signed_cards else None)
    policy = ClientPolicy(seconds=settings.task_seconds)

    def observer(agent: str) -> Callable[[str, float], None]:
        def observe(outcome: str, seconds: float) -> None:
            metrics.hop_seconds.labels(metrics.agent, agent, customer.name, outcome).observe(seconds)

        return observe

    clients = {
        agent: AgentClient(url, http, cards, name=f"{agent}-agent", policy=policy, observe=observer(agent))
        for agent, url in urls.items()
    }
    for agent, client in clients.items():
        metrics.agent_up.labels(metrics.agent, agent).set_function(functools.partial(getattr, client, "up"))
    return clients
