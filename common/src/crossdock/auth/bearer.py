"""The check of a request's bearer token, alike on every binding, and what is said where it does not hold."""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from crossdock.auth.caller import Caller
from crossdock.auth.refusals import Refusal, TokenRefused
from crossdock.auth.verifier import TokenVerifier
from crossdock.errors import Forbidden, TryLater

log = structlog.get_logger(__name__)

BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9\-._~+/]+=*)", re.ASCII)
NOT_QUOTABLE = re.compile(r'[^\x20-\x7e]|["\\]')


@dataclass(frozen=True, slots=True)
class Answer:
    """A refusal for the wire: `name` is that of a google.rpc.Code, `status` its HTTP status."""

    status: int
    name: str
    text: str
    headers: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        """In the form of google.rpc.Status, as A2A's HTTP binding has it (section 11.6)."""
        return {"error": {"code": self.status, "status": self.name, "message": self.text}}


class BearerCheck:
    """`on_rejection` is told the reason of each refusal, from a small closed set."""

    def __init__(self, verifier: TokenVerifier, on_rejection: Callable[[str], None] | None = None) -> None:
        self._verifier = verifier
        self._on_rejection = on_rejection

    async def caller(self, values: Sequence[str]) -> Caller:
        """Who sends these values of `authorization`. Raises `Refusal` or, without an issuer's answer, `TryLater`."""
        if not values or (len(values) == 1 and values[0][:6].lower() != "bearer"):
            raise TokenRefused("missing", f"Authentication is needed. {self._how_to}")
        match = BEARER.fullmatch(values[0].strip(" \t"))
        if len(values) > 1 or match is None:
            raise TokenRefused(
                "malformed", f"Exactly one header 'Authorization: Bearer TOKEN' is needed. {self._how_to}"
            )
        return Caller(await self._verifier.verify(match[1]))

    @property
    def _how_to(self) -> str:
        return (
            f"Get an access token for {self._verifier.audience} from {self._verifier.issuer} "
            "(OAuth 2.0 client credentials) and send it as 'Authorization: Bearer TOKEN'."
        )

    def answer(self, refusal: Refusal | TryLater, method: str, path: str) -> Answer:
        """What the caller is told; counted and logged."""
        reason, client_id = _reason(refusal)
        if self._on_rejection is not None:
            self._on_rejection(reason)
        log.warning("request_refused", reason=reason, method=method, path=path[:200], client_id=client_id)
        if isinstance(refusal, TryLater):
            return Answer(503, "UNAVAILABLE", str(refusal), {"Retry-After": str(math.ceil(refusal.retry_after))})
        if isinstance(refusal, Forbidden):
            return Answer(403, "PERMISSION_DENIED", str(refusal), self._challenge("insufficient_scope", refusal))
        error = "" if reason == "missing" else "invalid_token"
        return Answer(401, "UNAUTHENTICATED", self._text(refusal), self._challenge(error, refusal))

    def _text(self, refusal: Refusal) -> str:
        text = str(refusal)
        return text if self._how_to in text else f"{text} {self._how_to}"

    def _challenge(self, error: str, refusal: Refusal) -> dict[str, str]:
        """RFC 6750, section 3: a request without a token is told no error."""
        challenge = f'Bearer realm="{_quotable(self._verifier.audience)}"'
        if error:
            challenge += f', error="{error}", error_description="{_quotable(str(refusal))}"'
        return {"WWW-Authenticate": challenge}


def _reason(refusal: Refusal | TryLater) -> tuple[str, str]:
    """For the metrics and the log, with the client's id if that is known."""
    if isinstance(refusal, Refusal):
        return refusal.reason, refusal.client_id
    return "issuer_unavailable", ""


def _quotable(text: str) -> str:
    return NOT_QUOTABLE.sub("'", text)
