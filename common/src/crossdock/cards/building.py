"""Agent Cards as Crossdock's services publish them (A2A v1.0, sections 4.4 and 8)."""

from collections.abc import Sequence

from a2a.types import (
    AgentCapabilities,
    AgentCard,
    AgentInterface,
    AgentProvider,
    AgentSkill,
    OpenIdConnectSecurityScheme,
    SecurityRequirement,
    SecurityScheme,
    StringList,
)
from a2a.utils.constants import TransportProtocol

CARD_PATHS = ("/.well-known/agent-card.json", "/.well-known/agent.json")
"""Where cards stand: today's path (section 8.2), and that of clients from before 0.3."""

RPC_PATHS = ("/", "/rpc")
"""Where JSON-RPC is served; HTTP+JSON has the other paths."""

SCHEME = "oidc"


def agent_card(
    *,
    name: str,
    description: str,
    version: str,
    url: str,
    issuer: str,
    skills: Sequence[AgentSkill],
    input_modes: Sequence[str],
    output_modes: Sequence[str],
    extended: bool = True,
) -> AgentCard:
    """The public card of a service that answers at `url` and takes tokens of `issuer`.

    Interfaces are declared in order of preference, JSON-RPC first, each once for A2A 1.0 and once for 0.3.
    """
    card = AgentCard(
        name=name,
        description=description,
        version=version,
        provider=AgentProvider(organization="Crossdock", url="https://crossdock.example"),
        capabilities=AgentCapabilities(streaming=True, push_notifications=False, extended_agent_card=extended),
        supported_interfaces=[
            AgentInterface(url=url, protocol_binding=binding, protocol_version=protocol)
            for protocol in ("1.0", "0.3")
            for binding in (TransportProtocol.JSONRPC.value, TransportProtocol.HTTP_JSON.value)
        ],
        default_input_modes=list(input_modes),
        default_output_modes=list(output_modes),
        skills=list(skills),
        security_requirements=[SecurityRequirement(schemes={SCHEME: StringList(list=[])})],
    )
    card.security_schemes[SCHEME].CopyFrom(_openid_connect(issuer))
    return card


def offer_grpc(card: AgentCard, address: str) -> None:
    """Adds the interface at `address` (host:port), behind those over HTTP of the same version.

    One that the card says itself stays as it is.
    """
    binding = TransportProtocol.GRPC.value
    said = {item.protocol_version for item in card.supported_interfaces if item.protocol_binding == binding}
    added = [
        AgentInterface(url=address, protocol_binding=binding, protocol_version=protocol)
        for protocol in ("1.0", "0.3")
        if protocol not in said
    ]
    interfaces = sorted([*card.supported_interfaces, *added], key=lambda item: item.protocol_version, reverse=True)
    del card.supported_interfaces[:]
    card.supported_interfaces.extend(interfaces)


def _openid_connect(issuer: str) -> SecurityScheme:
    return SecurityScheme(
        open_id_connect_security_scheme=OpenIdConnectSecurityScheme(
            description="A bearer token of this issuer whose audience holds this card's name.",
            open_id_connect_url=f"{issuer}/.well-known/openid-configuration",
        )
    )
