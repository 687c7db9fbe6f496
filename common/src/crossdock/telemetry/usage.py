"""What language models cost, by customer."""

from collections.abc import Mapping

from crossdock.telemetry.metrics import Metrics

Prices = Mapping[str, tuple[float, float]]
"""US dollars per million prompt and completion tokens, by model."""


class UsageAccount:
    def __init__(self, metrics: Metrics, prices: Prices) -> None:
        self._metrics = metrics
        self._prices = prices

    def add(self, customer: str, model: str, prompt: int, completion: int) -> None:
        """Counts one call's tokens, and its cost where the model's price is known."""
        labels = (self._metrics.agent, customer, model)
        self._metrics.llm_tokens.labels(*labels, "prompt").inc(prompt)
        self._metrics.llm_tokens.labels(*labels, "completion").inc(completion)
        if model in self._prices:
            per_prompt, per_completion = self._prices[model]
            self._metrics.llm_cost.labels(*labels).inc((prompt * per_prompt + completion * per_completion) / 1e6)
