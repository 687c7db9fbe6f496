"""A caller of the last release finds what it was promised, or a new major version."""

from typing import Any

import pytest
from a2a.types import AgentCard, AgentSkill

from tests.cards.comparison import losses
from tests.cards.releases import current, released

CARDS = current()


@pytest.mark.parametrize("name", CARDS)
def test_no_card_lost_anything_since_the_last_release(name: str) -> None:
    lost = losses(released(name), CARDS[name])
    assert not lost, f"raise the major version of {name}, or bring back: {', '.join(lost)}"


def card(version: str = "1.2.0", **changes: Any) -> AgentCard:
    """A card with two skills, one of which has modes of its own."""
    modes = {"inputs": ["text/plain", "text/csv"], "outputs": ["application/json", "image/png"]}
    own = {"skill_inputs": ["text/csv"], "skill_outputs": ["image/png"], "skills": ["find", "draw"]}
    fields: dict[str, list[str]] = {**modes, **own, **changes}
    built = AgentCard(version=version, default_input_modes=fields["inputs"], default_output_modes=fields["outputs"])
    for skill_id in fields["skills"]:
        skill = AgentSkill(id=skill_id)
        if skill_id == "draw":
            skill.input_modes.extend(fields["skill_inputs"])
            skill.output_modes.extend(fields["skill_outputs"])
        built.skills.append(skill)
    return built


@pytest.mark.parametrize(
    ("changes", "lost"),
    [
        ({"skills": ["draw"]}, ["the skill find"]),
        ({"skills": []}, ["the skill find", "the skill draw"]),
        ({"inputs": ["text/plain"]}, ["the input mode text/csv", "the input mode text/csv of the skill find"]),
        (
            {"outputs": ["image/png"]},
            ["the output mode application/json", "the output mode application/json of the skill find"],
        ),
        ({"skill_inputs": ["text/plain"]}, ["the input mode text/csv of the skill draw"]),
        ({"skill_outputs": ["image/jpeg"]}, ["the output mode image/png of the skill draw"]),
    ],
)
def test_what_is_gone_is_named(changes: dict[str, Any], lost: list[str]) -> None:
    assert losses(card(), card(**changes)) == lost
    assert losses(card(), card("1.3.0", **changes)) == lost
    assert losses(card(), card("2.0.0", **changes)) == []


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"skills": ["draw", "find", "another"]},
        {"inputs": ["text/*"]},
        {"outputs": ["application/json", "image/png", "text/plain"]},
        {"skill_inputs": []},
        {"skill_outputs": ["image/*"]},
    ],
)
def test_more_than_before_is_no_loss(changes: dict[str, Any]) -> None:
    assert losses(card(), card(**changes)) == []


def test_an_older_version_is_compared_too() -> None:
    assert losses(card("1.2.0"), card("0.9.0", skills=["draw"])) == ["the skill find"]
