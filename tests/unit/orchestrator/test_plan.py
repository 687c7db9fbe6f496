from crossdock.pipeline import ArtifactChunk, DataPart
from orchestrator.plan import Plan


def chunk(data: int, *, append: bool = False, artifact_id: str = "a") -> ArtifactChunk:
    return ArtifactChunk(name="rows", artifact_id=artifact_id, parts=(DataPart(data),), append=append)


def test_a_replaced_artifact_feeds_the_next_step_once() -> None:
    plan = Plan(["one", "two"])
    for item in (chunk(1), chunk(2, append=True), chunk(3, artifact_id="b"), chunk(1), chunk(2, append=True)):
        plan.collect("one-agent", item)
    assert [item["data"] for item in plan.gathered] == [3, 1, 2]
    assert plan.passed == {"a": 2, "b": 1}


def test_a_step_begins_with_nothing_passed_on_but_the_data_before() -> None:
    plan = Plan(["one", "two"], task_id="t", turn=1)
    plan.collect("one-agent", chunk(1))
    plan.advance("done")
    assert (plan.task_id, plan.turn, plan.passed, len(plan.gathered)) == ("", 0, {}, 1)


def test_a_checkpoint_is_the_plan_also_a_newer_releases() -> None:
    plan = Plan(["one", "two"], task_id="t", turn=2)
    plan.collect("one-agent", chunk(1))
    saved = plan.as_checkpoint()
    assert Plan.from_checkpoint({**saved, "unheard-of": 1}) == plan
    plan.collect("one-agent", chunk(2, append=True))
    assert saved["passed"] == {"a": 1}
