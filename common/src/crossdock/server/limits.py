"""The size limit on requests, before anything is parsed."""

import contextlib

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyTooLarge(Exception):
    """The body went over the limit while it was read."""


class BodyLimitMiddleware:
    """Answers 413 for a body of more than `limit` bytes, whether or not it declares its length."""

    def __init__(self, app: ASGIApp, *, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if declared.isdigit() and int(declared) > self._limit:
            await self._refuse(scope, receive, send)
            return
        read, started = 0, False

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise BodyTooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            # The SDK's bindings answer a body that could not be read with an error of their own; ours says more.
            if read > self._limit and not started:
                return
            started = True
            await send(message)

        with contextlib.suppress(BodyTooLarge):
            await self._app(scope, counted, watched)
        if read > self._limit and not started:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        text = f"The request is larger than {self._limit // 1024} KiB. Send a smaller file, or its URL."
        error = {"code": 413, "status": "INVALID_ARGUMENT", "message": text}
        await JSONResponse({"error": error}, status_code=413, headers={"Connection": "close"})(scope, receive, send)
