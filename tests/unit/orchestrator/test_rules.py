import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.catalogue import Catalogue
from orchestrator.customer import Rule
from orchestrator.request import RoutingRequest
from orchestrator.routers.pattern import check_pattern, finds
from orchestrator.routers.rules import RulesRouter, holds


def rule(name: str = "a", *agents: str, **conditions: object) -> Rule:
    return Rule.model_validate({"name": name, "agents": agents or ("checker",), **conditions})


async def test_the_highest_priority_wins_whatever_the_order(catalogue: Catalogue) -> None:
    low = rule("low", "checker", priority=1, keywords=["pallet"])
    high = rule("high", "scribe", "checker", priority=2, keywords=["pallet"])
    for rules in ([low, high], [high, low]):
        decision = await RulesRouter(rules).route(RoutingRequest("A pallet is missing"), catalogue)
        assert decision is not None
        assert (decision.rule, decision.plan, decision.method) == ("high", ("scribe", "checker"), "rules")
        assert "'pallet'" in decision.reason


async def test_among_equals_the_first_in_the_file_wins(catalogue: Catalogue) -> None:
    rules = [rule("one", keywords=["pallet"]), rule("two", keywords=["pallet"])]
    decision = await RulesRouter(rules).route(RoutingRequest("pallet"), catalogue)
    assert decision is not None
    assert decision.rule == "one"


async def test_no_match_leaves_the_decision_to_the_next(catalogue: Catalogue) -> None:
    assert await RulesRouter([rule(keywords=["pallet"])]).route(RoutingRequest("crate"), catalogue) is None


async def test_every_kind_of_condition_must_be_met(catalogue: Catalogue) -> None:
    router = RulesRouter([rule(keywords=["stock"], regex=r"\bW-\d+", attachments=["table"])])
    assert await router.route(RoutingRequest("stock of w-12", ("table",)), catalogue) is not None
    assert await router.route(RoutingRequest("stock of w-12", ("document",)), catalogue) is None
    assert await router.route(RoutingRequest("stock", ("table",)), catalogue) is None
    assert await router.route(RoutingRequest("w-12", ("table",)), catalogue) is None


async def test_a_rule_for_an_agent_that_is_not_there_is_passed_over(catalogue: Catalogue) -> None:
    router = RulesRouter([rule("gone", "nobody", keywords=["pallet"]), rule("here", keywords=["pallet"])])
    decision = await router.route(RoutingRequest("pallet"), catalogue)
    assert decision is not None
    assert decision.rule == "here"


@pytest.mark.parametrize(
    ("text", "keyword", "found"),
    [
        ("The PALLET is late", "pallet", True),
        ("pallets", "pallet", False),
        ("Überprüfung nötig", "uberprufung", True),
        ("uberprufung", "Überprüfung", True),
        ("monthly\n  carrier review", "monthly carrier review", True),
        ("a c++ matter", "c++", True),
    ],
)
def test_keywords_are_whole_words_whatever_case_accents_and_spacing(text: str, keyword: str, found: bool) -> None:
    assert holds(text, keyword) is found


async def test_a_pattern_without_end_is_passed_over(catalogue: Catalogue) -> None:
    router = RulesRouter([rule("endless", regex=r"(a|aa|a?)+$b"), rule("next", keywords=["end"])])
    decision = await router.route(RoutingRequest("a" * 5_000 + "! end"), catalogue)
    assert decision is not None
    assert decision.rule == "next"


def test_a_pattern_is_bounded_in_time() -> None:
    with pytest.raises(TimeoutError):
        finds(r"^(a|aa)+$", "a" * 200 + "b")


def test_a_broken_pattern_says_where() -> None:
    with pytest.raises(ValueError, match="at character"):
        check_pattern("abc(")


@given(st.text(min_size=1), st.text())
def test_any_keyword_and_text_can_be_compared(keyword: str, text: str) -> None:
    holds(text, keyword)
