"""The conformance agent as a service: its card, and the product's server behind a door for public suites."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from a2a.types import (
    AgentCard,
    AgentExtension,
    AgentInterface,
    AgentSkill,
    HTTPAuthSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from a2a.utils.constants import TransportProtocol

from crossdock.auth.tokens import TokenSource
from crossdock.cards.building import agent_card
from crossdock.errors import ConfigError
from crossdock.server.service import Service, create_service
from crossdock.tasks.journal import TaskJournal
from tests.support.conformance_behaviours import Conformance
from tests.support.conformance_door import REST_PATH, Door, GrpcDoor, RestPath
from tests.support.issuer import DevIssuer
from tests.support.system import PuppetSettings

NAME = "conformance-agent"
AGENT = "conformance"
SKILL = "follow_prefixes"
CUSTOMER = "public"
MODES = ("text/plain", "application/json")


@dataclass(frozen=True)
class Choices:
    """What the command line says. `token` is what callers must bring; without it nobody is asked for one."""

    port: int
    grpc_port: int = 0
    journal: str = "memory"
    capabilities: bool = True
    required_extension: str = ""
    token: str = ""
    streaming_timeout: float = 2.0


def conformance_card(
    url: str, issuer: str, *, capabilities: bool = True, required: Sequence[str] = (), grpc: str = ""
) -> AgentCard:
    """The product's card, with HTTP+JSON below a path. Without `capabilities` it has none of the optional ones.

    Suites for 0.3 read the address of gRPC as a URL: at `grpc` (host:port) they find one with a scheme.
    """
    skill = AgentSkill(
        id=SKILL,
        name="Follow prefixes",
        description="Does what the beginning of the message's id says, or else that of its text.",
        tags=["conformance"],
        examples=["tck-complete-task"],
    )
    card = agent_card(
        name=NAME,
        description="Behaves as public conformance suites expect.",
        version="1.0.0",
        url=url,
        issuer=issuer,
        skills=[skill],
        input_modes=MODES,
        output_modes=MODES,
    )
    for interface in card.supported_interfaces:
        if interface.protocol_binding == TransportProtocol.HTTP_JSON.value:
            interface.url += REST_PATH
    if grpc:
        old = AgentInterface(
            url=f"http://{grpc}", protocol_binding=TransportProtocol.GRPC.value, protocol_version="0.3"
        )
        card.supported_interfaces.append(old)
    if not capabilities:
        card.ClearField("capabilities")
    card.capabilities.extensions.extend(
        AgentExtension(uri=uri, description="Callers must support it.", required=True) for uri in required
    )
    return card


def conformance_service(choices: Choices, folder: Path, *, url: str = "", **settings: Any) -> Service:
    """The whole agent; its issuer, whose clients stand in `folder`, answers inside the process only."""
    issuer = DevIssuer(folder, customers=[CUSTOMER], agents={AGENT: [SKILL]})
    http = issuer.http()
    client_id = f"{CUSTOMER}-orchestrator"
    tokens = TokenSource(http, issuer.url, client_id, lambda: issuer.secret(client_id))
    loaded = PuppetSettings(
        port=choices.port,
        grpc=bool(choices.grpc_port),
        grpc_port=choices.grpc_port,
        push_notifications=choices.capabilities,
        push_private_urls=True,
        push_plain_http=True,
        public_url=url,
        issuer=issuer.url,
        streams_per_customer=10_000,
        **{**redis_settings(choices.journal), **settings},
    )
    required = [choices.required_extension] if choices.required_extension else []
    card = conformance_card(
        loaded.url,
        issuer.url,
        capabilities=choices.capabilities,
        required=required,
        grpc=loaded.public_grpc if loaded.grpc else "",
    )
    _declare_security(card, choices.token)
    service = conformance_server(
        loaded,
        card,
        http,
        streaming_timeout=choices.streaming_timeout,
        closing=[tokens.close, http.aclose],
    )
    door = Door(service.app, tokens.token, choices.token)
    service.app = door
    if service.grpc:
        service.grpc.door = GrpcDoor(service.grpc.door, door)
    return service


def conformance_server(
    settings: PuppetSettings,
    card: AgentCard,
    http: httpx.AsyncClient,
    *,
    journal: TaskJournal | None = None,
    streaming_timeout: float = 2.0,
    **options: Any,
) -> Service:
    """The agent without the door: it wants the tokens of `settings.issuer`, as every service does."""
    work = Conformance(streaming_timeout)
    service = create_service(
        settings, card, work, agent=AGENT, journal=journal, http=http, direct_messages=True, **options
    )
    service.app = RestPath(service.app)
    return service


def _declare_security(card: AgentCard, token: str) -> None:
    """The tokens behind the door are nothing that its callers know of."""
    card.ClearField("security_schemes")
    card.ClearField("security_requirements")
    if token:
        scheme = HTTPAuthSecurityScheme(scheme="Bearer", description="The token that the agent was started with.")
        card.security_schemes["bearer"].CopyFrom(SecurityScheme(http_auth_security_scheme=scheme))
        card.security_requirements.append(SecurityRequirement(schemes={"bearer": StringList(list=[])}))


def redis_settings(journal: str) -> dict[str, Any]:
    """`memory`, or `redis://host:port/database`. Raises `ConfigError`."""
    if journal == "memory":
        return {}
    parts = urlsplit(journal)
    database = parts.path.strip("/") or "0"
    if parts.scheme != "redis" or not parts.hostname or not database.isdigit():
        raise ConfigError("--journal: give memory or redis://host:port.")
    return {"redis_nodes": f"{parts.hostname}:{parts.port or 6379}", "redis_database": int(database)}
