"""The answer to nginx' `auth_request`: 204 and the customer, or what to tell the caller."""

import json
from collections.abc import Sequence
from urllib.parse import quote

from starlette.datastructures import Headers
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from crossdock.auth.bearer import Answer
from crossdock.auth.refusals import Refusal
from crossdock.errors import TryLater
from crossdock.telemetry.tracing import ServerSpan
from edge.cards import CardChecks, called

CARD = "x-crossdock-card"
"""What nginx found in its own configuration; it sends none of its callers' headers of this name. Ingress controllers,
which cannot add a header to the question, put the card into its path; then nobody's header counts."""
CUSTOMER = "X-Auth-Customer"
BODY = "X-Auth-Error"
"""The body for the caller: nginx passes on no body of this answer, but knows its headers."""
MESSAGE = "X-Auth-Message"
"""The same for gRPC, as its `grpc-message` is written."""
PRINTABLE = "".join(map(chr, range(0x20, 0x7F))).replace("%", "")


class TokenCheck:
    """An ASGI app."""

    def __init__(self, checks: CardChecks) -> None:
        self._checks = checks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        with ServerSpan("check", headers):
            asked = scope["path_params"].get("card") or headers.get(CARD, "")
            response = await self._answer(asked, headers.getlist("authorization"))
        await response(scope, receive, send)

    async def _answer(self, asked: str, values: Sequence[str]) -> Response:
        if not asked:
            return _refused(
                Answer(400, "INVALID_ARGUMENT", f"The path or the header {CARD} must name the card that is called.", {})
            )
        card = called(asked, values)
        check = self._checks.check(card)
        try:
            caller = await check.caller(values)
        except (Refusal, TryLater) as refusal:
            return _refused(check.answer(refusal, "CHECK", asked))
        self._checks.keep(card, check)
        return Response(status_code=204, headers={CUSTOMER: caller.user_name})


def _refused(answer: Answer) -> Response:
    told = {BODY: json.dumps(answer.body), MESSAGE: quote(answer.text, safe=PRINTABLE)}
    return JSONResponse(answer.body, answer.status, headers={"Cache-Control": "no-store", **told, **answer.headers})
