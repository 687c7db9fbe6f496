"""Prometheus metrics of one service; each service has its own registry."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)


@dataclass(frozen=True)
class Metrics:
    """Labels: `agent` is a card's name, `customer` the owner, `state` A2A's in lower case."""

    agent: str
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    tasks: Counter = field(init=False)
    task_seconds: Histogram = field(init=False)
    hop_seconds: Histogram = field(init=False)
    agent_up: Gauge = field(init=False)
    open_streams: Gauge = field(init=False)
    rejections: Counter = field(init=False)
    push_deliveries: Counter = field(init=False)
    llm_tokens: Counter = field(init=False)
    llm_cost: Counter = field(init=False)

    def __post_init__(self) -> None:
        def keep(name: str, metric: Counter | Gauge | Histogram) -> None:
            object.__setattr__(self, name, metric)

        registry = self.registry
        keep("tasks", Counter("crossdock_tasks", "Tasks that reached a state", _TASK, registry=registry))
        keep(
            "task_seconds",
            Histogram(
                "crossdock_task_seconds", "From acceptance to the end", _TASK, registry=registry, buckets=BUCKETS
            ),
        )
        keep(
            "hop_seconds",
            Histogram(
                "crossdock_hop_seconds",
                "Calls to another agent, until the task there rests",
                ("agent", "callee", "customer", "outcome"),
                registry=registry,
                buckets=BUCKETS,
            ),
        )
        keep(
            "agent_up",
            Gauge(
                "crossdock_agent_up",
                "1 while the last call to the other agent came through",
                ("agent", "callee"),
                registry=registry,
            ),
        )
        keep(
            "open_streams",
            Gauge("crossdock_open_streams", "Event streams being read", ("agent", "customer"), registry=registry),
        )
        keep(
            "rejections",
            Counter(
                "crossdock_auth_rejections", "Requests refused at the door", ("agent", "reason"), registry=registry
            ),
        )
        keep(
            "push_deliveries",
            Counter(
                "crossdock_push_deliveries",
                "Push notifications by outcome: delivered, failed (tried again), dead",
                ("agent", "customer", "outcome"),
                registry=registry,
            ),
        )
        keep(
            "llm_tokens",
            Counter(
                "crossdock_llm_tokens", "Tokens of LLM calls", ("agent", "customer", "model", "kind"), registry=registry
            ),
        )
        keep(
            "llm_cost",
            Counter(
                "crossdock_llm_cost_usd",
                "Cost of LLM calls, US dollars",
                ("agent", "customer", "model"),
                registry=registry,
            ),
        )

    def rejected(self, reason: str) -> None:
        self.rejections.labels(self.agent, reason).inc()


_TASK = ("agent", "customer", "state")
