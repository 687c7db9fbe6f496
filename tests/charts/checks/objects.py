"""How objects refer to each other, and what they are called."""

import functools
from collections.abc import Iterator

from starlette.routing import Route

from crossdock.server.management import management_app
from crossdock.telemetry.metrics import Metrics
from tests.charts.checks.values import values
from tests.charts.rendering import Manifest, Rendering, matches, strings

LONGEST = 63
SPOKEN = {"http": "http", "grpc": "kubernetes.io/h2c", "management": "http"}
"""What a port of this name is said to speak: a proxy that is told something else does not get through."""


def referring(rendering: Rendering) -> Iterator[str]:
    """Services, policies and monitors find what they select; Ingresses find ports."""
    labels = [pod.labels for pod in rendering.pods]
    for found in [*rendering.of("Service"), *rendering.of("NetworkPolicy")]:
        spec = found["spec"]
        selector = spec["podSelector"] if "podSelector" in spec else {"matchLabels": spec["selector"]}
        if not any(matches(selector, each) for each in labels):
            yield f"{found['kind']} {found['metadata']['name']} selects nothing"
    services = [found["metadata"]["labels"] for found in rendering.of("Service")]
    for found in rendering.of("ServiceMonitor"):
        if sum(matches(found["spec"]["selector"], each) for each in services) != 1:
            yield "the ServiceMonitor does not select one Service"
        yield from _scraped(rendering, found)
    yield from _ports(rendering)


def _scraped(rendering: Rendering, monitor: Manifest) -> Iterator[str]:
    """The monitor asks for what the management port serves."""
    chosen = values(rendering.scenario)["serviceMonitor"]
    ports = {port["name"] for found in rendering.of("Service") for port in found["spec"]["ports"]}
    for endpoint in monitor["spec"]["endpoints"]:
        if endpoint["port"] not in ports or endpoint["path"] not in served():
            yield f"the ServiceMonitor asks for {endpoint['path']} at {endpoint['port']}"
        if endpoint["interval"] != chosen["interval"]:
            yield f"the ServiceMonitor asks every {endpoint['interval']}"


@functools.cache
def served() -> set[str]:
    """Paths of the management port, as the services make them."""
    app = management_app(Metrics("any").registry, {})
    return {route.path for route in app.routes if isinstance(route, Route)}


def _ports(rendering: Rendering) -> Iterator[str]:
    container = {port["name"] for pod in rendering.serving for port in pod.spec["containers"][0]["ports"]}
    offered = {
        (found["metadata"]["name"], port["name"])
        for found in rendering.of("Service")
        for port in found["spec"]["ports"]
    }
    for found in rendering.of("Service"):
        yield from (
            f"{found['metadata']['name']} leads to {port['targetPort']}, which no container has"
            for port in found["spec"]["ports"]
            if port["targetPort"] not in container
        )
        yield from (
            f"{found['metadata']['name']} says that {port['name']} speaks {port.get('appProtocol')}"
            for port in found["spec"]["ports"]
            if port["targetPort"] != port["name"] or port.get("appProtocol", "http") != SPOKEN[port["name"]]
        )
    for found in rendering.of("Ingress"):
        for rule in found["spec"]["rules"]:
            for path in rule.get("http", {}).get("paths", []):
                service = path["backend"]["service"]
                if (service["name"], service["port"]["name"]) not in offered:
                    yield f"{found['metadata']['name']} leads to {service}, which is not there"


def consistent(rendering: Rendering) -> Iterator[str]:
    """What else a linter for manifests asks: one value per variable, pods of one's own, no port of a node."""
    for found in rendering.of("Deployment"):
        if not matches(found["spec"]["selector"], found["spec"]["template"]["metadata"]["labels"]):
            yield f"{found['metadata']['name']} does not take its own pods for its own"
    for pod in rendering.pods:
        for container in pod.containers:
            names = [variable["name"] for variable in container["env"]]
            if len(names) != len(set(names)):
                yield f"{pod.name} is told something twice"
        if pod.spec.get("securityContext", {}).get("sysctls"):
            yield f"{pod.name} changes its node"
    for found in rendering.of("Service"):
        if found["spec"].get("type", "ClusterIP") != "ClusterIP" or found["spec"].get("externalIPs"):
            yield f"{found['metadata']['name']} is open to the outside by itself"


def managed_apart(rendering: Rendering) -> Iterator[str]:
    """Probes and metrics have a Service of their own, and no Ingress leads there."""
    names = {found["metadata"]["name"]: found["spec"] for found in rendering.of("Service")}
    for name, spec in names.items():
        ports = {port["port"] for port in spec["ports"]}
        if (9080 in ports) != name.endswith("-management") or (9080 in ports and len(ports) > 1):
            yield f"{name} offers {sorted(ports)}"
        if 9080 in ports and (spec.get("clusterIP") != "None" or spec.get("publishNotReadyAddresses") is not True):
            yield f"{name} hides pods, or those that are not ready: their metrics tell why"
    for found in [*rendering.of("Ingress"), *rendering.of("HTTPRoute"), *rendering.of("GRPCRoute")]:
        if "management" in list(strings(found["spec"])) or 9080 in _numbers(found["spec"]):
            yield f"{found['kind']} {found['metadata']['name']} leads to the management port"


def _numbers(node: Manifest) -> set[int]:
    return {int(text) for text in strings(node) if text.isdecimal()}


def named(rendering: Rendering) -> Iterator[str]:
    """In the release's namespace, from the release's name, with the usual labels, and short enough for DNS."""
    release, chart = rendering.scenario.release, rendering.scenario.chart
    stem = release if chart in release else f"{release}-{chart}"
    for found in rendering.objects:
        metadata = found["metadata"]
        label = f"{found['kind']} {metadata['name']}"
        if found["kind"] == "Gateway":
            continue  # one for all releases
        if not metadata["name"].startswith(stem) or len(metadata["name"]) > LONGEST:
            yield f"{label} is not named for {stem}"
        if metadata.get("namespace") != rendering.scenario.namespace:
            yield f"{label} is in {metadata.get('namespace')}"
        if metadata["labels"].get("app.kubernetes.io/instance") != release:
            yield f"{label} does not say whose it is"


def apart(rendering: Rendering) -> Iterator[str]:
    """No two Deployments would count the same pods as theirs, and no version stands in a selector."""
    deployments = rendering.of("Deployment")
    for found in deployments:
        others = [other for other in deployments if other is not found]
        selector = found["spec"]["selector"]
        if any(matches(selector, other["spec"]["template"]["metadata"]["labels"]) for other in others):
            yield f"{found['metadata']['name']} takes another Deployment's pods for its own"
        if any("version" in key or "chart" in key for key in found["spec"]["template"]["metadata"]["labels"]):
            yield f"{found['metadata']['name']}: its pods would end because a label of theirs changes"


def without_secrets(rendering: Rendering) -> Iterator[str]:
    """Secrets are mounted as files; no chart holds one, and no environment or ConfigMap."""
    yield from ("a Secret is rendered" for _ in rendering.of("Secret"))
    for pod in rendering.pods:
        for container in pod.containers:
            if "envFrom" in container or any("valueFrom" in variable for variable in container["env"]):
                yield f"{pod.name} has an environment from elsewhere"
            if any(mount.get("subPath") for mount in container["volumeMounts"]):
                yield f"{pod.name} mounts a file that never changes again"
        for name, value in pod.environment.items():
            if name.endswith(("SECRET", "PASSWORD", "KEY", "TOKEN")):
                yield f"{pod.name}: {name} is {value}"
    for found in rendering.of("ConfigMap"):
        if set(found["data"]) != {"customer.yaml"}:
            yield f"{found['metadata']['name']} holds {', '.join(found['data'])}"
