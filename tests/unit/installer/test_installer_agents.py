"""What the installer knows of the agents is what they say of themselves."""

from importlib import import_module

from a2a.types import AgentCard

from examples.stack import AGENTS as EVERY
from examples.stack import agent_skills
from installer.agents import AGENTS
from installer.customer import PORT
from orchestrator.settings import Settings as Orchestrator


def test_ids_ports_skills_and_card_names() -> None:
    assert tuple(agent.id for agent in AGENTS) == EVERY
    for agent in AGENTS:
        card: AgentCard = import_module(f"{agent.id}_agent.card").card(url="", issuer="", version="")
        settings = import_module(f"{agent.id}_agent.settings").Settings
        assert (agent.card, agent.skills) == (card.name, agent_skills(agent.id))
        assert agent.port == settings.model_fields["port"].default
    assert Orchestrator.model_fields["port"].default == PORT


def test_what_an_agent_keeps_in_its_database_says_whose_it_is() -> None:
    """By that column the installer deletes what a removed customer had."""
    for agent in AGENTS:
        if agent.database:
            tables = import_module(f"{agent.id}_agent.schema").metadata.tables
            assert tables
            assert all("customer" in table.columns for table in tables.values())
