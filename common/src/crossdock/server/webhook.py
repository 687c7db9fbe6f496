"""One notification to one webhook: its body, its headers, its signature, and the dialling."""

import time
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx
from a2a.types import (
    Artifact,
    Part,
    Task,
    TaskArtifactUpdateEvent,
    TaskPushNotificationConfig,
    TaskStatus,
    TaskStatusUpdateEvent,
)
from a2a.utils.constants import A2A_JSON_MEDIA_TYPE

from crossdock.auth.jws import SigningKey
from crossdock.errors import Rejected
from crossdock.extensions import DELIVERY_HEADER, EVENT_HEADER, PUSH, SIGNATURE_HEADER
from crossdock.parts import struct
from crossdock.server.dialling import AddressGuard, GuardedTransport
from crossdock.server.encoding import encode_choice
from crossdock.server.loop import off_loop
from crossdock.tasks.courier import NotTaken
from crossdock.tasks.events import Event
from crossdock.tasks.journal import Logged

TOKEN_HEADER = "X-A2A-Notification-Token"  # noqa: S105 - a name
SIGNATURE_TYPE = "crossdock-push+jws"
LEFT_OUT = "This is too large for a notification. Get the task to read it."


class Webhooks:
    """Sends as `issuer`, the service's URL; bodies of more than `max_body` bytes are shortened."""

    def __init__(self, issuer: str, key: SigningKey, guard: AddressGuard, *, max_body: int, seconds: float) -> None:
        self._issuer = issuer
        self._key = key
        self._max_body = max_body
        self._guard = guard
        self._http = httpx.AsyncClient(
            transport=GuardedTransport(guard),
            timeout=seconds,
            follow_redirects=False,
            trust_env=False,
        )

    async def post(self, config: TaskPushNotificationConfig, logged: Logged) -> None:
        """Raises `NotTaken`."""
        body, headers = await off_loop(logged.event.ByteSize(), self._letter, config, logged)
        try:
            url = self._guard.url(config.url)
            async with self._http.stream("POST", url, content=body, headers=headers) as response:
                status, after = response.status_code, response.headers.get("retry-after", "")
        except Rejected as error:
            raise NotTaken(str(error)) from None
        except httpx.HTTPError as error:  # its text may hold the URL, and that a secret
            raise NotTaken(f"not reached ({type(error).__name__})") from None
        if not httpx.codes.is_success(status):
            raise NotTaken(f"answered {status}", after=_seconds(after), gone=status == httpx.codes.GONE)

    def _letter(self, config: TaskPushNotificationConfig, logged: Logged) -> tuple[bytes, dict[str, str]]:
        body = _body(logged.event, self._max_body)
        delivery_id = _delivery_id(config, logged.number)
        claims = {"iss": self._issuer, "aud": config.url, "jti": delivery_id, "iat": int(time.time())}
        headers = {
            "Content-Type": A2A_JSON_MEDIA_TYPE,
            "A2A-Version": "1.0",
            "User-Agent": "crossdock",
            DELIVERY_HEADER: delivery_id,
            EVENT_HEADER: str(logged.number),
            SIGNATURE_HEADER: self._key.sign_detached(body, {"typ": SIGNATURE_TYPE, **claims}),
        }
        if config.token:
            headers[TOKEN_HEADER] = config.token
        if config.authentication.credentials:
            headers["Authorization"] = f"{config.authentication.scheme} {config.authentication.credentials}"
        return body, headers

    async def close(self) -> None:
        await self._http.aclose()


def _delivery_id(config: TaskPushNotificationConfig, number: int) -> str:
    """The same at each attempt, on each replica."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{config.task_id}/{number}/{config.id}"))


def _seconds(retry_after: str) -> float:
    """What a Retry-After header asks for (RFC 9110, section 10.2.3); 0 for one that cannot be read."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after[:9])
    try:
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _body(event: Event, limit: int) -> bytes:
    body = encode_choice(event)
    return body if len(body) <= limit else encode_choice(_shortened(event))


def _shortened(event: Event) -> Event:
    """The event without what may be of any size; its metadata says so."""
    metadata = struct({PUSH: {"shortened": True}})
    if isinstance(event, Task):
        return Task(id=event.id, context_id=event.context_id, status=_bare(event.status), metadata=metadata)
    if isinstance(event, TaskArtifactUpdateEvent):
        return TaskArtifactUpdateEvent(
            task_id=event.task_id,
            context_id=event.context_id,
            artifact=Artifact(artifact_id=event.artifact.artifact_id, parts=[Part(text=LEFT_OUT)]),
            append=event.append,
            last_chunk=event.last_chunk,
            metadata=metadata,
        )
    return TaskStatusUpdateEvent(
        task_id=event.task_id, context_id=event.context_id, status=_bare(event.status), metadata=metadata
    )


def _bare(status: TaskStatus) -> TaskStatus:
    return TaskStatus(state=status.state, timestamp=status.timestamp)
