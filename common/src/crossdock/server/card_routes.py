"""The public Agent Card (sections 8.2 and 8.6), cacheable, at today's path and at that of older clients."""

import json
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import sha256

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crossdock.cards.building import CARD_PATHS

MAX_AGE = 300


def card_routes(card: AgentCard, *, changed: datetime | None = None) -> list[Route]:
    """Routes for `card` as it is now; `changed` is its Last-Modified, by default the start of this process."""
    body = json.dumps(agent_card_to_dict(card), ensure_ascii=False, separators=(",", ":")).encode()
    modified = (changed or datetime.now(UTC)).replace(microsecond=0)
    headers = {
        "ETag": f'"{sha256(body).hexdigest()[:32]}"',
        "Last-Modified": format_datetime(modified, usegmt=True),
        "Cache-Control": f"public, max-age={MAX_AGE}",
    }

    async def endpoint(request: Request) -> Response:
        if _fresh(request, headers["ETag"], modified):
            return Response(status_code=304, headers=headers)
        return Response(body, media_type="application/json", headers=headers)

    return [Route(path, endpoint, methods=["GET"]) for path in CARD_PATHS]


def _fresh(request: Request, etag: str, modified: datetime) -> bool:
    """Whether the client's copy is still good (RFC 9110, section 13.2.2): If-None-Match goes first."""
    tags = request.headers.get("if-none-match")
    if tags is not None:
        return any(tag.strip().removeprefix("W/") in {etag, "*"} for tag in tags.split(","))
    try:
        since = parsedate_to_datetime(request.headers.get("if-modified-since", ""))
    except ValueError:
        return False
    return since.tzinfo is not None and modified <= since
