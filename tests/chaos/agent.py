"""`python -m tests.chaos.agent`: an agent that works in slow steps and says each time in which process, and when."""

import asyncio
import os
import time
from collections.abc import AsyncIterator

from crossdock.pipeline import (
    AgenticPipeline,
    ArtifactChunk,
    InputRequired,
    Output,
    PipelineRequest,
    Progress,
    Result,
    Run,
    SkillChoice,
    TextPart,
)
from crossdock.telemetry.tracing import silence_sdk_tracing

STEP_SECONDS = 0.8


class Steps(AgenticPipeline):
    """`steps NAME N` gives one artifact of N chunks; `ask NAME` asks first, and takes `answer NAME N` for it."""

    skills = ("act",)

    def choose_skill(self, request: PipelineRequest) -> SkillChoice:
        return SkillChoice("act", "it is all that there is")

    async def run(self, request: PipelineRequest, run: Run) -> AsyncIterator[Output]:
        word, name, *count = request.text.split()
        yield Progress(f"{name} by {os.getpid()} at {time.time():.3f}")
        if word == "ask":
            yield InputRequired(f"How many, {name}?")
            return
        steps = int(count[0])
        for number in range(steps):
            await asyncio.sleep(STEP_SECONDS)
            last = number == steps - 1
            parts = (TextPart(f"{name}-{number} "),)
            yield ArtifactChunk(name="echo", artifact_id="echo", parts=parts, append=number > 0, last=last)
            yield Progress(f"{name} by {os.getpid()} at {time.time():.3f}")
        yield Result(f"{name} is done")


def main() -> None:
    silence_sdk_tracing()  # before anything imports a2a
    from crossdock.server.service import Service, create_service
    from crossdock.server.serving import run
    from tests.support.system import PuppetSettings, puppet_card

    def create_app(settings: PuppetSettings) -> Service:
        return create_service(settings, puppet_card(settings.url), Steps(), agent="puppet")

    run(PuppetSettings, create_app, "puppet-agent")


if __name__ == "__main__":
    main()
