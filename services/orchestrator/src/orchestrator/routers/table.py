"""The ways of routing by name. A new one is a file beside this and a line in the table."""

from collections.abc import Callable, Mapping

import httpx

from crossdock.errors import ConfigError
from orchestrator.customer import Customer
from orchestrator.routers.hybrid import HybridRouter
from orchestrator.routers.named import NamedSkillRouter
from orchestrator.routers.ranking import RankingRouter
from orchestrator.routers.router import Router
from orchestrator.routers.rules import RulesRouter
from orchestrator.routers.workforce import RoutedExample

Http = httpx.AsyncClient | None
Stage = Callable[[Customer, Http], Router]


def _rules(customer: Customer, _: Http) -> Router:
    return RulesRouter(customer.routing.rules)


def _ranking(customer: Customer, _: Http) -> Router:
    return RankingRouter([RoutedExample(example.text, example.agents) for example in customer.routing.examples])


def _llm(customer: Customer, http: Http) -> Router:
    from orchestrator.routers.llm import LLMRouter  # openai takes a second to import; most customers do without

    return LLMRouter(customer.llm, _api_key(customer), http)


STAGES: Mapping[str, tuple[Stage, ...]] = {
    "rules": (_rules,),
    "ranking": (_ranking,),
    "llm": (_llm,),
    "hybrid": (_rules, _llm, _ranking),
}


def create_router(customer: Customer, http: Http = None) -> HybridRouter:
    """The customer's router; a language model that is not enabled is left out. Raises `ConfigError`."""
    stages = [stage for stage in STAGES[customer.routing.method] if stage is not _llm or customer.llm.enabled]
    return HybridRouter([NamedSkillRouter(), *(stage(customer, http) for stage in stages)], customer.limits)


def _api_key(customer: Customer) -> str:
    """Servers on one's own machine often want no key, but the client insists on one."""
    path = customer.llm.api_key_file
    if path is None:
        return "none"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"customer.llm.api_key_file: {path} cannot be read; mount the secret there") from error
