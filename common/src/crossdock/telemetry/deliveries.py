"""Logs and counts push notifications."""

import httpx
import structlog

from crossdock.tasks.outbox import Delivery
from crossdock.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


class DeliveryTelemetry:
    """The `CourierObserver` of every service. Of a URL only the host is logged: the rest may be a secret."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def delivered(self, delivery: Delivery, number: int) -> None:
        self._count(delivery, "delivered")

    def failed(self, delivery: Delivery, reason: str, *, attempts: int, dead: bool) -> None:
        self._count(delivery, "dead" if dead else "failed")
        log.warning(
            "push_dead" if dead else "push_failed",
            task_id=delivery.task_id,
            config_id=delivery.config.id,
            agent=self._metrics.agent,
            customer=delivery.owner,
            host=httpx.URL(delivery.config.url).host,
            reason=reason,
            attempts=attempts,
        )

    def _count(self, delivery: Delivery, outcome: str) -> None:
        self._metrics.push_deliveries.labels(self._metrics.agent, delivery.owner, outcome).inc()
