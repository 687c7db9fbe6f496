from a2a.types import AgentCard, AgentSkill

from orchestrator.catalogue import Catalogue, catalogue_of


def card() -> AgentCard:
    skills = [
        AgentSkill(id="one", name="One", description="first", tags=["a", "b"], examples=["do one"]),
        AgentSkill(id="two", name="Two", description="second", tags=["c"], examples=["do two"]),
    ]
    return AgentCard(name="some-agent", version="1.4.0", description="does things", skills=skills)


def test_a_card_becomes_an_agent() -> None:
    agent = catalogue_of({"some": card()}).agents[0]
    assert (agent.id, agent.card_name, agent.version, agent.description) == (
        "some",
        "some-agent",
        "1.4.0",
        "does things",
    )
    assert agent.tags == {"a", "b", "c"}
    assert agent.examples == ("do one", "do two")


def test_only_allowed_skills_are_there() -> None:
    assert catalogue_of({"some": card()}, {"some": ["two"]}).agents[0].examples == ("do two",)


def test_a_catalogue_knows_ids_and_versions_and_can_be_compared() -> None:
    catalogue = catalogue_of({"some": card()})
    assert "some" in catalogue
    assert "other" not in catalogue
    assert catalogue.versions == {"some": "1.4.0"}
    assert catalogue == catalogue_of({"some": card()})
    assert catalogue != Catalogue()
