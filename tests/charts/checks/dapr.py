"""With Dapr on, calls go through the sidecars, and those let in whom they should: asked as Dapr asks itself."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from tests.charts.checks.values import values
from tests.charts.rendering import Manifest, Pod, Rendering, Scenario, rendered
from tests.charts.scenarios import NAMESPACES, scenario

PUBLIC = "public"
"""The trust domain of who names none."""
CALLS = (
    ("GET", "/.well-known/agent-card.json"),
    ("POST", "/"),
    ("GET", "/tasks/1"),
    ("DELETE", "/tasks/1/pushnotificationconfigs/2"),
)
"""What an orchestrator's client sends to an agent."""
BEYOND = (("PUT", "/"), ("PATCH", "/tasks/1"))
"""What nobody sends."""


@dataclass(frozen=True)
class Caller:
    """As its certificate says."""

    app: str
    namespace: str
    trust_domain: str


def allowed(control: Manifest, caller: Caller, verb: str, path: str) -> bool:
    """As Dapr's sidecar decides on a call by HTTP: an operation's verb, else the app's default, else that of all."""
    if not control:
        return True
    action = control.get("defaultAction") or ("deny" if control.get("policies") else "allow")
    for policy in control.get("policies", []):
        if Caller(policy["appId"], policy["namespace"], policy["trustDomain"]) != caller:
            continue
        action = policy.get("defaultAction") or action
        for operation in policy.get("operations", []):
            verbs = operation.get("httpVerb", [])
            if _covers(operation["name"].lower(), path.lower()) and {verb, "*"} & set(verbs):
                return bool(operation["action"] == "allow")
    return bool(action == "allow")


def _covers(pattern: str, path: str) -> bool:
    """`**` is any rest of a path, `*` one part of it."""
    parts = [{"**": ".*", "*": "[^/]*"}.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", pattern)]
    return re.fullmatch("".join(parts), path) is not None


def sidecars(rendering: Rendering) -> list[Pod]:
    return [pod for pod in rendering.serving if pod.annotations.get("dapr.io/enabled") == "true"]


def callers(rendering: Rendering) -> list[Caller]:
    """Who the pods of a release are to others: the trust domain is that of their own configuration."""
    found = {each["metadata"]["name"]: each["spec"].get("accessControl", {}) for each in rendering.of("Configuration")}
    return [
        Caller(
            pod.annotations["dapr.io/app-id"],
            str(pod.owner["metadata"]["namespace"]),
            found.get(pod.annotations.get("dapr.io/config", ""), {}).get("trustDomain", PUBLIC),
        )
        for pod in sidecars(rendering)
    ]


def sidecarred(rendering: Rendering) -> Iterator[str]:
    """All pods have one or none; it forwards to the service's port, and is let into a restricted namespace."""
    pods, configurations = sidecars(rendering), rendering.of("Configuration")
    if bool(pods) != bool(configurations) or len(pods) not in {0, len(rendering.serving)}:
        yield f"{len(pods)} of {len(rendering.serving)} pods have a sidecar; {len(configurations)} configurations"
    names = {each["metadata"]["name"] for each in configurations}
    for pod in pods:
        notes = pod.annotations
        http = next(each["containerPort"] for each in pod.spec["containers"][0]["ports"] if each["name"] == "http")
        app, told = notes.get("dapr.io/app-id"), notes.get("dapr.io/config")
        if app != pod.name or told not in names:
            yield f"{pod.name}: its sidecar is {app}, configured by {told}"
        if notes.get("dapr.io/app-port") != str(http) or notes.get("dapr.io/app-protocol", "http") != "http":
            yield f"{pod.name}: its sidecar calls port {notes.get('dapr.io/app-port')}"
        if notes.get("dapr.io/sidecar-seccomp-profile-type") != "RuntimeDefault":
            yield f"{pod.name}: its sidecar is not let into a restricted namespace"
        largest = int(pod.environment.get("CROSSDOCK_MAX_BODY", 48 * 2**20))
        if _mebibytes(notes.get("dapr.io/max-body-size", "4Mi")) * 2**20 < largest:
            yield f"{pod.name}: its sidecar refuses bodies that the service takes"
        yield from _ready(pod)


def _ready(pod: Pod) -> Iterator[str]:
    """Pods have no token, and their policy leads neither to placement nor to the scheduler; empty is none of them."""
    if pod.annotations.get("dapr.io/disable-builtin-k8s-secret-store") != "true":
        yield f"{pod.name}: its sidecar ends, since it may not ask the API server for secrets"
    for service in ("placement", "scheduler"):
        if pod.annotations.get(f"dapr.io/{service}-host-address") != "":
            yield f"{pod.name}: its sidecar waits for Dapr's {service} before it is ready"


def _mebibytes(size: str) -> int:
    return int(size.removesuffix("Mi"))


def through_the_sidecar(rendering: Rendering) -> Iterator[str]:
    """An orchestrator sends to its sidecar, and by names that agents have there."""
    if rendering.scenario.chart != "orchestrator":
        return
    for pod in rendering.serving:
        port = pod.environment.get("CROSSDOCK_DAPR_HTTP_PORT")
        if (port == "3500") != bool(sidecars(rendering)) or (port and port != "3500"):
            yield f"{pod.name} sends to port {port} of its sidecar"
        for url in json.loads(pod.environment["CROSSDOCK_AGENTS"]).values() if port else ():
            app, namespace = str(urlsplit(url).hostname).split(".")[:2]
            if not app.endswith("-agent") or namespace != values(rendering.scenario)["platform"]["agentsNamespace"]:
                yield f"{url} is no app"


def let_in(rendering: Rendering) -> Iterator[str]:
    """An agent's sidecar lets in the orchestrators that its values name, for all that they call, and nobody else."""
    for found in rendering.of("Configuration"):
        control = found["spec"].get("accessControl", {})
        listed = values(rendering.scenario).get("customers", [])
        for caller in [each for name in listed for each in _orchestrators(name)]:
            for verb, path in CALLS:
                if not allowed(control, caller, verb, path):
                    yield f"{caller} is not let in to {verb} {path}"
            yield from _denied(control, caller, BEYOND)
            for stranger in _beside(caller):
                yield from _denied(control, stranger)
        for stranger in (*callers(rendering), *_orchestrators("initech"), Caller("", "", PUBLIC)):
            yield from _denied(control, stranger)


def trusted(rendering: Rendering) -> Iterator[str]:
    """A release's own certificates are of the domain that agents trust."""
    for agent in ("agent-dapr", "agent-everything"):
        for found in (
            rendered(scenario(agent)).of("Configuration") if rendering.scenario.chart == "orchestrator" else ()
        ):
            for caller in callers(rendering):
                if not allowed(found["spec"]["accessControl"], caller, *CALLS[0]):
                    yield f"{agent} does not let {caller} in"


def _orchestrators(customer: str) -> list[Caller]:
    """As a customer's release makes them: with workers of its own."""
    everything = scenario("orchestrator-everything")
    dapr = Scenario(
        "orchestrator", customer, customer, everything.files, (f"customer.name={customer}",), everything.name
    )
    return callers(rendered(dapr))


def _beside(caller: Caller) -> list[Caller]:
    """Nearly it."""
    return [
        replace(caller, app=f"{caller.app}-2"),
        replace(caller, namespace=NAMESPACES["agent"]),
        replace(caller, trust_domain=PUBLIC),
    ]


def _denied(control: Manifest, stranger: Caller, calls: Iterable[tuple[str, str]] = ()) -> Iterator[str]:
    for verb, path in calls or (*CALLS, *BEYOND):
        if allowed(control, stranger, verb, path):
            yield f"{stranger} is let in to {verb} {path}"
