"""Crossdock's A2A extensions (section 4.6): their URIs, and how cards declare them. None is required."""

from collections.abc import Mapping
from typing import Any

from a2a.types import AgentCard, AgentExtension

from crossdock.parts import struct

SKILL = "urn:crossdock:skill:v1"
ROUTING = "urn:crossdock:routing:v1"
STYLE = "urn:crossdock:style:v1"
PROGRESS = "urn:crossdock:progress:v1"
LIMITS = "urn:crossdock:limits:v1"
IDEMPOTENCY = "urn:crossdock:idempotency-key:v1"
EVENT_NUMBER = "urn:crossdock:event-number:v1"
RESUMABLE = "urn:crossdock:resumable:v1"
PUSH = "urn:crossdock:push:v1"

DESCRIPTIONS = {
    SKILL: "In a message's metadata: the id of the skill to use. In a task's metadata: the one used, and why.",
    ROUTING: "In a task's metadata: how the request was routed to agents, and why.",
    STYLE: "In a message's metadata: the language, tone and signature in which letters are written.",
    PROGRESS: "In a status event's metadata: how much of the work is done, from 0 to 1.",
    RESUMABLE: "By skill: whether a task goes on when its replica is lost: never, restart or checkpoint.",
    IDEMPOTENCY: "A header (gRPC: metadata) of a message that is sent: of all that carry the same key one is worked, "
    "and all get its task. Another message with that key is refused.",
    PUSH: "How push notifications are signed, and by whose keys. In an event's metadata: whether it was shortened.",
    EVENT_NUMBER: "Activated over gRPC: each event of a stream holds its number in its metadata, as the id of the "
    "server-sent events does; `last-event-id` takes the stream up again there.",
    LIMITS: "The service's limits: sizes in bytes, times in seconds.",
}

KEY_HEADER = "idempotency-key"
HOPS_HEADER = "crossdock-hops"
"""How many agents a request has passed through."""
TIMEOUT_HEADER = "crossdock-timeout"
"""Seconds that the caller will wait: a duration, so that clocks need not agree."""

DELIVERY_HEADER = "crossdock-delivery"
"""A push notification's id, the same at each attempt."""
EVENT_HEADER = "crossdock-event"
"""The number of a push notification's event in its task."""
SIGNATURE_HEADER = "crossdock-signature"
"""A detached JWS over a push notification's body."""


def declare(card: AgentCard, uri: str, params: Mapping[str, Any] | None = None) -> None:
    extension = AgentExtension(uri=uri, description=DESCRIPTIONS[uri], required=False)
    if params:
        extension.params.CopyFrom(struct(params))
    card.capabilities.extensions.append(extension)
