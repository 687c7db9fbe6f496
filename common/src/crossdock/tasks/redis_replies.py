"""What the scripts and Redis answer, as the journal's own types."""

from typing import Any

from crossdock.tasks.journal import (
    Accepted,
    Claim,
    KeyedTaskExpired,
    KeyReused,
    Lease,
    LeaseLost,
    QueueFull,
    StoreFull,
    TaskEnded,
    TaskNewer,
    TaskUnknown,
)
from crossdock.tasks.record import Record

CLAIM = 13
"""So many values make a claim; behind a new task's stands whether it is alone in its context."""


def number_of(stream_id: bytes) -> int:
    return int(stream_id.partition(b"-")[0])


def record_of(fields: list[bytes]) -> Record:
    named = dict(zip(fields[::2], fields[1::2], strict=True))
    return Record(named[b"k"], named[b"e"], named.get(b"m", b""), int(named[b"n"]))


def known(reply: Any, task_id: str) -> Any:
    """The reply, unless it says that there is nothing to do it to."""
    match reply[0]:
        case b"unknown":
            raise TaskUnknown(task_id)
        case b"ended":
            raise TaskEnded(task_id)
        case b"lost":
            raise LeaseLost(task_id)
        case b"newer":
            raise TaskNewer
    return reply


def accepted(reply: Any, task_id: str = "") -> Accepted:
    match known(reply, task_id)[0]:
        case b"full":
            raise QueueFull
        case b"large":
            raise StoreFull
        case b"reused":
            raise KeyReused
        case b"expired":
            raise KeyedTaskExpired
        case b"claim":
            claim = claim_of(reply)
            alone = reply[CLAIM:] == [b"1"]
            return Accepted(claim.lease.task_id, claim.number, claim.sequence, claim, alone=alone)
    status, found, turn, sequence = reply
    return Accepted(found.decode(), int(turn), int(sequence), again=status == b"again")


def claim_of(reply: Any) -> Claim:
    _, task_id, owner, fence, turn, number, sequence, begun, lost, canceled, over, left, resumed = reply[:CLAIM]
    return Claim(
        Lease(task_id.decode(), owner.decode(), int(fence)),
        turn,
        int(number),
        int(sequence),
        begun == b"1",
        int(lost),
        canceled == b"1",
        over == b"1",
        int(left) / 1000,
        resumed == b"1",
    )
