"""Routing by a language model behind OpenAI's chat completions; its answer is checked, never trusted."""

import asyncio
from dataclasses import replace
from typing import Annotated, Any, cast

import httpx
from openai import AsyncOpenAI, OpenAIError
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crossdock.cards.sanitising import cleaned
from orchestrator.catalogue import Catalogue
from orchestrator.customer import LanguageModel
from orchestrator.decision import Decision, Usage
from orchestrator.request import RoutingRequest
from orchestrator.routers.prompt import INSTRUCTIONS, data_message
from orchestrator.routers.question import ask
from orchestrator.routers.router import CannotRoute, Router

ANSWER_TOKENS = 300
REASON_LIMIT = 300


class Answer(BaseModel):
    """The JSON that the model must give; further fields are ignored."""

    model_config = ConfigDict(strict=True)

    plan: Annotated[list[str], Field(max_length=20)]
    reason: str = ""


class LLMRouter(Router):
    """`http` replaces the client's own, in tests or for a proxy."""

    def __init__(self, settings: LanguageModel, api_key: str, http: httpx.AsyncClient | None = None) -> None:
        self._settings = settings
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=settings.base_url,
            timeout=settings.timeout_seconds,
            max_retries=1,
            http_client=cast(Any, http),  # typed for httpx2, takes httpx as well
        )

    async def route(self, request: RoutingRequest, catalogue: Catalogue) -> Decision:
        completion = await self._complete(request, catalogue)
        answer = _answer(completion)
        strangers = [agent for agent in answer.plan if agent not in catalogue]
        if strangers:
            raise CannotRoute("The language model named an agent that is not in the registry; its answer was refused.")
        return self._decision(request, catalogue, answer, self._usage(completion))

    async def close(self) -> None:
        await self._client.close()

    async def _complete(self, request: RoutingRequest, catalogue: Catalogue) -> ChatCompletion:
        try:
            async with asyncio.timeout(self._settings.timeout_seconds):
                return await self._client.chat.completions.create(
                    model=self._settings.model,
                    messages=[
                        {"role": "system", "content": INSTRUCTIONS},
                        {"role": "user", "content": data_message(request, catalogue)},
                    ],
                    temperature=0,
                    max_tokens=ANSWER_TOKENS,
                    response_format={"type": "json_object"},
                )
        except TimeoutError as error:
            raise CannotRoute("The language model did not answer in time.") from error
        except (OpenAIError, ValueError) as error:  # ValueError: a body that is not JSON
            raise CannotRoute("The language model could not be asked.") from error

    def _decision(self, request: RoutingRequest, catalogue: Catalogue, answer: Answer, usage: Usage) -> Decision:
        reason = cleaned(answer.reason, REASON_LIMIT) or "The language model gave no reason."
        if not answer.plan:
            asked = ask(request, catalogue, f"The language model chose no agent: {reason}")
            return replace(asked, usage=usage)
        plan = tuple(dict.fromkeys(answer.plan))
        return Decision(
            method="llm",
            plan=plan,
            reason=reason,
            scores=dict.fromkeys(plan, 1.0),
            candidates=(*plan, *(agent for agent in catalogue.ids if agent not in plan)),
            cards=catalogue.versions,
            usage=usage,
        )

    def _usage(self, completion: ChatCompletion) -> Usage:
        used = completion.usage
        model = self._settings.model
        return Usage(model, used.prompt_tokens, used.completion_tokens) if used else Usage(model, 0, 0)


def _answer(completion: ChatCompletion) -> Answer:
    content = (completion.choices[0].message.content or "") if completion.choices else ""
    begin, end = content.find("{"), content.rfind("}")  # some models put the object into a code fence
    try:
        return Answer.model_validate_json(content[begin : end + 1])
    except ValidationError as error:
        raise CannotRoute("The language model's answer was not the JSON that was asked for.") from error
