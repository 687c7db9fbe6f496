"""The NetworkPolicies open the edges that docs/architecture.md lists, and no others."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.charts.rendering import ROOT, Manifest, Pod, Rendering, matches

TABLE = ROOT / "docs" / "architecture.md"
PLACES = {
    ("crossdock.dev/role", "edge"): "ingress",
    ("crossdock.dev/role", "identity"): "keycloak",
    ("crossdock.dev/role", "customer"): "orchestrator",
    ("crossdock.dev/role", "agents"): "agent",
    ("crossdock.dev/role", "data"): "data",
    ("kubernetes.io/metadata.name", "ingress-nginx"): "ingress",
    ("kubernetes.io/metadata.name", "nginx-gateway"): "ingress",
    ("kubernetes.io/metadata.name", "monitoring"): "prometheus",
    ("kubernetes.io/metadata.name", "observability"): "collector",
    ("kubernetes.io/metadata.name", "dapr-system"): "dapr",
    ("kubernetes.io/metadata.name", "kube-system"): "dns",
}
PODS = {"orchestrator": "orchestrator", "agent": "agent"}
PRIVATE = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10"}
FURTHER = {"10.20.0.0/16"}
"""What a scenario opens by `networkPolicy.egress`."""


@dataclass(frozen=True, order=True)
class Edge:
    """From whom to whom, on which port."""

    source: str
    target: str
    port: int


def drawn() -> dict[Edge, str]:
    """The table of the document: each edge, and when it is there."""
    found: dict[Edge, str] = {}
    for line in TABLE.read_text().splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and re.fullmatch(r"[0-9, ]+", cells[2]):
            sources, targets, ports, when = cells
            for source in sources.split(", "):
                for target in targets.split(", "):
                    found |= {Edge(source, target, int(port)): when for port in ports.split(", ")}
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


def edges(rendering: Rendering) -> set[Edge]:
    """What the policies of the release open."""
    found: set[Edge] = set()
    for policy in rendering.of("NetworkPolicy"):
        spec = policy["spec"]
        labels = [pod.labels for pod in rendering.pods if matches(spec["podSelector"], pod.labels)]
        tested = labels and all(each["crossdock.dev/process"] == "test" for each in labels)
        own = "test" if tested else rendering.scenario.chart
        found |= {Edge(peer, own, port) for peer, port in _peers(rendering, spec.get("ingress", []), "from")}
        found |= {Edge(own, peer, port) for peer, port in _peers(rendering, spec.get("egress", []), "to")}
    return found


def _peers(rendering: Rendering, rules: list[Manifest], side: str) -> Iterator[tuple[str, int]]:
    for rule in rules:
        for peer in rule.get(side) or [{}]:
            for port in rule.get("ports") or [{"port": 0}]:
                if name := _place(rendering, peer, port["port"]):
                    yield name, port["port"]


def _place(rendering: Rendering, peer: Manifest, port: int) -> str:
    if "ipBlock" in peer:
        block = peer["ipBlock"]
        if block["cidr"] in FURTHER:
            return ""
        family = {each for each in PRIVATE if (":" in each) == (":" in block["cidr"])}
        return "outside" if family <= set(block.get("except", [])) else f"anything in {block['cidr']}"
    if "namespaceSelector" not in peer:
        pods = [pod for pod in rendering.pods if matches(peer.get("podSelector", {}), pod.labels)]
        processes = {pod.labels["crossdock.dev/process"] for pod in pods}
        names = {"main": rendering.scenario.chart, "test": "test"}
        return names.get(processes.pop(), "?") if len(processes) == 1 else "everybody in the namespace"
    place = "+".join(
        PLACES.get(label, f"{label}") for label in peer["namespaceSelector"].get("matchLabels", {"any": ""}).items()
    )
    name = peer.get("podSelector", {}).get("matchLabels", {}).get("app.kubernetes.io/name")
    if place in PODS and name != PODS[place]:
        return f"all of {place}'s namespace"
    if place == "dns" and "podSelector" not in peer:
        return "all of kube-system"
    return {5432: "postgres"}.get(port, "redis") if place == "data" else place


def as_drawn(rendering: Rendering) -> Iterator[str]:
    if not rendering.of("NetworkPolicy"):
        return
    holding, chart = conditions(rendering), rendering.scenario.chart
    mine = {chart, "test"}
    expected = {
        edge
        for edge, when in drawn().items()
        if set(when.split(" and ")) <= holding and (chart in {edge.source, edge.target} or _tests(edge, mine))
    }
    # Of an edge between two of our charts each opens its own end.
    opened = edges(rendering)
    yield from (f"{edge} is open, and not in {TABLE.name}" for edge in sorted(opened - expected))
    yield from (f"{edge} is in {TABLE.name}, and not open" for edge in sorted(expected - opened))


def _tests(edge: Edge, mine: set[str]) -> bool:
    return edge.source == "test" and edge.target not in {"agent", "orchestrator", "edge"} - mine


def closed(rendering: Rendering) -> Iterator[str]:
    """Every pod is selected by a policy for both directions."""
    policies = [found["spec"] for found in rendering.of("NetworkPolicy")]
    for pod in rendering.pods:
        mine = [policy for policy in policies if matches(policy["podSelector"], pod.labels)]
        if {kind for policy in mine for kind in policy["policyTypes"]} != {"Ingress", "Egress"}:
            yield f"{pod.name} is open"


def through_the_sidecar(rendering: Rendering) -> Iterator[str]:
    """With Dapr on, whoever calls an agent does so through its sidecar, and only listed orchestrators may."""
    pods = [pod for pod in rendering.serving if pod.annotations.get("dapr.io/enabled") == "true"]
    configurations = rendering.of("Configuration")
    if bool(pods) != bool(configurations) or len(pods) not in {0, len(rendering.serving)}:
        yield f"{len(pods)} of {len(rendering.serving)} pods have a sidecar; {len(configurations)} configurations"
    for pod in pods:
        app, told = pod.annotations.get("dapr.io/app-id"), pod.annotations.get("dapr.io/config")
        if app != pod.name or told != rendering.of("Service")[0]["metadata"]["name"]:
            yield f"{pod.name}: its sidecar is {app} with the configuration {told}"
        if pod.annotations.get("dapr.io/sidecar-seccomp-profile-type") != "RuntimeDefault":
            yield f"{pod.name}: its sidecar is not let into a restricted namespace"
        yield from _ready(pod)
        if rendering.scenario.chart == "orchestrator" and not pod.environment.get("CROSSDOCK_DAPR_HTTP_PORT"):
            yield f"{pod.name} goes past its sidecar"
    yield from _denied(configurations)


def _ready(pod: Pod) -> Iterator[str]:
    """Pods have no token, and their policy leads neither to placement nor to the scheduler; empty is none of them."""
    if pod.annotations.get("dapr.io/disable-builtin-k8s-secret-store") != "true":
        yield f"{pod.name}: its sidecar ends, since it may not ask the API server for secrets"
    for service in ("placement", "scheduler"):
        if pod.annotations.get(f"dapr.io/{service}-host-address") != "":
            yield f"{pod.name}: its sidecar waits for Dapr's {service} before it is ready"


def _denied(configurations: list[Manifest]) -> Iterator[str]:
    for found in configurations:
        control = found["spec"].get("accessControl", {})
        if control.get("defaultAction") != "deny":
            yield "the sidecar lets everybody in"
        for policy in control.get("policies", []):
            orchestrator = f"{policy['namespace']}-orchestrator"
            known = {orchestrator, f"{orchestrator}-worker"}
            if policy["appId"] not in known or policy["defaultAction"] != "deny":
                yield f"the sidecar lets {policy} in"
            if not policy.get("trustDomain") or any(not each.get("httpVerb") for each in policy["operations"]):
                yield f"Dapr would not read {policy}"
