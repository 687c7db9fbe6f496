"""How often one customer may ask a service, over all its bindings and replicas together."""

import math
import time
from collections.abc import Callable

import structlog
from a2a.auth.user import User

from crossdock.errors import RateLimited
from crossdock.server.call import Call
from crossdock.server.faults import refusal
from crossdock.tasks.rates import Rate, Rates
from crossdock.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)
EVERY = 30.0


class RateGate:
    """A request that passes costs one round trip to the store. One that is refused costs none: until the moment that
    the store has named, this process refuses by itself.
    """

    def __init__(
        self, rates: Rates, rate: Rate, metrics: Metrics, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rates = rates
        self._rate = rate
        self._metrics = metrics
        self._clock = clock
        self._closed: dict[str, float] = {}
        self._told: dict[str, float] = {}

    async def enter(self, user: User, call: Call) -> None:
        """Counts one request. Raises `RateLimitedError`, of which `call` gets status and header."""
        customer = user.user_name
        wait = self._closed.get(customer, 0.0) - self._clock()
        if wait <= 0:
            wait = await self._rates.take(customer, self._rate)
            if not wait:
                return
            self._closed[customer] = self._clock() + wait
        self._count(customer)
        raise refusal(self._limited(wait), call)

    def _limited(self, wait: float) -> RateLimited:
        seconds = math.ceil(wait)
        return RateLimited(
            f"These are more than {self._rate.per_minute} requests a minute, of all tokens of this customer together. "
            f"Wait {seconds} s, then send them more slowly.",
            seconds,
        )

    def _count(self, customer: str) -> None:
        self._metrics.rate_limited.labels(self._metrics.agent, customer).inc()
        now = self._clock()
        if now - self._told.get(customer, -EVERY) >= EVERY:
            self._told[customer] = now
            log.warning("customer_rate_limited", customer=customer, per_minute=self._rate.per_minute)
