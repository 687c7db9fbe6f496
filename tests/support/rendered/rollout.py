"""Which pods to make and which to delete next, as the controllers of Deployments and StatefulSets decide it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from tests.support.rendered.documents import Document
from tests.support.rendered.quantities import share


class Member(Protocol):
    """What a decision needs to know of a pod."""

    revision: str
    terminating: bool
    ready_since: float | None
    created: float


M = TypeVar("M", bound=Member)


@dataclass
class Step(Generic[M]):
    """`done`: nothing is left to do, and all are available. `again`: seconds after which to look without being told."""

    create: int = 0
    delete: list[M] = field(default_factory=list)
    done: bool = False
    again: float = math.inf


@dataclass(frozen=True)
class Strategy:
    """`surge` pods may be more than wanted, `unavailable` of the wanted may be missing."""

    replicas: int
    surge: int
    unavailable: int
    recreate: bool
    min_ready: float

    @classmethod
    def of(cls, deployment: Document, replicas: int) -> "Strategy":
        spec: dict[str, Any] = deployment["spec"]
        strategy = spec.get("strategy") or {}
        rolling = strategy.get("rollingUpdate") or {}
        surge = share(rolling.get("maxSurge", "25%"), replicas, up=True)
        unavailable = share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
        if not surge and not unavailable:
            unavailable = 1
        recreate = strategy.get("type") == "Recreate"
        return cls(replicas, surge, unavailable, recreate, float(spec.get("minReadySeconds", 0)))


def next_step(pods: Sequence[M], revision: str, strategy: Strategy, now: float) -> Step[M]:
    live = [pod for pod in pods if not pod.terminating]
    new = [pod for pod in live if pod.revision == revision]
    old = [pod for pod in live if pod.revision != revision]
    if strategy.recreate and old:
        return Step(delete=old)
    if strategy.recreate and len(pods) > len(live):
        return Step()
    available = [pod for pod in live if _available(pod, strategy, now)]
    step: Step[M] = Step(again=_next(live, strategy, now))
    if len(new) > strategy.replicas:
        step.delete = _first(new, len(new) - strategy.replicas, available)
    else:
        room = strategy.replicas + strategy.surge - len(live)
        step.create = max(0, min(strategy.replicas - len(new), room))
    removable = len(available) - (strategy.replicas - strategy.unavailable)
    broken = [pod for pod in old if pod not in available]
    step.delete += broken + _first([pod for pod in old if pod in available], max(0, removable), available)
    step.done = not (step.create or step.delete or old) and len(available) == strategy.replicas == len(live)
    return step


def next_ordinal(pods: Sequence[M], revision: str, strategy: Strategy, now: float) -> Step[M]:
    """Of a StatefulSet, by ordinal in `pods`: from the first up, replaced from the last down, one at a time."""
    live = [pod for pod in pods if not pod.terminating]
    available = [pod for pod in live if _available(pod, strategy, now)]
    step: Step[M] = Step(again=_next(live, strategy, now))
    if len(pods) > len(live) or len(available) < len(live):
        return step
    if len(live) > strategy.replicas:
        step.delete = [live[-1]]
    elif len(live) < strategy.replicas:
        step.create = 1
    elif old := [pod for pod in live if pod.revision != revision]:
        step.delete = [old[-1]]
    else:
        step.done = True
    return step


def _available(pod: Member, strategy: Strategy, now: float) -> bool:
    return pod.ready_since is not None and now - pod.ready_since >= strategy.min_ready


def _next(pods: Sequence[Member], strategy: Strategy, now: float) -> float:
    """Seconds until the next ready pod is available."""
    waits = [strategy.min_ready - (now - pod.ready_since) for pod in pods if pod.ready_since is not None]
    return min([wait for wait in waits if wait > 0], default=math.inf)


def _first(pods: Sequence[M], count: int, available: Sequence[M]) -> list[M]:
    """To be deleted first: those that are not available, then the youngest."""
    return sorted(pods, key=lambda pod: (pod in available, -pod.created))[:count]
