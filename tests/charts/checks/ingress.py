"""What carries requests in: no buffers, long silences, a check of tokens, limits, TLS; the same for each provider."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tests.charts.checks.configuration import loaded
from tests.charts.checks.values import values
from tests.charts.rendering import Manifest, Rendering, Scenario, rendered
from tests.charts.scenarios import NAMESPACES, scenario

MIB = 1024 * 1024
F5, RETIRED = "nginx.org/", "nginx.ingress.kubernetes.io/"
TIME = r"\d+(ms|s|m|h)"
TOO_MANY = 429
WHOLE = r"\d+"
BOOLEAN = "true|false"
KNOWN = {
    "mergeable-ingress-type": "master|minion",
    "proxy-buffering": BOOLEAN,
    "proxy-connect-timeout": TIME,
    "proxy-read-timeout": TIME,
    "proxy-send-timeout": TIME,
    "client-max-body-size": r"\d+[kmg]?",
    "grpc-services": r"[a-z0-9-]+(,[a-z0-9-]+)*",
    "policies": r"([a-z0-9-]+/)?[a-z0-9-]+",
    "limit-req-rate": r"\d+r/[sm]",
    "limit-req-key": r"(\$\{[A-Za-z_]\w*\})+",
    "limit-req-burst": WHOLE,
    "limit-req-no-delay": BOOLEAN,
    "limit-req-reject-code": r"[45]\d\d",
    "limit-req-scale": BOOLEAN,
}
"""F5's annotations that the charts use, and what that controller takes; it drops an Ingress with anything else."""
NOT_ON_MASTERS = {"grpc-services"}
PUBLIC = {"/.well-known/agent-card.json", "/.well-known/agent.json", "/.well-known/jwks.json"}


ASKED_WITHOUT_BODY = {
    "internal",
    "proxy_method GET",
    "proxy_pass_request_body off",
    'proxy_set_header Content-Length ""',
}
"""nginx' directives for a question beside a request: without these each one would carry the body, or wait for it."""


@dataclass(frozen=True)
class Way:
    """One path of one host, as a provider is told to serve it."""

    host: str
    path: str
    exact: bool
    port: str
    streams: bool
    silence: float
    largest: int
    check: str = ""
    limited_by: str = ""
    tls: bool = True
    refused_with: int = TOO_MANY
    """Where requests are too many."""


def ways(rendering: Rendering) -> list[Way]:
    if rendering.of("HTTPRoute"):
        return list(_of_gateway(rendering))
    return [way for found in rendering.of("Ingress") for way in _of_ingress(rendering, found)]


def _of_ingress(rendering: Rendering, found: Manifest) -> Iterator[Way]:
    notes, spec = found["metadata"].get("annotations", {}), found["spec"]
    hosts = {host for each in rendering.of("Ingress") for tls in each["spec"].get("tls", []) for host in tls["hosts"]}
    f5 = not any(key.startswith(RETIRED) for key in notes)
    for rule in spec["rules"]:
        for path in rule.get("http", {}).get("paths", []):
            host, port = rule["host"], path["backend"]["service"]["port"]["name"]
            streams, silence, largest, check, key = _of_f5(rendering, notes) if f5 else _of_retired(notes)
            exact = path["pathType"] == "Exact"
            code = int(notes.get(f"{F5}limit-req-reject-code", 429))
            yield Way(host, path["path"], exact, port, streams, silence, largest, check, key, host in hosts, code)


def _seconds(time: str) -> float:
    return float(time[:-1]) * {"s": 1, "m": 60}[time[-1]]


def _bytes(size: str) -> int:
    return int(size.removesuffix("m")) * MIB


def _of_f5(rendering: Rendering, notes: dict[str, str]) -> tuple[bool, float, int, str, str]:
    policies = {each["metadata"]["name"]: each["spec"]["externalAuth"] for each in rendering.of("Policy")}
    asked = policies.get(notes.get(f"{F5}policies", ""), {})
    return (
        notes.get(f"{F5}proxy-buffering") == "false",
        _seconds(notes.get(f"{F5}proxy-read-timeout", "60s")),
        _bytes(notes.get(f"{F5}client-max-body-size", "1m")),
        str(asked.get("authURI", "")),
        notes.get(f"{F5}limit-req-key", "") if f"{F5}limit-req-rate" in notes else "",
    )


def _of_retired(notes: dict[str, str]) -> tuple[bool, float, int, str, str]:
    check = notes.get(f"{RETIRED}auth-url", "")
    return (
        notes.get(f"{RETIRED}proxy-buffering") == "off",
        float(notes.get(f"{RETIRED}proxy-read-timeout", 60)),
        _bytes(notes.get(f"{RETIRED}proxy-body-size", "1m")),
        "/" + check.split("/", 3)[-1] if check else "",
        "$binary_remote_addr" if f"{RETIRED}limit-rpm" in notes else "",
    )


def _of_gateway(rendering: Rendering) -> Iterator[Way]:
    def policy(kind: str, route: Manifest) -> Manifest:
        for found in rendering.of(kind):
            spec = found["spec"]
            targets = [*spec.get("targetRefs", []), *([spec["targetRef"]] if "targetRef" in spec else [])]
            if (route["kind"], route["metadata"]["name"]) in [(each["kind"], each["name"]) for each in targets]:
                return dict(spec)
        return {}

    for route in [*rendering.of("HTTPRoute"), *rendering.of("GRPCRoute")]:
        streams, bodies = policy("ProxySettingsPolicy", route), policy("ClientSettingsPolicy", route)
        limits = policy("RateLimitPolicy", route).get("rateLimit", {}).get("local", {}).get("rules", [])
        told = (
            bool(streams.get("buffering", {}).get("disable")),
            _seconds(streams.get("timeout", {}).get("read", "60s")),
            _bytes(bodies.get("body", {}).get("maxSize", "1m")),
        )
        keys = "".join(rule["key"] for rule in limits)
        code = policy("RateLimitPolicy", route).get("rateLimit", {}).get("rejectCode", 503)
        for rule in route["spec"]["rules"]:
            check = _snippets(rendering, rule.get("filters", []))
            port = {8080: "http", 10080: "grpc"}.get(rule["backendRefs"][0]["port"], "?")
            for match in rule.get("matches", [{"path": {"type": "PathPrefix", "value": "/"}}]):
                exact = match["path"]["type"] == "Exact"
                host = route["spec"]["hostnames"][0]
                yield Way(
                    host,
                    match["path"]["value"],
                    exact,
                    port,
                    *told,
                    check,
                    keys,
                    refused_with=code if limits else TOO_MANY,
                )


def _snippets(rendering: Rendering, filters: list[Manifest]) -> str:
    """The path that the edge is asked by; none where it would not be asked rightly."""
    names = [each["extensionRef"]["name"] for each in filters]
    for found in rendering.of("SnippetsFilter"):
        snippets = {each["context"]: each["value"] for each in found["spec"]["snippets"]}
        asked = snippets["http.server.location"].removeprefix("auth_request ").removesuffix(";")
        place = re.fullmatch(rf"\s*location = {re.escape(asked)} \{{(.*)\}}\s*", snippets["http.server"], re.DOTALL)
        if found["metadata"]["name"] in names and place:
            told = {line.strip() for line in place[1].split(";")}
            passed = next((line for line in told if line.startswith("proxy_pass ")), "")
            return urlsplit(passed.removeprefix("proxy_pass ")).path if told >= ASKED_WITHOUT_BODY else ""
    return ""


def accepted(rendering: Rendering) -> Iterator[str]:
    """F5's controller would take each Ingress; a wrong annotation drops it as a whole, and says so in an event only."""
    for found in rendering.of("Ingress"):
        notes = found["metadata"].get("annotations", {})
        mine = {key.removeprefix(F5): value for key, value in notes.items() if key.startswith(F5)}
        for key, value in mine.items():
            if not re.fullmatch(KNOWN.get(key, "(?!)"), value):
                yield f"{found['metadata']['name']}: {key} is {value!r}"
        kind = mine.get("mergeable-ingress-type")
        has_paths = any("http" in rule for rule in found["spec"]["rules"])
        if kind == "master" and (has_paths or mine.keys() & NOT_ON_MASTERS):
            yield f"{found['metadata']['name']} is a master with paths or with gRPC"
        if kind == "minion" and (not has_paths or "tls" in found["spec"]):
            yield f"{found['metadata']['name']} is a minion without paths or with TLS"


def unbuffered(rendering: Rendering) -> Iterator[str]:
    """Events leave as they come."""
    yield from (f"{way.host}{way.path} is buffered" for way in ways(rendering) if not way.streams)


def patient(rendering: Rendering) -> Iterator[str]:
    """The service ends a silent stream, not the ingress; and takes what it can take."""
    for pod in rendering.serving[:1]:
        settings = loaded(pod)
        for way in ways(rendering):
            if way.silence <= settings.stream_idle_seconds:  # type: ignore[attr-defined] # it keeps tasks
                yield f"{way.host}{way.path} is cut after {way.silence} s"
            if not 0 <= way.largest - settings.max_body <= 2 * MIB:  # type: ignore[attr-defined]
                yield f"{way.host}{way.path} takes {way.largest} bytes"


def reached(rendering: Rendering) -> Iterator[str]:
    """Where its card says, by TLS; gRPC by its own host. Cards and keys are public, everything else is checked."""
    found = ways(rendering)
    if not found:
        return
    settings = loaded(rendering.serving[0])
    http = settings.url.split("/")[2].split(":")[0]  # type: ignore[attr-defined] # it keeps tasks
    grpc = settings.public_grpc.rsplit(":", 1)[0]  # type: ignore[attr-defined]
    expected = {(http, path, True, "http") for path in PUBLIC} | {(http, "/", False, "http")}
    if settings.grpc:  # type: ignore[attr-defined]
        expected.add((grpc, "/", False, "grpc"))
    served = sorted((way.host, way.path, way.exact, way.port) for way in found)
    if served != sorted(expected):
        yield f"it serves {served}; its card says {sorted(expected)}"
    yield from (f"{way.host} has no TLS" for way in found if not way.tls)


def checked(rendering: Rendering) -> Iterator[str]:
    """The edge is asked about everything but the public paths, and for this card."""
    expected = f"/check/{rendering.of('Service')[0]['metadata']['name']}"
    without = "snippets" in rendering.scenario.name
    for way in ways(rendering):
        right = "" if without or way.path in PUBLIC else expected
        if way.check != right:
            yield f"{way.host}{way.path} is checked by {way.check!r}"


def limited(rendering: Rendering) -> Iterator[str]:
    """By token where the controller can; F5's and NGINX Gateway Fabric can."""
    retired = rendering.scenario.name.startswith("ingress-nginx")
    for way in ways(rendering):
        by_token = "http_authorization" in way.limited_by
        if not way.limited_by or (way.path not in PUBLIC and not by_token and not retired):
            yield f"{way.host}{way.path} is limited by {way.limited_by!r}"
        if way.refused_with != TOO_MANY:
            yield f"{way.host}{way.path} answers {way.refused_with} to too many requests"


def attached(rendering: Rendering) -> Iterator[str]:
    """Each route belongs to the listener that gets its requests: the one with the most particular host name."""
    for gateway, route in _attachments(rendering):
        label, (parent,) = f"{route['kind']} {route['metadata']['name']}", route["spec"]["parentRefs"]
        if (parent["name"], parent["namespace"]) != (gateway["metadata"]["name"], gateway["metadata"]["namespace"]):
            yield f"{label} belongs to {parent}, which is not there"
            continue
        for host in route["spec"]["hostnames"]:
            suited = [each for each in gateway["spec"]["listeners"] if f".{host}".endswith(each["hostname"][1:])]
            best = max(suited, key=lambda each: len(each["hostname"]), default={"name": "no listener"})
            if best["name"] != parent["sectionName"]:
                yield f"{label}: {host} comes in at {best['name']}, and {parent['sectionName']} is waited for"


def _attachments(rendering: Rendering) -> Iterator[tuple[Manifest, Manifest]]:
    """Gateways and routes that are to fit: one of the two is of this release."""
    domain = values(rendering.scenario)["platform"]["domain"]
    routes = [*rendering.of("HTTPRoute"), *rendering.of("GRPCRoute")]
    if routes:
        edge = Scenario(
            "edge", "edge", NAMESPACES["edge"], (), ("ingress.gateway.create=true", f"platform.domain={domain}")
        )
        yield from ((rendered(edge).of("Gateway")[0], route) for route in routes)
    for gateway in rendering.of("Gateway"):
        customer = scenario("orchestrator-gateway")
        there = rendered(replace(customer, settings=(f"platform.domain={domain}",)))
        yield from ((gateway, route) for route in [*there.of("HTTPRoute"), *there.of("GRPCRoute")])
