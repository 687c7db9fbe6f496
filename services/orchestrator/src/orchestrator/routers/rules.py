"""Routing by the customer's own rules; the first that matches wins."""

import re
from collections.abc import Iterable

import structlog

from orchestrator.catalogue import Catalogue
from orchestrator.customer import Rule
from orchestrator.decision import Decision
from orchestrator.language.words import plain
from orchestrator.request import RoutingRequest
from orchestrator.routers.pattern import finds
from orchestrator.routers.router import Router

log = structlog.get_logger(__name__)


class RulesRouter(Router):
    """Rules in order of priority; among equals the order of the file counts."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(sorted(rules, key=lambda rule: -rule.priority))

    async def route(self, request: RoutingRequest, catalogue: Catalogue) -> Decision | None:
        """Rules that name an agent whose card is not at hand are passed over."""
        for rule in self._rules:
            if all(agent in catalogue for agent in rule.agents):
                found = evidence(rule, request)
                if found:
                    return _decision(rule, found, catalogue)
        return None


def _decision(rule: Rule, found: str, catalogue: Catalogue) -> Decision:
    return Decision(
        method="rules",
        plan=rule.agents,
        reason=f"Rule {rule.name!r} matched: {found}.",
        rule=rule.name,
        scores=dict.fromkeys(rule.agents, 1.0),
        candidates=tuple(dict.fromkeys(rule.agents)),
        cards=catalogue.versions,
    )


def evidence(rule: Rule, request: RoutingRequest) -> str:
    """What in the request fulfils every condition of the rule, in words; empty if one of them is not met."""
    text = request.whole_text
    found = []
    if rule.attachments:
        found.append(next((f"a {kind} is attached" for kind in rule.attachments if kind in request.attachments), ""))
    if rule.keywords:
        found.append(next((f"it holds {word!r}" for word in rule.keywords if holds(text, word)), ""))
    if rule.regex:
        found.append("its regular expression was found" if _finds(rule, text) else "")
    return " and ".join(found) if all(found) else ""


def holds(text: str, keyword: str) -> bool:
    """Whether the keyword stands in the text as whole words, whatever the case, accents and spacing."""
    pattern = r"\s+".join(map(re.escape, plain(keyword).split()))
    return re.search(rf"(?<!\w){pattern}(?!\w)", plain(text)) is not None


def _finds(rule: Rule, text: str) -> bool:
    try:
        return finds(rule.regex, text)
    except TimeoutError:
        log.warning("rule_passed_over", rule=rule.name, reason="its regular expression took too long")
        return False
