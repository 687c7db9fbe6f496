"""The containers of a Compose project, as Docker tells of them, and what may become of them."""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.gateway import docker

SECONDS = 120.0
PAUSE = 0.1
LABEL = "com.docker.compose"


@dataclass(frozen=True)
class Container:
    """As it was when it was looked at."""

    id: str
    name: str
    service: str
    found: dict[str, Any]

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = self.found["State"]
        return state

    @property
    def started(self) -> str:
        return str(self.state["StartedAt"])

    @property
    def well(self) -> bool:
        health = self.state.get("Health", {"Status": "healthy"})["Status"]
        return bool(self.state["Running"]) and health == "healthy"


@dataclass(frozen=True)
class Project:
    name: str

    async def containers(self, *services: str) -> list[Container]:
        """Those that are there, running or not, by name; one-off containers aside."""
        own = ("--filter", f"label={LABEL}.project={self.name}", "--filter", f"label={LABEL}.oneoff=False")
        ids = (await docker("ps", "--all", "--quiet", "--no-trunc", *own)).split()
        found = [_container(each) for each in json.loads(await docker("inspect", *ids))] if ids else []
        return sorted((each for each in found if not services or each.service in services), key=lambda each: each.name)

    async def crash(self, container: Container) -> None:
        """As the kernel kills a process, so that the restart policy counts: `docker kill` is a wish of the operator."""
        image, user = container.found["Config"]["Image"], container.found["Config"]["User"]
        confined = ("--rm", "--pid=host", "--network=none", "--cap-drop=ALL", f"--user={user}", "--entrypoint=bash")
        await docker("run", *confined, image, "-c", f"kill -9 {container.state['Pid']}")

    async def recovered(self, container: Container) -> None:
        """Waits until the restart policy has brought it back and it is healthy."""
        await self.until(
            lambda found: any(
                each.id == container.id and each.started != container.started and each.well for each in found
            )
        )

    async def well(self, *services: str) -> list[Container]:
        """Waits until all are running and healthy."""
        return await self.until(lambda found: bool(found) and all(each.well for each in found), *services)

    async def until(self, holds: Callable[[Sequence[Container]], bool], *services: str) -> list[Container]:
        """Raises `AssertionError` with those that are not well."""
        deadline = asyncio.get_running_loop().time() + SECONDS
        while not holds(found := await self.containers(*services)):
            unwell = {each.name: each.state for each in found if not each.well}
            assert asyncio.get_running_loop().time() < deadline, f"not so within {SECONDS:g} s; not well: {unwell}"
            await asyncio.sleep(PAUSE)
        return found


def _container(found: dict[str, Any]) -> Container:
    return Container(found["Id"], found["Name"].lstrip("/"), found["Config"]["Labels"][f"{LABEL}.service"], found)
