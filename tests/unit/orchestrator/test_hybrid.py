from pathlib import Path
from typing import Any

import httpx
import pytest

from crossdock.errors import ConfigError
from orchestrator.catalogue import Catalogue
from orchestrator.customer import Customer
from orchestrator.decision import Decision
from orchestrator.request import RoutingRequest
from orchestrator.routers.hybrid import HybridRouter
from orchestrator.routers.table import STAGES, create_router
from tests.support.llm import Model, Reply, inside_the_data, llm_app, plan

RULE = {"name": "bell", "keywords": ["ring the bell"], "agents": ["scribe"]}


def customer(**blocks: Any) -> Customer:
    agents = [{"id": agent} for agent in ("checker", "lawyer", "scribe")]
    return Customer.model_validate({"name": "acme", "agents": agents, **blocks})


def with_model(model: Model, **blocks: Any) -> HybridRouter:
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=llm_app(model)))
    llm = {"enabled": True, "model": "small", "base_url": "http://llm.example/v1"}
    return create_router(customer(llm=llm, **blocks), http)


async def test_rules_come_first(catalogue: Catalogue) -> None:
    router = with_model(lambda body: plan("lawyer"), routing={"rules": [RULE]})
    decision = await router.route(RoutingRequest("Ring the bell!"), catalogue)
    assert (decision.method, decision.plan, decision.rule) == ("rules", ("scribe",), "bell")


async def test_the_language_model_comes_second(catalogue: Catalogue) -> None:
    router = with_model(lambda body: plan("lawyer"), routing={"rules": [RULE]})
    decision = await router.route(RoutingRequest("Check the file"), catalogue)
    assert (decision.method, decision.plan) == ("llm", ("lawyer",))


@pytest.mark.parametrize(
    ("reply", "because"),
    [
        (Reply("down", status=400), "could not be asked"),
        (Reply("no json"), "not the JSON"),
        (plan("admin"), "not in the registry"),
    ],
)
async def test_ranking_decides_when_the_model_fails_and_says_so(
    catalogue: Catalogue, reply: Reply, because: str
) -> None:
    decision = await with_model(lambda body: reply).route(
        RoutingRequest("Find the outliers in this file", ("table",)), catalogue
    )
    assert (decision.method, decision.plan) == ("ranking", ("checker",))
    assert because in decision.reason


async def test_without_a_model_ranking_decides(catalogue: Catalogue) -> None:
    decision = await create_router(customer()).route(RoutingRequest("How long is the notice period?"), catalogue)
    assert (decision.method, decision.plan) == ("ranking", ("lawyer",))


async def test_rules_alone_ask_back_when_none_matches(catalogue: Catalogue) -> None:
    router = create_router(customer(routing={"method": "rules", "rules": [RULE]}))
    decision = await router.route(RoutingRequest("Check the file"), catalogue)
    assert (decision.method, decision.plan) == ("ask", ())
    assert decision.question


async def test_a_failing_model_alone_asks_back_and_says_why(catalogue: Catalogue) -> None:
    router = with_model(lambda body: Reply("no json"), routing={"method": "llm"})
    decision = await router.route(RoutingRequest("Check the file"), catalogue)
    assert decision.method == "ask"
    assert "not the JSON" in decision.reason


async def test_a_plan_beyond_the_customers_limit_is_asked_back(catalogue: Catalogue) -> None:
    router = with_model(lambda body: plan("checker", "lawyer", "scribe"), limits={"steps": 2})
    decision = await router.route(RoutingRequest("Do all of it"), catalogue)
    assert decision.plan == ()
    assert "3 steps" in decision.question


async def test_text_beyond_the_customers_limit_is_not_read(catalogue: Catalogue) -> None:
    def model(body: dict[str, Any]) -> Reply:
        return plan("checker", reason=str(len(inside_the_data(body)["request"])))

    router = with_model(model, limits={"request_characters": 100})
    request = RoutingRequest("x" * 90, earlier=("y" * 1_000_000,))
    assert (await router.route(request, catalogue)).reason == "101"


@pytest.mark.parametrize("method", [method for method in STAGES if method != "llm"])
async def test_every_way_of_routing_decides(catalogue: Catalogue, method: str) -> None:
    router = create_router(customer(routing={"method": method}))
    assert isinstance(await router.route(RoutingRequest("Check the file"), catalogue), Decision)


def test_a_key_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    llm = {"enabled": True, "model": "small", "api_key_file": str(tmp_path / "key")}
    with pytest.raises(ConfigError, match="api_key_file"):
        create_router(customer(llm=llm))


async def test_the_key_comes_from_its_file(catalogue: Catalogue, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("from-file\n", encoding="utf-8")
    app = llm_app(lambda body: plan("checker"))
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=app))
    llm = {"enabled": True, "model": "small", "base_url": "http://llm.example/v1", "api_key_file": str(key)}
    await create_router(customer(llm=llm), http).route(RoutingRequest("Check the file"), catalogue)
    assert app.state.requests[0]["authorization"] == "Bearer from-file"
