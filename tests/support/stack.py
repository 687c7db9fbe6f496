"""The system of `make up` as its callers see it: one origin and real tokens; and a way inside for what needs one."""

import asyncio
import os
import shutil
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from crossdock.profile import FILE
from installer import realm, startup
from installer.agents import AGENTS
from installer.compose import FOLDER, ComposePlace, compose_place
from installer.customer import PORT
from installer.vault import KEYCLOAK_ADMIN, client_secret
from tests.support.gateway import docker
from tests.support.operated import Operated, lines
from tests.support.project import Container, Project

ROOT = Path(__file__).parents[2]
PROXY = Path(__file__).with_name("inside_proxy.py")
PYTHON = "/app/bin/python"
TOKENS = f"/realms/{realm.NAME}/protocol/openid-connect/token"


def project_name() -> str:
    return os.environ.get("COMPOSE_PROJECT_NAME", "crossdock")


def started_project() -> str:
    """That of `make up`."""
    return startup.variables(ROOT / FOLDER)[startup.PROJECT]


HTTP = {agent.id: agent.port for agent in AGENTS} | {"edge": 8005}
MANAGEMENT = 1000
SERVICES = {agent.path: agent.id for agent in AGENTS} | {
    each: each for each in ("edge", "keycloak", "postgres", "redis")
}
COMPOSED = {"realm.json", "users.acl", "keycloak.conf"}
"""Files that are made of other secrets, and of what is none."""


def service(name: str) -> str:
    """Of Docker Compose; names that are no other's are those of customers."""
    return SERVICES.get(name, f"orchestrator-{name}")


@dataclass
class Stack(Operated[Container]):
    """Use `stack()`. Project, public origin and folder are those of `make up`."""

    project: Project
    place: ComposePlace
    exits: AsyncExitStack

    @property
    def url(self) -> str:
        return self.place.origin.url

    @property
    def authority(self) -> str:
        """host:port of the gateway."""
        return self.url.removeprefix("https://")

    def path(self, name: str) -> str:
        return f"/agents/{name}"

    def url_of(self, name: str) -> str:
        return self.url + self.path(name)

    def grpc_of(self, name: str) -> tuple[str, str]:
        return f"{name}.grpc.{self.place.origin.public_host}:{self.place.origin.https_port}", self.authority

    @property
    def issuer(self) -> str:
        return self.place.origin.issuer

    @property
    def authority_file(self) -> str:
        return str(self.place.authority.certificate_file)

    def http(self, base: str = "", **options: Any) -> httpx.AsyncClient:
        return super().http(base or self.url, **options)

    def secret(self, client_id: str) -> str:
        return self.place.vault.read(KEYCLOAK_ADMIN if client_id == realm.INSTALLER else client_secret(client_id))

    def image(self, service: str) -> str:
        return f"{self.project.name}/{service}:{os.environ.get('TAG', 'dev')}"

    def doors(self, customer: str) -> tuple[str, ...]:
        """The other leads to the orchestrator of the token's customer."""
        return customer, "orchestrator"

    def grpc_interface(self, name: str) -> str:
        return f"{name}.grpc.{self.authority}"

    @asynccontextmanager
    async def profile(self, folder: Path) -> AsyncIterator[dict[str, str]]:
        shutil.copy(self.place.folder / FILE, folder)  # as `make up` has written it
        yield {}

    async def well(self) -> None:
        await self.project.well()

    async def replicas(self, name: str = "") -> list[Container]:
        return await self.project.containers(*([service(name)] if name else []))

    async def logs(self, replica: Container) -> str:
        return await docker("logs", replica.name)

    async def execute(self, replica: Container, *command: str) -> str:
        return await docker("exec", replica.name, *command)

    async def crash(self, replica: Container) -> None:
        await self.project.crash(replica)

    async def recovered(self, crashed: Container) -> None:
        await self.project.recovered(crashed)

    async def restart(self, name: str) -> None:
        await docker("restart", *(each.name for each in await self.replicas(name)))
        await self.project.well(service(name))

    @asynccontextmanager
    async def stopped(self, name: str) -> AsyncIterator[None]:
        names = [each.name for each in await self.replicas(name)]
        await docker("stop", *names)
        try:
            yield
        finally:
            await docker("start", *names)
        await self.project.well(service(name))

    @asynccontextmanager
    async def reach(self, replica: Container, *, management: bool = False) -> AsyncIterator[httpx.AsyncClient]:
        port = HTTP.get(replica.service, 8080 if replica.service == "keycloak" else PORT)
        url = f"http://{replica.name}:{port + MANAGEMENT * management}"
        async with inside(self, base_url=url) as http:
            yield http

    def generated(self) -> set[str]:
        folder = self.place.folder
        files = [path for path in (folder / "secrets").iterdir() if path.name not in COMPOSED]
        files += [folder / "tls" / "gateway.key", folder / "ca" / "ca.key"]
        return lines(*(path.read_text() for path in files))

    @asynccontextmanager
    async def container(self, *arguments: str, published: int = 0) -> AsyncIterator["Beside"]:
        """One of a test's own in the network of the services, as `docker run` is told."""
        name = f"{self.project.name}-test-{uuid.uuid4().hex[:8]}"
        publish = (f"--publish=127.0.0.1::{published}",) if published else ()
        network = f"--network={self.project.name}_front"
        try:
            await docker("run", "--detach", f"--name={name}", network, *publish, *arguments)
            yield Beside(name, (await docker("port", name, str(published))).split()[0] if published else "")
        finally:
            await asyncio.shield(docker("rm", "--force", "--volumes", name))


@dataclass(frozen=True)
class Beside:
    """A container beside those of the project; `address` is host:port of its published port on this machine."""

    name: str
    address: str

    async def logs(self) -> str:
        return await docker("logs", self.name)


@asynccontextmanager
async def stack() -> AsyncIterator[Stack]:
    async with AsyncExitStack() as exits:
        place = compose_place(ROOT)
        yield Stack(Project(started_project()), place, exits)


@asynccontextmanager
async def inside(stack: Stack, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client in the services' network: it knows their names, and those of single containers."""
    program = (f"--entrypoint={PYTHON}", stack.image("installer"), "-c", PROXY.read_text())
    async with stack.container(*program, published=8000) as proxy:
        url = f"http://{proxy.address}"
        async with httpx.AsyncClient(trust_env=False) as http:
            await until(lambda: _answers(http, url), f"nothing answers at {url}")
        async with httpx.AsyncClient(proxy=url, timeout=120.0, headers={"Connection": "close"}, **options) as http:
            yield http


async def _answers(http: httpx.AsyncClient, url: str) -> bool:
    try:
        await http.get(url)
    except httpx.TransportError:
        return False
    return True


async def until(holds: Callable[[], Any], complaint: str, seconds: float = 30.0, pause: float = 0.05) -> Any:
    """What `holds` returns as soon as that is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await holds()):
        assert asyncio.get_running_loop().time() < deadline, f"{complaint} within {seconds:g} s"
        await asyncio.sleep(pause)
    return found
