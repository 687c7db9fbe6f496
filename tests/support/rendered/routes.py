"""Ingresses as F5's NGINX Ingress Controller reads them: servers by host, and their locations."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.rendered.documents import Document, Key, Objects, Refused
from tests.support.rendered.known import BACKEND, METADATA, TOLD, TOP
from tests.support.rendered.shapes import USED, Each, Names, Only, Shape

OURS = "nginx.org/"
TYPE = f"{OURS}mergeable-ingress-type"
BOOLEAN = Only(("true", "false"))
ANNOTATIONS: dict[str, Shape] = {
    TYPE: Only(("master", "minion")),
    f"{OURS}proxy-buffering": BOOLEAN,
    f"{OURS}limit-req-no-delay": BOOLEAN,
    f"{OURS}limit-req-scale": Only(("true",)),  # there is one controller, so a share of its rate is all of it
    **dict.fromkeys(
        (
            *(f"{OURS}proxy-{name}-timeout" for name in ("connect", "read", "send")),
            *(f"{OURS}limit-req-{name}" for name in ("key", "rate", "burst", "reject-code", "zone-size")),
            *(f"{OURS}{name}" for name in ("client-max-body-size", "policies", "grpc-services")),
        ),
        USED,
    ),
}
PATH: Shape = {"path": USED, "pathType": Only(("Prefix", "Exact")), "backend": BACKEND}
INGRESS_KINDS: dict[str, Shape] = {
    "Ingress": {
        **TOP,
        "metadata": {**METADATA, "annotations": Names(ANNOTATIONS)},  # type: ignore[dict-item]
        "spec": {
            "ingressClassName": Only(("nginx",)),
            "tls": Each({"hosts": USED, "secretName": USED}),
            "rules": Each({"host": USED, "http": {"paths": Each(PATH)}}),
        },
    },
    "Policy": {
        **TOP,
        "spec": {
            "ingressClassName": Only(("nginx",)),
            "externalAuth": {"authURI": USED, "authServiceName": USED, "authServicePorts": USED},
        },
    },
    "IngressClass": {**TOP, "spec": TOLD},
}


@dataclass(frozen=True)
class Check:
    """`auth_request`: where a request is checked first."""

    uri: str
    service: Key
    port: int


@dataclass(frozen=True)
class Location:
    path: str
    exact: bool
    service: Key
    port: int
    options: Mapping[str, str]
    """The annotations, without their prefix."""
    grpc: bool
    check: Check | None
    owner: str
    """Of the Ingress: limits of two Ingresses are counted apart."""


@dataclass
class Server:
    host: str
    certificate: Key
    locations: list[Location] = field(default_factory=list)


def servers(objects: Objects, wildcard: Key) -> list[Server]:
    """Raises `Refused` for what the controller would reject, and for a minion without a master."""
    ingresses = objects.of("Ingress")
    found: dict[str, Server] = {}
    for ingress in (each for each in ingresses if _kind(each) != "minion"):
        for rule in ingress["spec"]["rules"]:
            if rule["host"] in found:
                raise Refused(f"Two Ingresses want the host {rule['host']}; the controller takes the older one alone.")
            found[rule["host"]] = Server(rule["host"], _certificate(ingress, rule["host"], wildcard))
    for ingress in (each for each in ingresses if _kind(each) != "master"):
        for rule in ingress["spec"]["rules"]:
            if rule["host"] not in found:
                raise Refused(f"The minion {ingress['metadata']['name']} has no master for {rule['host']}.")
            found[rule["host"]].locations += _locations(objects, ingress, rule)
    return list(found.values())


def _kind(ingress: Document) -> str:
    return str((ingress["metadata"].get("annotations") or {}).get(TYPE, ""))


def _certificate(ingress: Document, host: str, wildcard: Key) -> Key:
    for tls in ingress["spec"].get("tls") or []:
        if host in tls["hosts"]:
            named = tls.get("secretName")
            return Key("Secret", ingress["metadata"]["namespace"], named) if named else wildcard
    raise Refused(f"{host} is served without TLS.")


def _locations(objects: Objects, ingress: Document, rule: Mapping[str, Any]) -> list[Location]:
    metadata = ingress["metadata"]
    given = {name.removeprefix(OURS): value for name, value in (metadata.get("annotations") or {}).items()}
    for name, value in given.items():
        if not isinstance(value, str):
            raise Refused(f"Ingress {metadata['name']}: the annotation {name} is {value!r}, which is no text.")
    found = []
    for path in (rule.get("http") or {}).get("paths") or []:
        service = path["backend"]["service"]
        named = Key("Service", metadata["namespace"], service["name"])
        grpc = service["name"] in [each.strip() for each in given.get("grpc-services", "").split(",")]
        port, exact = _port(objects, named, service["port"]), path["pathType"] == "Exact"
        check = _check(objects, metadata["namespace"], given.get("policies", ""))
        owner = f"{metadata['namespace']}-{metadata['name']}"
        found.append(Location(path["path"], exact, named, port, given, grpc, check, owner))
    return found


def _port(objects: Objects, service: Key, asked: Mapping[str, Any]) -> int:
    if "number" in asked:
        return int(asked["number"])
    document = objects.get(service)
    if document is None:
        raise Refused(f"An Ingress leads to {service}, which there is not.")
    return int(next(port["port"] for port in document["spec"]["ports"] if port.get("name") == asked["name"]))


def _check(objects: Objects, namespace: str, policy: str) -> Check | None:
    if not policy:
        return None
    found = objects.get(Key("Policy", namespace, policy))
    if found is None:
        raise Refused(f"There is no Policy {namespace}/{policy}.")
    auth = found["spec"]["externalAuth"]
    home, _, service = auth["authServiceName"].rpartition("/")
    return Check(auth["authURI"], Key("Service", home or namespace, service), auth["authServicePorts"][0])
