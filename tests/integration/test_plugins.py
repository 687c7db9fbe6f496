"""Agent logic that knows nothing of Crossdock plugs in unchanged: a plain async function, and a LangGraph graph."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypedDict

import httpx
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, interrupt

from crossdock.pipeline import (
    AgenticPipeline,
    ArtifactChunk,
    DataPart,
    InputRequired,
    Output,
    PipelineRequest,
    Progress,
    Result,
    Run,
    TextPart,
)
from crossdock.testing import request, run_pipeline
from tests.support.system import Agent, System
from tests.support.wire import body, frames

# A plain function, and the pipeline that runs any such function.


async def count_words(text: str) -> dict[str, int]:
    await asyncio.sleep(0)
    return {word: text.split().count(word) for word in text.split()}


class FunctionPipeline(AgenticPipeline):
    def __init__(self, skill: str, function: Callable[[str], Awaitable[Any]]) -> None:
        self.skills = (skill,)
        self._function = function

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        value = await self._function(request.text)
        yield ArtifactChunk(name=self.skills[0], parts=(DataPart(value),))
        yield Result()


# A graph, and the pipeline that runs any graph with `text` in and `answer` out.


class Parcel(TypedDict, total=False):
    text: str
    weight: float
    answer: str


def weigh(state: Parcel) -> Parcel:
    numbers = [float(word) for word in state["text"].split() if word.replace(".", "").isdigit()]
    return {"weight": numbers[0] if numbers else float(interrupt("How heavy is the parcel, in kg?"))}


def rate(state: Parcel) -> Parcel:
    return {"answer": "freight" if state["weight"] > 30 else "parcel post"}


def parcel_graph() -> Any:
    graph = StateGraph(Parcel)
    graph.add_node("weigh", weigh)
    graph.add_node("rate", rate)
    graph.add_edge(START, "weigh")
    graph.add_edge("weigh", "rate")
    graph.add_edge("rate", END)
    return graph.compile(checkpointer=InMemorySaver())


class GraphPipeline(AgenticPipeline):
    """Nodes are progress, an interrupt asks the caller, and the A2A task is the graph's thread."""

    skills = ("act",)

    def __init__(self, graph: Any) -> None:
        self._graph = graph

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        thread = {"configurable": {"thread_id": request.task_id}}
        given: Any = Command(resume=request.text) if request.turns else {"text": request.text}
        async for update in self._graph.astream(given, thread, stream_mode="updates"):
            for node, value in update.items():
                if node == "__interrupt__":
                    yield InputRequired(value[0].value)
                    return
                yield Progress(f"{node} is done")
        state = await self._graph.aget_state(thread)
        yield ArtifactChunk(name="answer", parts=(TextPart(state.values["answer"]),))
        yield Result()


async def ask(crossdock: System, agent: Agent, content: dict[str, Any]) -> Any:
    headers = await crossdock.headers()
    answer = await crossdock.http().post(f"{agent.url}/message:send", json=content, headers=headers)
    assert answer.status_code == httpx.codes.OK
    return answer.json()["task"]


async def test_a_function_is_served(crossdock: System) -> None:
    agent = await crossdock.agent(FunctionPipeline("act", count_words))
    task = await ask(crossdock, agent, body("box crate box"))
    assert task["status"]["state"] == "TASK_STATE_COMPLETED"
    assert task["artifacts"][0]["parts"][0]["data"] == {"box": 2, "crate": 1}


async def test_a_functions_error_stays_inside(crossdock: System) -> None:
    async def broken(text: str) -> None:
        raise KeyError("password=hunter2")

    task = await ask(crossdock, await crossdock.agent(FunctionPipeline("act", broken)), body())
    assert task["status"]["state"] == "TASK_STATE_FAILED"
    assert "hunter2" not in str(task)


async def test_a_functions_work_is_canceled(crossdock: System) -> None:
    stopped = asyncio.Event()

    async def endless(text: str) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    agent = await crossdock.agent(FunctionPipeline("act", endless))
    task = await ask(crossdock, agent, {**body(), "configuration": {"returnImmediately": True}})
    await crossdock.client(agent.url).cancel(task["id"])
    async with asyncio.timeout(5):
        await stopped.wait()


async def test_a_graph_is_served_and_its_nodes_are_progress(crossdock: System) -> None:
    agent = await crossdock.agent(GraphPipeline(parcel_graph()))
    http, headers = crossdock.http(), await crossdock.headers()
    async with http.stream(
        "POST", f"{agent.url}/message:stream", json=body("42.5 kg to Lyon"), headers=headers
    ) as response:
        seen = [frame.data async for frame in frames(response)]
    said = [str(data) for data in seen]
    assert [text for text in said if "weigh is done" in text]
    assert [text for text in said if "rate is done" in text]
    assert seen[-2]["artifactUpdate"]["artifact"]["parts"] == [{"text": "freight"}]
    assert seen[-1]["statusUpdate"]["status"]["state"] == "TASK_STATE_COMPLETED"


async def test_a_graphs_interrupt_is_input_required(crossdock: System) -> None:
    agent = await crossdock.agent(GraphPipeline(parcel_graph()))
    asked = await ask(crossdock, agent, body("a parcel to Lyon"))
    assert asked["status"]["state"] == "TASK_STATE_INPUT_REQUIRED"
    assert asked["status"]["message"]["parts"][0]["text"] == "How heavy is the parcel, in kg?"
    answered = await ask(crossdock, agent, body("12", taskId=asked["id"]))
    assert answered["status"]["state"] == "TASK_STATE_COMPLETED"
    assert answered["artifacts"][0]["parts"] == [{"text": "parcel post"}]


async def test_both_run_without_a_server() -> None:
    counted = await run_pipeline(FunctionPipeline("count", count_words), request([TextPart("a a")]))
    assert counted.artifact("count") == (DataPart({"a": 2}),)
    rated = await run_pipeline(GraphPipeline(parcel_graph()), request([TextPart("3 kg")]))
    assert rated.artifact("answer") == (TextPart("parcel post"),)
