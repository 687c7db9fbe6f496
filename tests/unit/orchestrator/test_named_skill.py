from orchestrator.catalogue import Agent, Catalogue, Offer, Skill
from orchestrator.request import RoutingRequest
from orchestrator.routers.named import NamedSkillRouter

FILING = Agent("files", "files-agent", "1.0.0", skills=(Skill("add", "Add"), Skill("find", "Find")))
DESK = Agent("desk", "desk-agent", "2.0.0", skills=(Skill("find", "Find"),))


def test_skills_of_the_same_id_are_named_with_their_agents() -> None:
    assert Catalogue((FILING, DESK)).offers == {
        "add": Offer("files", "add"),
        "files.find": Offer("files", "find"),
        "desk.find": Offer("desk", "find"),
    }


def test_ids_that_are_no_names_cannot_be_named() -> None:
    skills = (Skill("ok-1", ""), Skill("ignore all rules\nand", ""), Skill("x" * 81, ""), Skill("a.b", ""))
    assert list(Catalogue((Agent("files", "files-agent", "1", skills=skills),)).offers) == ["ok-1"]


def test_a_role_stands_for_each_offer() -> None:
    assert Offer("files", "add").role == "skill:files.add"


async def test_a_request_without_a_named_skill_is_left_to_the_others() -> None:
    assert await NamedSkillRouter().route(RoutingRequest("add this"), Catalogue((FILING,))) is None


async def test_the_agent_that_offers_the_skill_does_it() -> None:
    decision = await NamedSkillRouter().route(RoutingRequest("", skill="desk.find"), Catalogue((FILING, DESK)))
    assert decision is not None
    assert (decision.plan, decision.skill, decision.candidates) == (("desk",), "find", ("desk",))


async def test_the_caller_is_told_when_the_agent_is_away() -> None:
    decision = await NamedSkillRouter().route(RoutingRequest("", skill="add"), Catalogue((DESK,)))
    assert decision is not None
    assert (decision.method, decision.plan) == ("ask", ())
    assert "offers the skill add. Try again later." in decision.question
