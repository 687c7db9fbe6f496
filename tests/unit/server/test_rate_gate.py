"""The gate before every request, by a clock that the test holds."""

import pytest
from a2a.auth.user import User
from structlog.testing import capture_logs

from crossdock.server.call import Call
from crossdock.server.faults import RateLimitedError
from crossdock.server.rate_gate import RateGate
from crossdock.tasks.rates import MemoryRates, Rate, Rates
from crossdock.telemetry.metrics import Metrics


class Customer(User):
    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def user_name(self) -> str:
        return self._name


class Counted(Rates):
    """Counts the trips to the store."""

    def __init__(self, rates: Rates) -> None:
        self._rates = rates
        self.trips = 0

    async def take(self, owner: str, rate: Rate) -> float:
        self.trips += 1
        return await self._rates.take(owner, rate)


class Scene:
    """Two requests at once, thirty a minute."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.metrics = Metrics("puppet")
        self.store = Counted(MemoryRates(lambda: self.now))
        self.gate = self.replica()

    def replica(self) -> RateGate:
        return RateGate(self.store, Rate(per_minute=30, burst=2), self.metrics, clock=lambda: self.now)

    async def passed(self, *customers: str, gate: RateGate | None = None) -> list[bool]:
        return [await self._passed(customer, gate or self.gate) for customer in customers]

    async def _passed(self, customer: str, gate: RateGate) -> bool:
        try:
            await gate.enter(Customer(customer), Call())
        except RateLimitedError:
            return False
        return True

    def refused(self, customer: str) -> float | None:
        labels = {"agent": "puppet", "customer": customer}
        return self.metrics.registry.get_sample_value("crossdock_rate_limited_total", labels)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_burst_then_one_for_each_two_seconds(scene: Scene) -> None:
    assert await scene.passed(*["acme"] * 3) == [True, True, False]
    scene.now += 1.9
    assert await scene.passed("acme") == [False]
    scene.now += 0.1
    assert await scene.passed("acme", "acme") == [True, False]
    scene.now += 3600
    assert await scene.passed(*["acme"] * 3) == [True, True, False]


async def test_another_customer_is_not_refused(scene: Scene) -> None:
    assert await scene.passed("acme", "acme", "acme", "globex", "globex") == [True, True, False, True, True]
    assert (scene.refused("acme"), scene.refused("globex")) == (1, None)


async def test_two_gates_on_one_store_share_a_rate(scene: Scene) -> None:
    other = scene.replica()
    assert await scene.passed("acme") + await scene.passed("acme", "acme", gate=other) == [True, True, False]
    assert await scene.passed("acme") == [False]


async def test_what_is_refused_costs_the_store_nothing(scene: Scene) -> None:
    await scene.passed(*["acme"] * 1000)
    assert scene.store.trips == 3
    assert scene.refused("acme") == 998


async def test_the_caller_is_told_how_long_to_wait(scene: Scene) -> None:
    await scene.passed("acme", "acme")
    scene.now += 0.5
    call = Call()
    with pytest.raises(RateLimitedError, match=r"more than 30 requests a minute.*Wait 2 s") as caught:
        await scene.gate.enter(Customer("acme"), call)
    assert (call.status, call.headers) == (429, {"Retry-After": "2"})
    assert caught.value.data == {"retryAfterSeconds": "2"}


async def test_the_log_tells_it_once_in_half_a_minute(scene: Scene) -> None:
    with capture_logs() as logs:
        for _ in range(31):
            await scene.passed(*["acme"] * 10)
            scene.now += 1
    assert [(line["event"], line["customer"]) for line in logs] == [("customer_rate_limited", "acme")] * 2
