import pytest

from orchestrator.catalogue import Agent, Catalogue, Skill

INSPECTOR = Agent(
    "checker",
    "checker-agent",
    "1.2.0",
    "Finds what is wrong in tables.",
    (
        Skill(
            "find_errors",
            "Find errors in data",
            "Looks through tables for outliers and duplicates.",
            ("data quality",),
            (
                "Find the outliers in the attached list.",
                "Are there duplicates in this export?",
                "Check these readings for anything unusual.",
            ),
        ),
    ),
)
LAWYER = Agent(
    "lawyer",
    "lawyer-agent",
    "2.0.1",
    "Answers questions on contracts.",
    (
        Skill(
            "answer",
            "Answer a question on contracts",
            "Quotes the clause.",
            ("contract",),
            (
                "What does the agreement say about late delivery?",
                "Which penalty applies under the contract?",
                "How long is the notice period?",
            ),
        ),
    ),
)
SCRIBE = Agent(
    "scribe",
    "scribe-agent",
    "0.3.0",
    "Writes letters.",
    (
        Skill(
            "draft",
            "Draft a message",
            "Writes to suppliers, carriers and managers.",
            ("letter",),
            (
                "Write a complaint to the carrier.",
                "Tell the customer that the delivery is late.",
                "Escalate this to the depot manager.",
            ),
        ),
    ),
)


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return Catalogue((INSPECTOR, LAWYER, SCRIBE))
