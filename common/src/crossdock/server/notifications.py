"""What a service needs to send push notifications, wired from its settings."""

from dataclasses import dataclass
from typing import Self

from a2a.types import AgentCard

from crossdock.auth.service_keys import JWKS_PATH, ServiceKeys
from crossdock.extensions import DELIVERY_HEADER, EVENT_HEADER, PUSH, SIGNATURE_HEADER, declare
from crossdock.server.dialling import AddressGuard
from crossdock.server.push import PushConfigs
from crossdock.server.webhook import Webhooks
from crossdock.settings import ServiceSettings
from crossdock.tasks.courier import Courier, CourierPolicy
from crossdock.tasks.journal import TaskJournal
from crossdock.telemetry.deliveries import DeliveryTelemetry
from crossdock.telemetry.metrics import Metrics


@dataclass(frozen=True)
class Notifications:
    configs: PushConfigs
    courier: Courier
    webhooks: Webhooks

    @classmethod
    def of(
        cls, settings: ServiceSettings, card: AgentCard, journal: TaskJournal, metrics: Metrics, keys: ServiceKeys
    ) -> Self:
        """Says so in the card."""
        guard = AddressGuard("webhook", allow_private=settings.push_private_urls, allow_http=settings.push_plain_http)
        seconds = settings.push_timeout_seconds
        webhooks = Webhooks(settings.url, keys.signing, guard, max_body=settings.push_max_body, seconds=seconds)
        policy = CourierPolicy(attempts=settings.push_attempts, first_wait=settings.push_retry_seconds, seconds=seconds)
        card.capabilities.push_notifications = True
        headers = {"delivery": DELIVERY_HEADER, "event": EVENT_HEADER, "signature": SIGNATURE_HEADER}
        declare(card, PUSH, {"jwks": settings.url + JWKS_PATH, "headers": headers})
        courier = Courier(journal, webhooks.post, DeliveryTelemetry(metrics), policy)
        return cls(PushConfigs(journal.outbox, guard), courier, webhooks)

    async def run(self) -> None:
        """Delivers until it is cancelled."""
        await self.courier.run()

    async def close(self) -> None:
        await self.webhooks.close()
