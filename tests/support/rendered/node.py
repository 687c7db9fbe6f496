"""What pods of one place share: the engine, the objects, the images, and the news of containers that ended."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.support.rendered.documents import Objects, Refused
from tests.support.rendered.engine import Engine

HELPER = "python:3.13-slim"
"""For what the harness itself runs in containers: the images' own base, which is there wherever they were built."""


@dataclass
class Node:
    engine: Engine
    folder: Path
    objects: Objects
    images: Mapping[str, str]
    """By repository as it is rendered, without tag: the image that was built here. Others by their whole reference."""
    changed: Callable[[], None] = lambda: None
    """Called whenever a pod became ready, or is no longer."""
    http: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(
            trust_env=False, timeout=None, limits=httpx.Limits(max_keepalive_connections=0)
        )
    )
    _deaths: dict[str, asyncio.Event] = field(default_factory=dict)

    def image(self, rendered: str) -> str:
        if rendered in self.images:
            return self.images[rendered]
        repository = rendered.partition("@")[0]
        head, slash, last = repository.rpartition("/")
        repository = f"{head}{slash}{last.partition(':')[0]}"
        if repository not in self.images:
            raise Refused(f"No image was built for {rendered}. Known: {', '.join(sorted(self.images))}.")
        return self.images[repository]

    def death(self, container: str) -> asyncio.Event:
        """Set when the container of this name ends; to be asked for before it starts."""
        event = self._deaths[container] = asyncio.Event()
        return event

    async def listen(self) -> None:
        """For ever."""
        async for name in self.engine.deaths():
            if event := self._deaths.get(name):
                event.set()
