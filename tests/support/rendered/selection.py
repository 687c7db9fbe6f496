"""Label selectors, and who may connect to whom by the NetworkPolicies."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.rendered.documents import Document, Objects, Refused

Labels = Mapping[str, str]


@dataclass(frozen=True)
class Peer:
    """Pods of one workload, as policies see them; `ports` are the names of their containers' ports."""

    namespace: str
    labels: Labels
    ports: Mapping[str, int] = field(default_factory=dict)
    address: str = ""
    """Of one that is outside of the cluster; it has nothing else."""


NAME_SERVER = Peer("kube-system", {"k8s-app": "kube-dns"}, {"dns": 53, "dns-tcp": 53})
"""As every cluster has it."""


def selects(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """An empty selector selects all."""
    asked = selector or {}
    wanted = asked.get("matchLabels") or {}
    return all(labels.get(name) == value for name, value in wanted.items()) and all(
        _meets(each, labels) for each in asked.get("matchExpressions") or []
    )


def _meets(expression: Mapping[str, Any], labels: Labels) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise Refused(f"There is no operator {other} for labels.")


class Policies:
    """An edge is open if no policy is about it, or one opens it, at both of its ends."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def allowed(self, client: Peer, server: Peer, port: int, protocol: str = "TCP") -> bool:
        return self.leaves(client, server, port, protocol) and self.enters(client, server, port, protocol)

    def leaves(self, client: Peer, server: Peer, port: int, protocol: str = "TCP") -> bool:
        """The client's end alone."""
        return self._open("Egress", client, server, server, (port, protocol))

    def enters(self, client: Peer, server: Peer, port: int, protocol: str = "TCP") -> bool:
        """The server's end alone."""
        return self._open("Ingress", server, client, server, (port, protocol))

    def resolves(self, client: Peer) -> bool:
        """Whether it may ask for a name."""
        return self.leaves(client, NAME_SERVER, 53, "UDP")

    def reaches_outside(self, client: Peer) -> bool:
        """Whether any address beyond the pods may be connected to."""
        about = self._about(client, "Egress")
        rules = [rule for policy in about for rule in policy["spec"].get("egress") or []]
        return not about or any(not rule.get("to") or any("ipBlock" in to for to in rule["to"]) for rule in rules)

    def _open(self, direction: str, subject: Peer, other: Peer, server: Peer, port: tuple[int, str]) -> bool:
        about = self._about(subject, direction)
        side = "from" if direction == "Ingress" else "to"
        return not about or any(
            _on(rule.get("ports"), server, port) and self._admits(policy, rule.get(side), other)
            for policy in about
            for rule in policy["spec"].get(direction.lower()) or []
        )

    def _about(self, subject: Peer, direction: str) -> list[Document]:
        return [
            policy
            for policy in self._objects.of("NetworkPolicy", namespace=subject.namespace)
            if direction in _directions(policy["spec"]) and selects(policy["spec"].get("podSelector"), subject.labels)
        ]

    def _admits(self, policy: Document, peers: list[dict[str, Any]] | None, other: Peer) -> bool:
        if not peers:
            return True
        return any(self._is(peer, other, policy["metadata"]["namespace"]) for peer in peers)

    def _is(self, peer: dict[str, Any], other: Peer, home: str) -> bool:
        if "ipBlock" in peer or other.address:  # the world outside: no pod of ours is reached by its address
            return "ipBlock" in peer and bool(other.address) and _within(peer["ipBlock"], other.address)
        if "namespaceSelector" in peer:
            near = selects(peer["namespaceSelector"], self._objects.namespace_labels(other.namespace))
        else:
            near = other.namespace == home
        return near and selects(peer.get("podSelector"), other.labels)


def _directions(spec: Mapping[str, Any]) -> list[str]:
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if "egress" in spec else [])]


def _within(block: Mapping[str, Any], address: str) -> bool:
    own = ipaddress.ip_address(address)
    inside, *holes = (ipaddress.ip_network(each) for each in (block["cidr"], *block.get("except", [])))
    return own in inside and not any(own in hole for hole in holes)


def _on(ports: list[dict[str, Any]] | None, server: Peer, port: tuple[int, str]) -> bool:
    return not ports or any(_covers(each, server, port) for each in ports)


def _covers(rule: dict[str, Any], server: Peer, port: tuple[int, str]) -> bool:
    number, protocol = port
    if rule.get("protocol", "TCP") != protocol:
        return False
    first = rule.get("port", number)
    first = server.ports.get(first, 0) if isinstance(first, str) else first
    return bool(first <= number <= rule.get("endPort", first))
