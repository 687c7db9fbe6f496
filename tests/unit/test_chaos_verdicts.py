"""What the chaos run takes for wrong."""

import pytest

from tests.chaos.receiver import Receiver
from tests.chaos.report import Disturbances


@pytest.mark.parametrize(
    ("came", "missing", "disorder"),
    [
        ([(1, "a"), (2, "b"), (3, "c")], [], 0),
        ([(1, "a"), (2, "b"), (1, "a"), (2, "b"), (3, "c")], [], 0),
        ([(1, "a"), (3, "c"), (2, "b")], [], 1),
        ([(1, "a"), (2, "b")], [3], 0),
        ([(1, "a"), (2, "b"), (2, "x"), (3, "c")], [], 1),
        ([(1, "a"), (2, "a"), (3, "c")], [], 1),
    ],
)
def test_a_notification_may_come_again_but_not_out_of_turn(
    came: list[tuple[int, str]], missing: list[int], disorder: int
) -> None:
    receiver = Receiver()
    receiver.came["t"] += came
    assert receiver.missing("t", 3) == missing
    assert len(list(receiver.disorder("t"))) == disorder


def test_a_takeover_counts_from_the_last_disturbance() -> None:
    disturbances = Disturbances({7: 10.0, 8: 12.0}, [14.0, 30.0])
    assert disturbances.last(10.0, 11.0) == 10.0
    assert disturbances.last(10.0, 13.0) == 12.0
    assert disturbances.last(10.0, 20.0) == 14.0
