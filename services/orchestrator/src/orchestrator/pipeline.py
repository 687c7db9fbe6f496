"""One customer's requests: decide who does them, have it done, pass on what happens."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

import structlog
from opentelemetry import trace

from crossdock.cards.sanitising import all_cleaned
from crossdock.client.patience import Away, Patience
from crossdock.errors import Failed, Rejected, TryLater
from crossdock.extensions import ROUTING, SKILL, STYLE
from crossdock.pipeline import (
    AgenticPipeline,
    Annotation,
    ArtifactChunk,
    AuthRequired,
    Checkpoint,
    InputRequired,
    Output,
    Part,
    PipelineRequest,
    Progress,
    Result,
    Run,
)
from crossdock.tasks.journal import TaskUnknown
from orchestrator.agents import Call, Started
from orchestrator.catalogue import Agent, Catalogue
from orchestrator.customer import Customer
from orchestrator.decision import Decision
from orchestrator.plan import Plan, merged
from orchestrator.request import routing_request
from orchestrator.routers.router import Router

log = structlog.get_logger(__name__)

T = TypeVar("T")

ASKED = "asked"
CANCEL_SECONDS = 1.5


class Agents(Protocol):
    """What the pipeline needs of `orchestrator.agents.AgentDirectory`."""

    async def catalogue(self) -> tuple[Catalogue, tuple[str, ...]]: ...

    async def profile(self, agent: str) -> Agent: ...

    def call(self, call: Call) -> AsyncGenerator[Started | Away | Output]: ...

    async def cancel(self, agent: str, task_id: str) -> None: ...


class OrchestratorPipeline(AgenticPipeline):
    """`on_decision` is told of every decision, for metrics."""

    skills = ("handle_request",)
    fetch_urls = False

    def __init__(
        self, customer: Customer, router: Router, agents: Agents, on_decision: Callable[[Decision], None]
    ) -> None:
        self._customer = customer
        self._router = router
        self._agents = agents
        self._on_decision = on_decision

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        asked = (request.checkpoint or {}).get(ASKED, {})
        if asked.get("turn") == _turn(request):
            yield InputRequired(asked["question"])
            return
        if request.checkpoint and not asked:
            plan = Plan.from_checkpoint(request.checkpoint)
            plan.skill = self._named(request).rpartition(".")[2] or plan.skill
            log.info("plan_continues", task_id=request.task_id, agent=plan.agent, agent_task=plan.task_id)
        else:
            async with aclosing(_awaited(self._agents.catalogue, "The customer's agents", run)) as found:
                async for outcome in found:
                    if isinstance(outcome, Progress):
                        yield outcome
                    else:
                        decision = await self._decide(request, *outcome)
            yield Annotation(ROUTING, decision.as_metadata(), _in_words(decision))
            if not decision.plan:
                yield Checkpoint({ASKED: {"turn": _turn(request), "question": decision.question}})
                yield InputRequired(decision.question)
                return
            plan = Plan(list(decision.plan), skill=decision.skill)
            yield Checkpoint(plan.as_checkpoint())
        async with aclosing(self._steps(request, plan, run)) as outputs:
            async for output in outputs:
                yield output

    async def abandoned(self, request: PipelineRequest) -> None:
        if request.checkpoint and ASKED not in request.checkpoint:
            await self._cancel(Plan.from_checkpoint(request.checkpoint))

    async def _decide(self, request: PipelineRequest, catalogue: Catalogue, missing: tuple[str, ...]) -> Decision:
        decision = await self._router.route(
            routing_request(_whole_request(request), skill=self._named(request)), catalogue
        )
        if decision is None:
            raise Failed("No router decided. Check the customer's routing method.")
        if missing and not decision.plan:
            question = f"{decision.question} (Not reachable at the moment: {', '.join(missing)}.)"
            decision = replace(decision, question=question)
        trace.get_current_span().set_attributes(
            {
                "crossdock.routing.method": decision.method,
                "crossdock.routing.plan": ",".join(decision.plan),
                "crossdock.routing.reason": decision.reason,
            }
        )
        log.info("routed", task_id=request.task_id, customer=request.customer, **decision.as_metadata())
        self._on_decision(decision)
        return decision

    def _named(self, request: PipelineRequest) -> str:
        return "" if request.skill in self.skills else request.skill

    async def _steps(self, request: PipelineRequest, plan: Plan, run: Run) -> AsyncGenerator[Output]:
        while not plan.finished:
            parts = request.parts
            if not plan.task_id:
                ask = partial(self._agents.profile, plan.agent)
                async with aclosing(_awaited(ask, f"{plan.agent}-agent", run)) as found:
                    async for outcome in found:
                        if isinstance(outcome, Progress):
                            yield outcome
                        else:
                            parts, left_out = _readable(request, plan, outcome)
                if left_out:
                    yield Progress(f"{plan.agent} does not read {', '.join(left_out)}; left out.")
            async with aclosing(self._step(request, plan, parts, run)) as outputs:
                async for output in outputs:
                    yield output
                    if isinstance(output, InputRequired | AuthRequired):
                        return
        yield Result("\n".join(plan.summaries))

    async def _step(
        self, request: PipelineRequest, plan: Plan, parts: tuple[Part, ...], run: Run
    ) -> AsyncGenerator[Output]:
        agent = plan.agent
        call = Call(
            agent=agent,
            parts=parts,
            context_id=request.context_id,
            key=f"{request.task_id}.{plan.position + 1}.{_turn(request)}",
            task_id=plan.task_id,
            sent=bool(plan.task_id) and plan.turn == _turn(request),
            passed=dict(plan.passed),
            metadata={STYLE: self._customer.style.as_metadata(), **({SKILL: plan.skill} if plan.skill else {})},
            hops=request.hops,
            seconds=max(run.remaining() - CANCEL_SECONDS, 0.1),
            handed_over=run.handed_over,
        )
        waiting = False
        try:
            async with aclosing(self._agents.call(call)) as happenings:
                async for happening in happenings:
                    waiting = isinstance(happening, InputRequired | AuthRequired)
                    for output in self._passed_on(plan, happening, _turn(request)):
                        yield output
        except (asyncio.CancelledError, GeneratorExit):
            # Both mean that nobody reads on. At a question that is how a turn ends; elsewhere the task was stopped, or
            # another replica goes on with it.
            if not (waiting or run.handed_over()):
                await self._cancel(plan)
            raise
        except Rejected as error:
            raise Rejected(f"{agent}: {error}") from error
        except Failed as error:
            raise Failed(f"{agent}: {error}") from error
        except TaskUnknown as error:
            raise Failed(f"{agent}: it has lost its part of the work. Send the request again.") from error

    def _passed_on(self, plan: Plan, happening: Started | Away | Output, turn: int) -> list[Output]:
        if isinstance(happening, Away):  # the agent may not have heard of this turn
            return [Progress(happening.text)]
        if isinstance(happening, Started):
            if plan.task_id:
                return []
            plan.task_id = happening.task_id
        if plan.turn == turn and not isinstance(happening, InputRequired | AuthRequired):
            return self._told(plan, happening)
        plan.turn = turn
        # Who goes on without it sends again under the same key, and gets the same task.
        return [Checkpoint(plan.as_checkpoint(), lazy=True), *self._told(plan, happening)]

    def _told(self, plan: Plan, happening: Started | Output) -> list[Output]:
        agent = plan.agent
        match happening:
            case Progress(text, fraction):
                return [Progress(f"{agent}: {text}", fraction)]
            case ArtifactChunk():
                source = f"{agent}-agent"
                plan.collect(source, happening)
                named = happening.artifact_id or happening.name
                metadata = {**happening.metadata, "agent": agent}
                return [replace(happening, artifact_id=f"{agent}.{named}", metadata=metadata)]
            case InputRequired() | AuthRequired():
                return [happening]
            case Result(text):
                plan.advance(text)
                if plan.finished:  # the last word of the last agent is the task's own: it comes with the end
                    return []
                return [Checkpoint(plan.as_checkpoint()), *([Progress(f"{agent}: {text}")] if text else [])]
        return []

    async def _cancel(self, plan: Plan) -> None:
        if plan.task_id and not plan.finished:
            try:
                async with asyncio.timeout(CANCEL_SECONDS):
                    await self._agents.cancel(plan.agent, plan.task_id)
            except TimeoutError:
                log.warning("cancel_not_passed_on", agent=plan.agent, task_id=plan.task_id, reason="no answer in time")


async def _awaited(ask: Callable[[], Awaitable[T]], name: str, run: Run) -> AsyncGenerator[Progress | T]:
    """What is asked for comes last. While `name` is away it is asked for again, as long as the task has time."""
    patience = Patience(name)
    while True:
        try:
            found = await ask()
        except TryLater as error:
            if run.remaining() <= CANCEL_SECONDS:
                raise
            if away := patience.failed(error):
                yield Progress(away.text)
            await patience.pause()
        else:
            yield found
            return


def _readable(request: PipelineRequest, plan: Plan, agent: Agent) -> tuple[tuple[Part, ...], tuple[str, ...]]:
    """The parts that the next agent gets, and the names of those that it does not read. Raises `Rejected`."""
    parts, left_out = plan.parts(_whole_request(request), agent)
    if not parts:
        raise Rejected(_unreadable(agent, left_out[0]))
    return parts, left_out


def _unreadable(agent: Agent, file: str) -> str:
    modes = all_cleaned(agent.input_modes, limit=100, count=12)
    return f"{agent.id} does not read {file}. Send one of: {', '.join(modes)}."


def _in_words(decision: Decision) -> str:
    return f"Routed to {', then '.join(decision.plan) or 'nobody'}: {decision.reason}"


def _asked(request: PipelineRequest) -> list[Part]:
    """What the caller said before the orchestrator asked back."""
    return [part for turn in request.turns if turn.role == "user" for part in turn.parts]


def _whole_request(request: PipelineRequest) -> tuple[Part, ...]:
    """The request that the plan is for: after a question was answered, with the turns that led there."""
    return merged(_asked(request), request.parts) if request.turns else request.parts


def _turn(request: PipelineRequest) -> int:
    """Which of the caller's messages to this task is being worked on, from 1."""
    return 1 + sum(turn.role == "user" for turn in request.turns)
