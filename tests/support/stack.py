"""The system of `make up` as its callers see it: one origin and real tokens; and a way inside for what needs one."""

import asyncio
import os
import ssl
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx

from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.cards.caching import CardCache
from crossdock.client.agent import AgentClient
from crossdock.client.calls import ClientPolicy
from crossdock.client.pool import pooled_client
from crossdock.settings import checked
from installer import realm
from installer.compose import ComposePlace
from installer.public import Origin
from installer.vault import KEYCLOAK_ADMIN, client_secret
from tests.support.gateway import docker
from tests.support.grpc_channels import StreamMetadata, UnaryMetadata, a2a_stub
from tests.support.operations import RestCaller, RpcCaller
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
PROXY = Path(__file__).with_name("inside_proxy.py")
PYTHON = "/app/bin/python"
TOKENS = f"/realms/{realm.NAME}/protocol/openid-connect/token"


def project_name() -> str:
    return os.environ.get("COMPOSE_PROJECT_NAME", "crossdock")


@dataclass
class Stack:
    """Use `stack()`. Project, public origin and folder are those of `make up`, from the same variables."""

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

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.place.authority.certificate_file))

    def http(self, base: str = "", **options: Any) -> httpx.AsyncClient:
        """With connections of its own."""
        options = {"timeout": 60.0, "trust_env": False, "verify": self.trust(), **options}
        return self._closed(httpx.AsyncClient(base_url=base or self.url, **options))

    async def token(self, client_id: str, secret: str = "") -> str:
        """A new one, which has a rate limit of its own."""
        credentials = (client_id, secret or self.secret(client_id))
        answer = await self.http().post(TOKENS, data={"grant_type": "client_credentials"}, auth=credentials)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["access_token"])

    def secret(self, client_id: str) -> str:
        return self.place.vault.read(KEYCLOAK_ADMIN if client_id == realm.INSTALLER else client_secret(client_id))

    async def headers(self, client_id: str) -> dict[str, str]:
        return bearing(await self.token(client_id))

    async def rpc(self, name: str, client_id: str) -> RpcCaller:
        return RpcCaller(self.http(), self.path(name), await self.headers(client_id))

    async def rest(self, name: str, client_id: str) -> RestCaller:
        return RestCaller(self.http(), self.path(name), await self.headers(client_id))

    def agent(self, name: str, client_id: str, **policy: Any) -> AgentClient:
        """Crossdock's own client of what is served under this name."""
        url, http = self.url + self.path(name), self._closed(pooled_client(self.trust()))
        http.auth = BearerAuth(self.tokens(http, client_id), origins=[url])
        return AgentClient(url, http, CardCache(http), policy=ClientPolicy(**policy))

    def tokens(self, http: httpx.AsyncClient, client_id: str, discovery_url: str = "") -> TokenSource:
        secret, issuer = self.secret(client_id), self.place.origin.issuer
        source = TokenSource(http, issuer, client_id, lambda: secret, discovery_url=discovery_url)
        self.exits.push_async_callback(source.close)
        return source

    def grpc(self, name: str, token: str = "") -> Any:
        """The generated client, by host name; not every resolver knows names below localhost."""
        host = f"{name}.grpc.{self.place.origin.public_host}"
        options = (
            ("grpc.ssl_target_name_override", host),
            ("grpc.default_authority", f"{host}:{self.place.origin.https_port}"),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", -1),
        )
        metadata = {"a2a-version": "1.0", **({"authorization": f"Bearer {token}"} if token else {})}
        adding: list[Any] = [UnaryMetadata(metadata), StreamMetadata(metadata)]
        credentials = grpc.ssl_channel_credentials(self.place.authority.certificate_file.read_bytes())
        channel = grpc.aio.secure_channel(self.authority, credentials, options=options, interceptors=adding)
        self.exits.push_async_callback(channel.close)
        return a2a_stub(channel)

    def image(self, service: str) -> str:
        return f"{self.project.name}/{service}:{os.environ.get('TAG', 'dev')}"

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

    def _closed(self, http: httpx.AsyncClient) -> httpx.AsyncClient:
        self.exits.push_async_callback(http.aclose)
        return http


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
        place = ComposePlace(ROOT, ROOT / ".crossdock" / "compose", checked(Origin))
        yield Stack(Project(project_name()), place, exits)


@asynccontextmanager
async def inside(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """A client in the services' network: it knows their names, and those of single containers."""
    program = (f"--entrypoint={PYTHON}", stack.image("installer"), "-c", PROXY.read_text())
    async with stack.container(*program, published=8000) as proxy:
        url = f"http://{proxy.address}"
        async with httpx.AsyncClient(trust_env=False) as http:
            await until(lambda: _answers(http, url), f"nothing answers at {url}")
        async with httpx.AsyncClient(proxy=url, timeout=120.0, headers={"Connection": "close"}) as http:
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


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "A2A-Version": "1.0"}
