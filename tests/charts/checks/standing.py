"""What else stands on the cluster of a release: the platform, the other releases, and who is not rendered here."""

import functools
import tempfile
from collections.abc import Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.charts.checks.values import Values, values
from tests.charts.kustomized import KIND, kustomized, printed
from tests.charts.rendering import ROOT, Manifest, Pod, Rendering, rendered
from tests.charts.scenarios import AGENTS, CUSTOMERS, NAMESPACES, of_chart
from tests.support.rendered.documents import Objects
from tests.support.rendered.pod import ports
from tests.support.rendered.selection import NAME_SERVER, Peer, Policies

EDGE = of_chart("edge")[-1]
RELEASES = [*AGENTS, *CUSTOMERS, EDGE]
OUTSIDE = ("93.184.216.34", "2606:2800:21f::1")
NOT_OUTSIDE = (
    *("10.1.2.3", "172.20.0.1", "192.168.1.1", "169.254.169.254", "127.0.0.1", "100.64.0.1"),
    *("fd00::1", "fe80::1"),
)
"""Private, link-local, loopback and shared addresses: of nodes, pods and clouds' metadata."""


@dataclass(frozen=True)
class Actor:
    """Who connects or is connected to, by the name in the table of docs/architecture.md; strangers have none there."""

    name: str
    peer: Peer


@functools.cache
def installed() -> list[Manifest]:
    """What the installer makes for the platform and its two customers."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name in ("STATE", "DOMAIN", "OVERLAY", "INSTALLER_IMAGE"):
            patch.delenv(name, raising=False)
        state = Path(folder) / "state"
        made = printed(state, "prepare")
        return made + [each for scenario in CUSTOMERS for each in printed(state, "customer", "add", scenario.release)]


def platform(root: Path = ROOT) -> list[Manifest]:
    return [*kustomized(KIND, root).objects, *installed()]


def of_kind(objects: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    return [each for each in objects if each["kind"] in kinds]


def standing(rendering: Rendering) -> list[Manifest]:
    """All objects of the cluster that this release is in: its own go before those of that name."""
    own = {(each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) for each in rendering.objects}
    others = [*platform(), *(each for scenario in RELEASES for each in rendered(scenario).objects)]
    return [
        *rendering.objects,
        *(
            each
            for each in others
            if (each["kind"], each["metadata"]["name"], each["metadata"].get("namespace")) not in own
        ),
    ]


def policies(objects: Iterable[Manifest], chosen: Values) -> Policies:
    """Those of the objects, in the namespaces that there are."""
    found = Objects()
    found.put({"kind": "Namespace", "metadata": {"name": name}} for name in of_others(chosen).values())
    found.put(deepcopy(of_kind(objects, "Namespace", "NetworkPolicy")))
    return Policies(found)


def of_others(chosen: Values) -> dict[str, str]:
    """The namespaces of those whom nobody here installs; where values name one, it is that."""
    return {
        "ingress": chosen["ingress"]["namespace"] or NAMESPACES["edge"],
        "prometheus": chosen["networkPolicy"]["monitoringNamespace"],
        "collector": chosen["platform"]["telemetry"]["namespace"],
        "dapr": chosen.get("dapr", {}).get("namespace", "dapr-system"),
        "stranger": "elsewhere",
    }


def others(chosen: Values) -> Iterator[Actor]:
    """Those whom nobody here renders: of the cluster, and outside of it."""
    spaces = of_others(chosen)
    yield Actor("dns", NAME_SERVER)
    labels = {"ingress": "nginx-ingress", "prometheus": "prometheus", "collector": "collector", "dapr": "dapr"}
    for name, label in labels.items():
        yield Actor(name, Peer(spaces[name], {"app.kubernetes.io/name": label}))
    for address in OUTSIDE:
        yield Actor("outside", Peer("", {}, address=address))
    for namespace in (NAMESPACES["agent"], CUSTOMERS[0].namespace, NAME_SERVER.namespace, spaces["stranger"]):
        yield Actor(f"a stranger in {namespace}", Peer(namespace, {"app": "stranger"}))
    for address in NOT_OUTSIDE:
        yield Actor(f"a stranger at {address}", Peer("", {}, address=address))


def actors(rendering: Rendering) -> list[Actor]:
    """Those that it starts, by the names of the table."""
    return [Actor(_name(pod), _peer(pod)) for pod in rendering.pods]


def _name(pod: Pod) -> str:
    tested = pod.labels.get("crossdock.dev/process") == "test"
    return "test" if tested else pod.labels["app.kubernetes.io/name"]


def _peer(pod: Pod) -> Peer:
    return Peer(str(pod.owner["metadata"]["namespace"]), pod.labels, ports(pod.spec))


def beside(rendering: Rendering) -> list[Actor]:
    """All but the pods of the release itself."""
    own = (rendering.scenario.chart, rendering.scenario.release)
    releases = [rendered(each) for each in RELEASES if (each.chart, each.release) != own]
    here = [Rendering(rendering.scenario, platform()), *releases]
    return [*(actor for each in here for actor in actors(each)), *others(values(rendering.scenario))]
