"""The NetworkPolicies open the edges that docs/architecture.md lists, and no others: found out by asking them."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.charts.checks.standing import RELEASES, Actor, actors, beside, of_kind, of_others, others, platform, policies
from tests.charts.checks.values import values
from tests.charts.rendering import ROOT, Manifest, Rendering, matches, rendered
from tests.support.rendered.selection import NAME_SERVER, Peer

TABLE = ROOT / "docs" / "architecture.md"
BY_NAMESPACE = {"edge", "ingress", "keycloak", "redis", "postgres"}
"""Their namespaces are the platform's own: a release lets in and goes out to each of them as a whole."""
ANYWHERE = {1, 22, 65535}
PROTOCOLS = ("TCP", "UDP")


@dataclass(frozen=True, order=True)
class Edge:
    """From whom to whom, on which port."""

    source: str
    target: str
    port: int
    protocol: str = "TCP"


def drawn() -> dict[Edge, set[str]]:
    """The table of the document: each edge, and when it is there. Names are asked for by UDP too."""
    found: dict[Edge, set[str]] = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"[0-9, ]+", cells[2]):
            sources, targets, ports, when = cells
            for source in sources.split(", "):
                for target in targets.split(", "):
                    for protocol in PROTOCOLS if target == "dns" else PROTOCOLS[:1]:
                        for port in ports.split(", "):
                            found[Edge(source, target, int(port), protocol)] = set(when.split(" and "))
    return found


def conditions(rendering: Rendering) -> set[str]:
    """Those of the table that hold for this release."""
    variables = rendering.serving[0].environment
    annotations = rendering.serving[0].annotations
    holding = {
        "always": True,
        "with Dapr": "dapr.io/enabled" in annotations,
        "without Dapr": "dapr.io/enabled" not in annotations,
        "with telemetry": "CROSSDOCK_OTLP_ENDPOINT" in variables,
        "with PostgreSQL": variables.get("CROSSDOCK_DATABASE_URL", "").startswith("postgresql"),
        "with Sentinel": variables.get("CROSSDOCK_REDIS_MODE") == "sentinel",
        "with gRPC": variables.get("CROSSDOCK_GRPC", "true") == "true",
        "with an ingress": rendering.scenario.chart == "edge" or bool(entrances(rendering)),
        "while tested": bool(rendering.of("Pod")),
    }
    return {name for name, holds in holding.items() if holds}


def entrances(rendering: Rendering) -> list[Manifest]:
    return [*rendering.of("Ingress"), *rendering.of("HTTPRoute")]


def probed(objects: Iterable[Manifest]) -> list[int]:
    """Ports that tell policies apart: those of the table, those that a policy names, and their neighbours."""
    found = {edge.port for edge in drawn()} | ANYWHERE
    for policy in of_kind(objects, "NetworkPolicy"):
        rules = [*policy["spec"].get("ingress", []), *policy["spec"].get("egress", [])]
        named = [port.get(field) for rule in rules for port in rule.get("ports", []) for field in ("port", "endPort")]
        found |= {beyond for port in named if isinstance(port, int) for beyond in (port - 1, port, port + 1)}
    return sorted(port for port in found if 0 < port < 65536)


def opened(
    pairs: Iterable[tuple[Actor, Actor]], lets: Callable[[Peer, Peer, int, str], bool], ports: list[int]
) -> set[Edge]:
    return {
        Edge(source.name, target.name, port, protocol)
        for source, target in pairs
        for port in ports
        for protocol in PROTOCOLS
        if lets(source.peer, target.peer, port, protocol)
    }


def as_drawn(rendering: Rendering) -> Iterator[str]:
    """Of an edge between two releases each opens its own end: this one's is looked at."""
    if not rendering.of("NetworkPolicy"):
        return
    chosen = values(rendering.scenario)
    found = policies([*platform(), *rendering.objects], chosen)
    own, ports = actors(rendering), probed(rendering.objects)
    everybody = [*own, *beside(rendering)]
    inwards = opened(((other, mine) for mine in own for other in everybody), found.enters, ports)
    outwards = opened(((mine, other) for mine in own for other in everybody), found.leaves, ports)
    holding = {edge for edge, when in drawn().items() if when <= conditions(rendering)}
    names = {actor.name for actor in own}
    foreign = {"agent", "orchestrator", "edge"} - names  # a release's test calls that release alone
    mine = {
        edge
        for edge in holding
        if {edge.source, edge.target} & names and not (edge.source == "test" and edge.target in foreign)
    }
    yield from _differences(inwards | outwards, mine, _housemates(everybody))


def _housemates(everybody: list[Actor]) -> dict[str, set[str]]:
    """By a name, all names that policies cannot tell from it."""
    found: dict[str, set[str]] = {}
    for actor in everybody:
        together = {
            other.name
            for other in everybody
            if {actor.name, other.name} <= BY_NAMESPACE and other.peer.namespace == actor.peer.namespace
        }
        found[actor.name] = found.get(actor.name, set()) | together | {actor.name}
    return found


def _differences(found: set[Edge], expected: set[Edge], alike: dict[str, set[str]]) -> Iterator[str]:
    tolerated = {
        Edge(source, target, edge.port, edge.protocol)
        for edge in expected
        for source in alike.get(edge.source, {edge.source})
        for target in alike.get(edge.target, {edge.target})
    }
    yield from (f"{edge} is open, and not in {TABLE.name}" for edge in sorted(found - tolerated))
    yield from (f"{edge} is in {TABLE.name}, and not open" for edge in sorted(expected - found))


def as_drawn_together(root: Path) -> Iterator[str]:
    """Both ends of everything that is installed: the platform of `root`, the agents, two customers and the edge."""
    chosen = values(RELEASES[0])
    releases = [rendered(each) for each in RELEASES]
    objects = [*platform(root), *(each for release in releases for each in release.objects)]
    found, ports = policies(objects, chosen), probed(objects)
    every = {condition for when in drawn().values() for condition in when}
    ours = [(actor, conditions(release)) for release in releases for actor in actors(release)]
    ours += [(actor, every) for actor in actors(Rendering(RELEASES[0], platform(root)))]
    # Whoever starts a pod in a namespace of the platform's is no stranger to it.
    spaces = {*of_others(chosen).values(), NAME_SERVER.namespace}
    theirs = [(actor, every) for actor in others(chosen) if actor.peer.namespace in spaces]
    pairs = [(one, other) for one in [*ours, *theirs] for other in [*ours, *theirs] if one in ours or other in ours]
    for (source, some), (target, more) in pairs:
        names, holding = (source.name, target.name), some & more
        expected = {edge for edge, when in drawn().items() if (edge.source, edge.target) == names and when <= holding}
        yield from _differences(opened([(source, target)], found.allowed, ports), expected, {})


def closed(rendering: Rendering) -> Iterator[str]:
    """Every pod is selected by a policy for both directions."""
    found = [policy["spec"] for policy in rendering.of("NetworkPolicy")]
    for pod in rendering.pods:
        mine = [policy for policy in found if matches(policy["podSelector"], pod.labels)]
        if {kind for policy in mine for kind in policy["policyTypes"]} != {"Ingress", "Egress"}:
            yield f"{pod.name} is open"
