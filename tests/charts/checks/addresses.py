"""Every address that a release is told, or tells others, is one of a Service that is rendered, or of somebody known."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.charts.checks.standing import of_others, standing
from tests.charts.checks.values import Values, given, values
from tests.charts.rendering import Manifest, Rendering, Scenario, rendered, strings
from tests.charts.scenarios import NAMESPACES

URL = re.compile(r"""[a-z][a-z0-9+]*://[^\s"'|,;]+""")
PAIR = re.compile(r"(?<![\w./@:-])((?:[a-z0-9-]+\.)*[a-z][a-z0-9-]*):(\d+)(?![\w:])")
USUAL = {"http": 80, "https": 443, "postgresql+psycopg": 5432}
INSIDE = re.compile(r"([a-z0-9-]+)(?:\.([a-z0-9-]+)(?:\.svc(?:\.cluster\.local)?)?)?")


@dataclass(frozen=True)
class Address:
    """A host and a port, and where it stands."""

    host: str
    port: int
    place: str


def addressed(rendering: Rendering) -> Iterator[str]:
    offered = {
        (service["metadata"]["name"], service["metadata"]["namespace"], port["port"])
        for service in _services(rendering)
        for port in service["spec"]["ports"]
    }
    chosen, own = values(rendering.scenario), list(strings(given(rendering.scenario)))
    for address in told(rendering):
        if _public(address, chosen) or any(_names(text, address.host) for text in own):
            continue
        inside = INSIDE.fullmatch(address.host)
        namespace = (inside[2] or rendering.scenario.namespace) if inside else ""
        others = {name for role, name in of_others(chosen).items() if role in {"prometheus", "collector"}}
        if namespace not in others and (inside is None or (inside[1], namespace, address.port) not in offered):
            yield f"{address.place}: nobody answers at {address.host}:{address.port}"


def _names(text: str, host: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w.-])", text) is not None


def _public(address: Address, chosen: Values) -> bool:
    """Of the place's domain, by its port of HTTPS."""
    domain, port = chosen["platform"]["domain"], chosen["platform"]["httpsPort"]
    return address.host.endswith(f".{domain}") and address.port == port


def _services(rendering: Rendering) -> list[Manifest]:
    """And those of agents that a customer uses and that are others' releases of the same chart."""
    found = [each for each in standing(rendering) if each["kind"] == "Service"]
    for agent in values(rendering.scenario).get("customer", {}).get("agents", []):
        name = agent["id"]
        found += rendered(Scenario("agent", name, NAMESPACES["agent"], (), (f"agent={name}",), name)).of("Service")
    return found


def told(rendering: Rendering) -> Iterator[Address]:
    for pod in rendering.pods:
        for name, value in pod.environment.items():
            yield from _within(value, f"{pod.name}: {name}")
    for found in rendering.objects:
        label = f"{found['kind']} {found['metadata']['name']}"
        for note in found["metadata"].get("annotations", {}).values():
            yield from _within(note, label)
        yield from _of_object(found, label)


def _of_object(found: Manifest, label: str) -> Iterator[Address]:
    spec = found.get("spec", {})
    match found["kind"]:
        case "SnippetsFilter" | "ScaledObject":
            for text in strings(spec):
                yield from _within(text, label)
        case "HTTPRoute" | "GRPCRoute":
            for backend in (each for rule in spec["rules"] for each in rule["backendRefs"]):
                yield Address(backend["name"], backend["port"], label)
        case "Policy":
            namespace, _, service = spec["externalAuth"]["authServiceName"].rpartition("/")
            for port in spec["externalAuth"].get("authServicePorts", [80]):
                yield Address(f"{service}.{namespace or found['metadata']['namespace']}", port, label)


def _within(text: str, place: str) -> Iterator[Address]:
    for url in URL.findall(text):
        parts = urlsplit(url)
        yield Address(str(parts.hostname), parts.port or USUAL[parts.scheme], place)
    for host, port in PAIR.findall(URL.sub(" ", text)):
        yield Address(host, int(port), place)
