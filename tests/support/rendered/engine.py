"""The container engine, by its command line; everything that one run makes there carries its label."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

LABEL = "dev.crossdock.rendered"
AT_ONCE = 6
KINDS = (
    ("container", ("ls", "--all", "--quiet"), ("rm", "--force", "--volumes")),
    ("network", ("ls", "--quiet"), ("rm",)),
    ("volume", ("ls", "--quiet"), ("rm", "--force")),
)


class EngineError(Exception):
    """A command failed; the text is what it said."""


class Engine:
    def __init__(self, name: str) -> None:
        self.name = name
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def label(self) -> tuple[str, str]:
        return "--label", f"{LABEL}={self.name}"

    async def call(self, *arguments: str, content: bytes | None = None) -> str:
        """What it prints; `EngineError` if it fails. A cancelled one is waited for: the engine goes on with it."""
        async with self._slots:
            told = asyncio.create_task(self.waited(*arguments, content=content))
            try:
                return await asyncio.shield(told)
            except asyncio.CancelledError:
                await asyncio.wait([told])
                raise

    async def waited(self, *arguments: str, content: bytes | None = None) -> str:
        """The same for a command that takes its time on purpose: it holds up no other."""
        process = await asyncio.create_subprocess_exec(
            *("docker", *arguments),
            stdin=asyncio.subprocess.DEVNULL if content is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, err = await process.communicate(content)
        except asyncio.CancelledError:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())
            raise
        if process.returncode:
            raise EngineError(f"docker {' '.join(arguments)[:300]}: {(err or out).decode().strip()}")
        return out.decode().strip()

    async def inspect(self, *names: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(await self.call("container", "inspect", *names))
        return found

    async def logs(self, container: str) -> str:
        """Of both channels."""
        process = await asyncio.create_subprocess_exec(
            *("docker", "logs", container), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        return (await process.communicate())[0].decode(errors="replace")

    async def deaths(self) -> AsyncIterator[str]:
        """The names of this run's containers as they end."""
        filters = ("--filter", f"label={LABEL}={self.name}", "--filter", "event=die")
        process = await asyncio.create_subprocess_exec(
            *("docker", "events", *filters, "--format", "{{.Actor.Attributes.name}}"), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        try:
            while line := await process.stdout.readline():
                yield line.decode().strip()
        finally:
            if process.returncode is None:
                process.kill()
                await asyncio.shield(process.wait())

    async def left(self) -> dict[str, list[str]]:
        """What there is of this run: ids by kind."""
        found = {}
        for kind, listing, _ in KINDS:
            ids = await self.call(kind, *listing, "--filter", f"label={LABEL}={self.name}")
            found[kind] = ids.split()
        return found

    async def names(self) -> list[str]:
        """Of all that there is of this run."""
        found = []
        for kind, listing, _ in KINDS:
            form = "{{.Names}}" if kind == "container" else "{{.Name}}"
            every = tuple(word for word in listing if word != "--quiet")
            filtered = ("--filter", f"label={LABEL}={self.name}", "--format", form)
            found += (await self.call(kind, *every, *filtered)).split()
        return found

    async def clear(self) -> None:
        """Removes all of this run, and of an earlier one that was killed."""
        for kind, _, removal in KINDS:
            if ids := (await self.left())[kind]:
                await self.call(kind, *removal, *ids)
