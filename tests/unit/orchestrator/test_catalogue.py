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


def test_what_a_card_says_of_its_version_is_cleaned() -> None:
    odd = card()
    odd.version = "1.0\n" + "x" * 5_000
    assert catalogue_of({"some": odd}).versions["some"].startswith("1.0 xxx")
    assert len(catalogue_of({"some": odd}).versions["some"]) == 40


def test_the_modes_of_a_skill_count_before_those_of_the_card() -> None:
    modest = card()
    modest.default_input_modes.extend(["text/plain"])
    modest.skills[0].input_modes.extend(["text/*", "application/json"])
    agent = catalogue_of({"some": modest}).agents[0]
    assert agent.input_modes == ("text/*", "application/json", "text/plain")
    assert agent.reads("text/csv")
    assert agent.reads("application/octet-stream")
    assert not agent.reads("application/pdf")
    assert not catalogue_of({"some": modest}, {"some": ["two"]}).agents[0].reads("text/csv")


def test_only_allowed_skills_are_there() -> None:
    assert catalogue_of({"some": card()}, {"some": ["two"]}).agents[0].examples == ("do two",)


def test_a_catalogue_knows_ids_and_versions_and_can_be_compared() -> None:
    catalogue = catalogue_of({"some": card()})
    assert "some" in catalogue
    assert "other" not in catalogue
    assert catalogue.versions == {"some": "1.4.0"}
    assert catalogue == catalogue_of({"some": card()})
    assert catalogue != Catalogue()
