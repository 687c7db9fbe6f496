"""Services: names in the networks of those who may connect, and a forwarder behind each to the pods that are ready."""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.rendered.documents import Document, Key, key
from tests.support.rendered.engine import EngineError
from tests.support.rendered.node import HELPER, Node
from tests.support.rendered.selection import Peer, Policies, selects
from tests.support.rendered.workloads import Workload

PROGRAM = Path(__file__).with_name("forwarder.py")
MEMORY = "--memory=64m"


@dataclass(frozen=True)
class Client:
    """Who may be allowed to connect: a workload's pods, or the ingress controller."""

    peer: Peer
    network: str


@dataclass
class Forwarder:
    """The container of one Service. `addresses`: its own, by network."""

    node: Node
    service: Document
    addresses: dict[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        named = key(self.service)
        return f"{self.node.engine.name}-{named.namespace}-{named.name}-service"

    @property
    def folder(self) -> Path:
        return self.node.folder / "services" / self.id

    async def joins(self, networks: Mapping[str, Sequence[str]]) -> None:
        """Is in these networks and no others, with these names in each."""
        for network in self.addresses.keys() - networks.keys():
            await self.node.engine.call("network", "disconnect", "--force", network, self.id)
            del self.addresses[network]
        for network in networks.keys() - self.addresses.keys():
            await self._join(network, networks[network])

    async def _join(self, network: str, names: Sequence[str]) -> None:
        if not self.addresses:
            await self._start(network, [f"--network-alias={name}" for name in names])
        else:
            aliases = [word for name in names for word in ("--alias", name)]
            await self.node.engine.call("network", "connect", *aliases, network, self.id)
        (found,) = await self.node.engine.inspect(self.id)
        self.addresses[network] = found["NetworkSettings"]["Networks"][network]["IPAddress"]

    async def _start(self, network: str, aliases: list[str]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        mounts = (f"--volume={PROGRAM}:/forwarder.py:ro", f"--volume={self.folder}:/forwards:ro")
        rights = ("--read-only", "--cap-drop=ALL", "--user=65534:65534", "--security-opt=no-new-privileges", MEMORY)
        program = ("--entrypoint=python", HELPER, "-S", "-E", "/forwarder.py")
        named = (f"--name={self.id}", f"--network={network}", *aliases)
        await self.node.engine.call("run", "--detach", *self.node.engine.label, *named, *rights, *mounts, *program)

    def tell(self, listen: list[tuple[str, int, str]], backends: Mapping[str, list[str]]) -> None:
        content = json.dumps({"listen": listen, "backends": backends})
        path, new = self.folder / "forwards.json", self.folder / "forwards.new"
        if not path.exists() or path.read_text() != content:
            new.write_text(content)
            new.replace(path)

    async def remove(self) -> None:
        if self.addresses:
            await self.node.engine.call("rm", "--force", "--volumes", self.id)


class Services:
    """All of a place. `clients` are those that are not workloads."""

    def __init__(self, node: Node, workloads: Mapping[Key, Workload]) -> None:
        self._node, self._workloads = node, workloads
        self.clients: list[Client] = []
        self._forwarders: dict[Key, Forwarder] = {}
        self._listen: dict[Key, list[tuple[str, int, str]]] = {}

    async def arrange(self) -> None:
        """Brings forwarders and networks in line with Services, workloads and NetworkPolicies."""
        services = {key(each): each for each in self._node.objects.of("Service")}
        for gone in self._forwarders.keys() - services.keys():
            await self._forwarders.pop(gone).remove()
            del self._listen[gone]
        await asyncio.gather(*(self._arranged(named, service) for named, service in services.items()))
        self.tell()

    def tell(self) -> None:
        """Which pods are ready now."""
        for named, forwarder in self._forwarders.items():
            forwarder.tell(self._listen[named], self._backends(forwarder.service))

    def address(self, named: Key, network: str) -> str | None:
        """Where the Service is in a network, if those in it may connect."""
        if named not in self._forwarders:
            return None
        address = self._forwarders[named].addresses.get(network)
        return address if any(listens == address for listens, _, _ in self._listen[named]) else None

    def problems(self, named: Key) -> str:
        return f"{named} listens on {self._listen.get(named)}"

    async def _arranged(self, named: Key, service: Document) -> None:
        backing = [each for each in self._workloads.values() if self._behind(service, each)]
        doors = [
            (client, name, port)
            for client in self._every_client()
            for name, port in self._open(service, client, backing)
        ]
        networks: dict[str, list[str]] = {each.network: [] for each in backing} if doors else {}
        networks |= {client.network: _names(named, client.peer.namespace) for client, _, _ in doors}
        forwarder = self._forwarders.setdefault(named, Forwarder(self._node, service))
        forwarder.service = service
        if not doors:
            await forwarder.remove()
            forwarder.addresses.clear()
            del self._forwarders[named]
            self._listen.pop(named, None)
            return
        await forwarder.joins(networks)
        self._listen[named] = [(forwarder.addresses[client.network], port, name) for client, name, port in doors]

    def _every_client(self) -> list[Client]:
        return [*self.clients, *(Client(each.peer, each.network) for each in self._workloads.values())]

    def _behind(self, service: Document, workload: Workload) -> bool:
        selector = service["spec"].get("selector")
        same = workload.key.namespace == service["metadata"]["namespace"]
        return bool(selector) and same and selects({"matchLabels": selector}, workload.peer.labels)

    def _open(self, service: Document, client: Client, backing: Sequence[Workload]) -> Iterator[tuple[str, int]]:
        """Name and number of the Service's ports that this client may connect to."""
        policies = Policies(self._node.objects)
        for port in service["spec"]["ports"]:
            for workload in backing:
                target = _target(port, workload.peer.ports)
                if target is not None and policies.allowed(client.peer, workload.peer, target):
                    yield str(port.get("name", port["port"])), port["port"]
                    break

    def _backends(self, service: Document) -> dict[str, list[str]]:
        early = service["spec"].get("publishNotReadyAddresses", False)
        found: dict[str, list[str]] = {}
        for port in service["spec"]["ports"]:
            found[str(port.get("name", port["port"]))] = [
                f"{pod.address}:{target}"
                for workload in self._workloads.values()
                if self._behind(service, workload)
                for pod in workload.pods
                if pod.ready or (early and pod.address and not pod.terminating)
                if (target := _target(port, workload.peer.ports)) is not None
            ]
        return found


def _target(port: Mapping[str, Any], named: Mapping[str, int]) -> int | None:
    target = port.get("targetPort", port["port"])
    return target if isinstance(target, int) else named.get(target)


def _names(service: Key, client_namespace: str) -> list[str]:
    full = f"{service.name}.{service.namespace}"
    short = [service.name] if client_namespace == service.namespace else []
    return [*short, full, f"{full}.svc", f"{full}.svc.cluster.local"]


class Networks:
    """One for each workload, with a way out only where the policies leave one."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._made: dict[str, tuple[bool, bool]] = {}

    async def have(self, name: str, peer: Peer) -> None:
        policies = Policies(self._node.objects)
        outside = policies.reaches_outside(peer)
        ways = (outside, policies.resolves(peer))
        if self._made.get(name) == ways:
            return
        if name in self._made:
            raise EngineError(f"The policies changed {name}'s ways out while it runs: delete the workload first.")
        internal = () if outside else ("--internal",)
        await self._node.engine.call("network", "create", *self._node.engine.label, *internal, name)
        self._made[name] = ways

    async def drop(self, name: str) -> None:
        if self._made.pop(name, None) is not None:
            await self._node.engine.call("network", "rm", name)
