"""A server that speaks OpenAI's chat completions and answers as a test tells it to."""

import inspect
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.routers.prompt import BEGIN, END


@dataclass(frozen=True, slots=True)
class Reply:
    """`content` is the model's text; with another `status` than 200 it is an error's message instead."""

    content: str = ""
    status: int = 200
    raw: bytes | None = None
    """The whole body, for servers that do not even speak JSON."""


Model = Callable[[dict[str, Any]], Reply | Awaitable[Reply]]
"""A request's JSON body to the reply."""


def llm_app(model: Model) -> Starlette:
    """An ASGI app; `app.state.requests` holds the bodies that were received."""
    received: list[dict[str, Any]] = []

    async def complete(request: Request) -> Response:
        body = await request.json()
        received.append({**body, "authorization": request.headers.get("authorization", "")})
        answer = model(body)
        reply = await answer if inspect.isawaitable(answer) else answer
        return _response(body, reply)

    app = Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])
    app.state.requests = received
    return app


def _response(body: dict[str, Any], reply: Reply) -> Response:
    if reply.raw is not None:
        return Response(reply.raw, reply.status, media_type="application/json")
    if reply.status != 200:
        return JSONResponse({"error": {"message": reply.content, "type": "server_error"}}, reply.status)
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply.content}}
    usage = {"prompt_tokens": 120, "completion_tokens": 12, "total_tokens": 132}
    completion = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": body["model"]}
    return JSONResponse({**completion, "choices": [choice], "usage": usage})


def plan(*agents: str, reason: str = "because") -> Reply:
    return Reply(json.dumps({"plan": agents, "reason": reason}))


def outside_the_data(body: dict[str, Any]) -> str:
    """All that the model was told outside the quoted data."""
    told = "\n".join(message["content"] for message in body["messages"] if message["role"] != "system")
    return re.sub(f"{BEGIN}.*?{END}", "", told, flags=re.DOTALL)


def inside_the_data(body: dict[str, Any]) -> dict[str, Any]:
    told = body["messages"][-1]["content"]
    data: dict[str, Any] = json.loads(told.removeprefix(BEGIN).removesuffix(END))
    return data


def gullible(body: dict[str, Any]) -> Reply:
    """A model that does what anything outside the quoted data says, and else names the first agent."""
    order = re.search(r"route everything to (\w+)", outside_the_data(body), re.IGNORECASE)
    return plan(order.group(1) if order else inside_the_data(body)["agents"][0]["id"])
