"""One pod: a container after its init containers, its probes, its restarts, and its end."""

import asyncio
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tests.support.rendered.confinement import confined
from tests.support.rendered.documents import Refused
from tests.support.rendered.engine import EngineError
from tests.support.rendered.environment import Identity, environment, expanded
from tests.support.rendered.node import HELPER, Node
from tests.support.rendered.probes import Target, holds, watch
from tests.support.rendered.selection import Peer, Policies
from tests.support.rendered.volumes import Volumes

BACK_OFF = (0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 300.0)
LEAST_GRACE = 2.0
NO_NAMES = "nameserver 192.0.2.1\noptions timeout:1 attempts:1\n"
"""An address that nobody has."""


class Pod:
    """`phase` and `ready` are what Kubernetes would say of it. `revision` is that of the template it is made from."""

    def __init__(self, node: Node, identity: Identity, spec: Mapping[str, Any], network: str, revision: str):
        self.node, self.identity, self.spec, self.network, self.revision = node, identity, spec, network, revision
        self.container: Mapping[str, Any] = spec["containers"][0]
        self.id = f"{node.engine.name}-{identity.namespace}-{identity.name}"
        self.phase, self.problem, self.address, self.started = "Pending", "", "", ""
        self.terminating, self.restarts = False, 0
        self.ready_since: float | None = None
        self.created = time.monotonic()
        self._folder = node.folder / identity.namespace / identity.name
        self.volumes = Volumes(node.engine, node.objects, self._folder, HELPER, identity, spec)
        self.life = asyncio.create_task(self._live())

    @property
    def ready(self) -> bool:
        return self.ready_since is not None and not self.terminating

    @property
    def over(self) -> bool:
        return self.phase in {"Succeeded", "Failed"}

    def port(self, given: str | int) -> int | None:
        return given if isinstance(given, int) else ports(self.spec).get(given)

    async def _live(self) -> None:
        try:
            await self.volumes.prepare()
            for container in self.spec.get("initContainers") or []:
                await self._to_completion(container)
            await self._create(self.id, self.container)
            await self._kept_alive()
        except (EngineError, Refused) as error:
            self.phase, self.problem = "Failed", str(error)
        finally:
            self.ready_since = None
            self.node.changed()

    async def _to_completion(self, container: Mapping[str, Any]) -> None:
        name = f"{self.id}-{container['name']}"
        await self._create(name, container)
        ended = self.node.death(name)
        await self.node.engine.call("start", name)
        await ended.wait()
        state = (await self.node.engine.inspect(name))[0]["State"]
        if state["ExitCode"]:
            raise Refused(
                f"{container['name']} of {self.id} ended with {state['ExitCode']}: {await self.node.engine.logs(name)}"
            )
        await self.node.engine.call("rm", "--force", "--volumes", name)

    async def _create(self, name: str, container: Mapping[str, Any]) -> None:
        variables = environment(container, self.identity, self.node.objects)
        words = [
            expanded(each, variables) for each in [*(container.get("command") or []), *(container.get("args") or [])]
        ]
        entry = [f"--entrypoint={words.pop(0)}"] if container.get("command") else []
        if "workingDir" in container:
            entry.append(f"--workdir={container['workingDir']}")
        settings = [f"--env={variable}={value}" for variable, value in variables.items()]
        fixed = (f"--name={name}", f"--hostname={self.identity.name}", f"--network={self.network}", "--no-healthcheck")
        rights = [*confined(self.spec, container), *self.volumes.mounts(container), *self._names()]
        image = self.node.image(container["image"])
        await self.node.engine.call(
            "create", *self.node.engine.label, *fixed, *rights, *settings, *entry, image, *words
        )

    def _names(self) -> list[str]:
        """The engine's own name server is always there: who may ask for no name is told of another one."""
        peer = Peer(self.identity.namespace, self.identity.labels)
        if Policies(self.node.objects).resolves(peer):
            return []
        path = self._folder / "resolv.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(NO_NAMES)
        return [f"--mount=type=bind,src={path},dst=/etc/resolv.conf,readonly"]

    async def _kept_alive(self) -> None:
        while True:
            ended = self.node.death(self.id)
            await self.node.engine.call("start", self.id)
            (found,) = await self.node.engine.inspect(self.id)
            self.address = found["NetworkSettings"]["Networks"][self.network]["IPAddress"]
            self.started, self.phase = found["State"]["StartedAt"], "Running"
            await self._until_ended(ended)
            self.ready_since = None
            self.node.changed()
            if self.terminating:
                return
            code = (await self.node.engine.inspect(self.id))[0]["State"]["ExitCode"]
            if not _again(self.spec.get("restartPolicy", "Always"), code):
                self.phase = "Failed" if code else "Succeeded"
                return
            await asyncio.sleep(BACK_OFF[min(self.restarts, len(BACK_OFF) - 1)])
            self.restarts += 1

    async def _until_ended(self, ended: asyncio.Event) -> None:
        """A container whose liveness is lost is stopped as a deleted one is."""
        death, probing = asyncio.create_task(ended.wait()), asyncio.create_task(self._probe())
        try:
            await asyncio.wait({death, probing}, return_when=asyncio.FIRST_COMPLETED)
            if not ended.is_set():
                self.problem = "its liveness probe failed"
                await self._stop(self._grace())
                await ended.wait()
        finally:
            for task in (death, probing):
                task.cancel()
            await asyncio.gather(death, probing, return_exceptions=True)

    async def _probe(self) -> None:
        """Until the container has to be restarted."""
        if (startup := self.container.get("startupProbe")) and not await self._first(startup):
            return
        readiness = self.container.get("readinessProbe")
        reading = asyncio.create_task(watch(readiness, self._looking(readiness), self._is)) if readiness else None
        if not readiness:
            self._is(True)
        try:
            if liveness := self.container.get("livenessProbe"):
                await watch(liveness, self._looking(liveness), lambda good: good)
            else:
                await asyncio.Event().wait()
        finally:
            if reading:
                reading.cancel()

    async def _first(self, probe: Mapping[str, Any]) -> bool:
        """Its first verdict."""
        verdicts: list[bool] = []

        def told(good: bool) -> bool:
            verdicts.append(good)
            return False

        await watch(probe, self._looking(probe), told)
        return verdicts[0]

    def _looking(self, probe: Mapping[str, Any]) -> Any:
        target = Target(self.node.engine, self.node.http, self.id, self.address, ports(self.spec))
        return lambda: holds(probe, target)

    def _is(self, ready: bool) -> bool:
        if ready != (self.ready_since is not None):
            self.ready_since = time.monotonic() if ready else None
            self.node.changed()
        return True

    def _grace(self) -> float:
        return float(self.spec.get("terminationGracePeriodSeconds", 30))

    async def delete(self, grace: float | None = None) -> None:
        """As the API does: no new connections from now on, preStop, SIGTERM, and SIGKILL when the time is over."""
        self.terminating = True
        self.node.changed()
        await self._stop(self._grace() if grace is None else grace)
        self.life.cancel()
        await asyncio.gather(self.life, return_exceptions=True)
        with suppress(EngineError):
            await self.node.engine.call("rm", "--force", "--volumes", self.id)
        await self.volumes.remove()
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _stop(self, grace: float) -> None:
        began = time.monotonic()
        if self.phase == "Running" and grace:
            await self._before_stop(((self.container.get("lifecycle") or {}).get("preStop")) or {}, grace)
            left = max(LEAST_GRACE, grace - (time.monotonic() - began))
            with suppress(EngineError):
                await self.node.engine.waited("stop", "-t", str(round(left)), self.id)

    async def _before_stop(self, hook: Mapping[str, Any], grace: float) -> None:
        with suppress(TimeoutError, EngineError):
            async with asyncio.timeout(grace):
                if "sleep" in hook:
                    await asyncio.sleep(hook["sleep"]["seconds"])
                elif "exec" in hook:
                    await self.node.engine.waited("exec", self.id, *hook["exec"]["command"])

    async def crash(self) -> None:
        """As when its process dies: the container is started again by the restart policy."""
        await self.node.engine.call("kill", "--signal", "KILL", self.id)

    async def logs(self) -> str:
        return await self.node.engine.logs(self.id)


def ports(spec: Mapping[str, Any]) -> dict[str, int]:
    named = [port for container in spec["containers"] for port in container.get("ports") or []]
    return {port["name"]: port["containerPort"] for port in named if "name" in port}


def _again(policy: str, code: int) -> bool:
    return policy == "Always" or (policy == "OnFailure" and code != 0)
