"""Rollouts keep what their strategy promises, whatever the pods do."""

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as some

from tests.support.rendered.rollout import Strategy, next_ordinal, next_step


@dataclass
class Fake:
    revision: str
    created: float
    ready_since: float | None = None
    terminating: bool = False


def rolled(strategy: Strategy, old: int, slow: list[bool]) -> list[int]:
    """Numbers of available pods on the way from `old` pods of the old revision to the new one."""
    pods = [Fake("old", number, ready_since=0) for number in range(old)]
    available: list[int] = []
    pauses = iter([*slow, *[False] * 200])
    for now in range(1, 200):
        step = next_step(pods, "new", strategy, now)
        if step.done:
            assert [pod.revision for pod in pods] == ["new"] * strategy.replicas
            return available
        for pod in step.delete:
            pod.terminating = True
        pods += [Fake("new", now) for _ in range(step.create)]
        live = [pod for pod in pods if not pod.terminating]
        assert len(live) <= max(strategy.replicas + strategy.surge, old)
        available.append(sum(pod.ready_since is not None for pod in live))
        for pod in live:
            if pod.ready_since is None and not next(pauses):
                pod.ready_since = now
        pods = live
    raise AssertionError("the rollout does not end")


@given(
    replicas=some.integers(1, 6),
    surge=some.integers(0, 3),
    unavailable=some.integers(0, 3),
    slow=some.lists(some.booleans(), max_size=20),
)
def test_no_more_pods_are_missing_than_allowed(replicas: int, surge: int, unavailable: int, slow: list[bool]) -> None:
    strategy = Strategy(replicas, surge, max(unavailable, 1 if not surge else 0), recreate=False, min_ready=0)
    assert min(rolled(strategy, replicas, slow), default=replicas) >= replicas - strategy.unavailable


def test_recreate_begins_when_all_are_gone() -> None:
    strategy = Strategy(2, 0, 1, recreate=True, min_ready=0)
    pods = [Fake("old", 0, 0), Fake("old", 1, 0)]
    assert next_step(pods, "new", strategy, 1).delete == pods
    for pod in pods:
        pod.terminating = True
    assert next_step(pods, "new", strategy, 1).create == 0
    assert next_step([], "new", strategy, 1).create == 2


def test_a_pod_counts_after_its_time_of_being_ready() -> None:
    strategy = Strategy(1, 1, 0, recreate=False, min_ready=5)
    pods = [Fake("old", 0, 0), Fake("new", 1, ready_since=10)]
    early = next_step(pods, "new", strategy, 12)
    assert (early.delete, early.again) == ([], 3)
    assert next_step(pods, "new", strategy, 15).delete == pods[:1]


def test_the_youngest_and_the_broken_go_first() -> None:
    strategy = Strategy(1, 0, 1, recreate=False, min_ready=0)
    oldest, broken, youngest = Fake("new", 0, 1), Fake("new", 1), Fake("new", 2, 1)
    assert next_step([oldest, broken, youngest], "new", strategy, 5).delete == [broken, youngest]


def test_strategies_as_they_are_written() -> None:
    written = {"spec": {"strategy": {"rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}}}}
    assert Strategy.of(written, 2) == Strategy(2, 1, 0, recreate=False, min_ready=0)
    assert (
        Strategy.of({"spec": {"strategy": {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}}}, 2).unavailable == 1
    )


def test_a_stateful_set_goes_by_ordinal() -> None:
    strategy = Strategy(3, 0, 1, recreate=False, min_ready=0)
    first, second = Fake("old", 0, 0), Fake("old", 1)
    assert next_ordinal([first, second], "new", strategy, 5).create == 0
    second.ready_since = 1
    assert next_ordinal([first, second], "new", strategy, 5).create == 1
    third = Fake("old", 2, 2)
    assert next_ordinal([first, second, third], "new", strategy, 5).delete == [third]
