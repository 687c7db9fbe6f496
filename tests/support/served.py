"""A running system as its callers see it, wherever it runs: names with URLs, tokens, and clients on each binding."""

import ssl
from abc import ABC, abstractmethod
from contextlib import AsyncExitStack
from typing import Any

import grpc
import httpx

from crossdock.auth.tokens import BearerAuth, TokenSource
from crossdock.cards.caching import CardCache
from crossdock.client.agent import AgentClient
from crossdock.client.calls import ClientPolicy
from crossdock.client.pool import pooled_client
from tests.support.grpc_channels import StreamMetadata, UnaryMetadata, a2a_stub
from tests.support.operations import RestCaller, RpcCaller


class Served(ABC):
    """`exits` closes what is made here."""

    exits: AsyncExitStack

    @property
    @abstractmethod
    def issuer(self) -> str: ...

    @property
    @abstractmethod
    def authority_file(self) -> str:
        """Certificates of the place's own authority."""

    @abstractmethod
    def path(self, name: str) -> str:
        """What `http()` reaches the agent of this name by: a path, or a URL."""

    @abstractmethod
    def url_of(self, name: str) -> str: ...

    @abstractmethod
    def grpc_of(self, name: str) -> tuple[str, str]:
        """The authority by which it is known, and the address to connect to."""

    @abstractmethod
    def secret(self, client_id: str) -> str: ...

    def reached(self, http: httpx.AsyncClient) -> httpx.AsyncClient:
        """The same client, able to reach the place."""
        return http

    def trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority_file)

    def http(self, base: str = "", **options: Any) -> httpx.AsyncClient:
        """With connections of its own."""
        options = {"timeout": 60.0, "trust_env": False, "verify": self.trust(), **options}
        return self._closed(self.reached(httpx.AsyncClient(base_url=base, **options)))

    async def token(self, client_id: str, secret: str = "") -> str:
        """A new one, which has a rate limit of its own."""
        credentials = (client_id, secret or self.secret(client_id))
        url = f"{self.issuer}/protocol/openid-connect/token"
        answer = await self.http().post(url, data={"grant_type": "client_credentials"}, auth=credentials)
        assert answer.status_code == httpx.codes.OK, answer.text
        return str(answer.json()["access_token"])

    async def headers(self, client_id: str) -> dict[str, str]:
        return bearing(await self.token(client_id))

    async def rpc(self, name: str, client_id: str) -> RpcCaller:
        return RpcCaller(self.http(), self.path(name), await self.headers(client_id))

    async def rest(self, name: str, client_id: str) -> RestCaller:
        return RestCaller(self.http(), self.path(name), await self.headers(client_id))

    def agent(self, name: str, client_id: str, **policy: Any) -> AgentClient:
        """Crossdock's own client of what is served under this name."""
        url, http = self.url_of(name), self._closed(self.reached(pooled_client(self.trust())))
        http.auth = BearerAuth(self.tokens(http, client_id), origins=[url])
        return AgentClient(url, http, CardCache(http), policy=ClientPolicy(**policy))

    def tokens(self, http: httpx.AsyncClient, client_id: str, discovery_url: str = "") -> TokenSource:
        secret = self.secret(client_id)
        source = TokenSource(http, self.issuer, client_id, lambda: secret, discovery_url=discovery_url)
        self.exits.push_async_callback(source.close)
        return source

    def grpc(self, name: str, token: str = "") -> Any:
        """The generated client, by host name; not every resolver knows names below localhost."""
        authority, address = self.grpc_of(name)
        options = (
            ("grpc.ssl_target_name_override", authority.partition(":")[0]),
            ("grpc.default_authority", authority),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", -1),
        )
        metadata = {"a2a-version": "1.0", **({"authorization": f"Bearer {token}"} if token else {})}
        adding: list[Any] = [UnaryMetadata(metadata), StreamMetadata(metadata)]
        with open(self.authority_file, "rb") as file:
            credentials = grpc.ssl_channel_credentials(file.read())
        channel = grpc.aio.secure_channel(address, credentials, options=options, interceptors=adding)
        self.exits.push_async_callback(channel.close)
        return a2a_stub(channel)

    def _closed(self, http: httpx.AsyncClient) -> httpx.AsyncClient:
        self.exits.push_async_callback(http.aclose)
        return http


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}", "A2A-Version": "1.0"}
