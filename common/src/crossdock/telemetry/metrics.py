"""Prometheus metrics of one service; each service has its own registry."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 600)


class Metrics:
    """Labels: `agent` is a card's name, `customer` the owner, `state` A2A's in lower case."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        self.registry = CollectorRegistry()
        self._count_tasks()
        self._count_calls()
        self._count_tokens()

    def _count_tasks(self) -> None:
        self.tasks = self._counter("tasks", "Tasks that reached a state", "customer", "state")
        self.task_seconds = self._histogram("task_seconds", "From acceptance to the end", "customer", "state")
        outcomes = "Push notifications by outcome: delivered, failed (tried again), dead"
        self.push_deliveries = self._counter("push_deliveries", outcomes, "customer", "outcome")
        self.store_full = self._gauge("task_store_full", "1 while the task store has no room")
        self.running_tasks = self._gauge("running_tasks", "Tasks at work in this process")
        self.queued_tasks = self._gauge("queued_tasks", "Tasks that wait for a free worker, in all replicas together")

    def _count_calls(self) -> None:
        rested = "Calls to another agent, until the task there rests"
        self.hop_seconds = self._histogram("hop_seconds", rested, "callee", "customer", "outcome")
        self.agent_up = self._gauge("agent_up", "1 while the last call to the other agent came through", "callee")
        self.open_streams = self._gauge("open_streams", "Event streams being read", "customer")
        self.rate_limited = self._counter("rate_limited", "Requests beyond their customer's rate", "customer")
        self.rejections = self._counter("auth_rejections", "Requests refused at the door", "reason")

    def _count_tokens(self) -> None:
        self.llm_tokens = self._counter("llm_tokens", "Tokens of LLM calls", "customer", "model", "kind")
        self.llm_cost = self._counter("llm_cost_usd", "Cost of LLM calls, US dollars", "customer", "model")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"crossdock_{name}", text, ("agent", *labels), registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"crossdock_{name}", text, ("agent", *labels), registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        names = ("agent", *labels)
        return Histogram(f"crossdock_{name}", text, names, registry=self.registry, buckets=BUCKETS)

    def rejected(self, reason: str) -> None:
        self.rejections.labels(self.agent, reason).inc()
