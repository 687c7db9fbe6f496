"""Errors that come out of a route: the SDK's streams for A2A 0.3 raise theirs only after their headers are sent."""

from a2a.utils.error_handlers import build_rest_error_payload
from google.protobuf.json_format import ParseError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crossdock.server.faults import as_a2a


class LateFaultMiddleware:
    """Holds the headers back until there is something behind them, so that an error can still be answered properly."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        held: list[Message] = []
        begun = False

        async def holding(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start" and not begun:
                held[:] = [message]
                return
            begun = True
            while held:
                await send(held.pop())
            await send(message)

        try:
            await self._app(scope, receive, holding)
        except Exception as error:
            if begun:
                raise
            await _answer(error)(scope, receive, send)


def _answer(error: BaseException) -> ASGIApp:
    while isinstance(error, BaseExceptionGroup):  # streams are sent by a task group
        error = error.exceptions[0]
    if not isinstance(error, Exception):
        raise error
    payload = build_rest_error_payload(error if isinstance(error, ParseError) else as_a2a(error))
    return JSONResponse(payload, status_code=payload["error"]["code"])
