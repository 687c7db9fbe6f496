"""Who may connect to whom: as NetworkPolicies say it."""

import pytest

from tests.support.rendered.documents import Objects, documents
from tests.support.rendered.selection import Peer, Policies, selects

SPACES = """
{kind: Namespace, metadata: {name: shop, labels: {role: shop}}}
---
{kind: Namespace, metadata: {name: street, labels: {role: street}}}
---
"""
SERVER = Peer("shop", {"app": "server"}, {"http": 8080})
CLIENT = Peer("street", {"app": "client"})
OTHER = Peer("shop", {"app": "other"})


def policies(*specs: str, namespace: str = "shop") -> Policies:
    objects = Objects()
    objects.put(documents(SPACES))
    for number, spec in enumerate(specs):
        text = f"{{kind: NetworkPolicy, metadata: {{name: p{number}, namespace: {namespace}}}, spec: {spec}}}"
        objects.put(documents(text))
    return Policies(objects)


DENY = "{podSelector: {}, policyTypes: [Ingress, Egress]}"


def test_without_a_policy_all_is_open() -> None:
    assert policies().allowed(CLIENT, SERVER, 8080)
    assert policies().reaches_outside(CLIENT)


def test_a_policy_without_rules_closes() -> None:
    closed = policies(DENY)
    assert not closed.allowed(CLIENT, SERVER, 8080)
    assert not closed.allowed(SERVER, CLIENT, 1)
    assert not closed.reaches_outside(SERVER)


@pytest.mark.parametrize(
    ("rule", "open_to"),
    [
        ("{from: [{podSelector: {}}]}", {"other"}),
        ("{from: [{namespaceSelector: {matchLabels: {role: street}}}]}", {"client"}),
        ("{from: [{namespaceSelector: {}, podSelector: {matchLabels: {app: other}}}]}", {"other"}),
        ("{from: [{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: street}}}]}", {"client"}),
        ("{from: [{namespaceSelector: {matchLabels: {role: street}}}], ports: [{port: http}]}", {"client"}),
        ("{ports: [{port: 8080}]}", {"client", "other"}),
        ("{ports: [{port: 8000, endPort: 8090}]}", {"client", "other"}),
        ("{ports: [{port: 9080}]}", set()),
        ("{ports: [{port: 8080, protocol: UDP}]}", set()),
        ("{from: [{ipBlock: {cidr: 0.0.0.0/0}}]}", set()),
    ],
)
def test_rules_add_up(rule: str, open_to: set[str]) -> None:
    found = policies("{podSelector: {}, policyTypes: [Ingress]}", f"{{podSelector: {{}}, ingress: [{rule}]}}")
    assert {peer.labels["app"] for peer in (CLIENT, OTHER) if found.allowed(peer, SERVER, 8080)} == open_to


def test_both_ends_must_let_it_pass() -> None:
    egress = (
        "{podSelector: {}, policyTypes: [Egress], egress: [{to: [{namespaceSelector: {matchLabels: {role: shop}}}]}]}"
    )
    assert policies(egress, namespace="street").allowed(CLIENT, SERVER, 8080)
    assert not policies(egress, namespace="street").allowed(CLIENT, Peer("street", {}), 8080)
    assert not policies(egress, namespace="street").reaches_outside(CLIENT)


@pytest.mark.parametrize(
    ("rules", "resolves"),
    [
        ("[{ports: [{protocol: UDP, port: 53}]}]", True),
        ("[{ports: [{protocol: TCP, port: 53}]}]", False),
        ("[{to: [{namespaceSelector: {matchLabels: {role: shop}}}]}]", False),
        ("[{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]}]", True),
        ("[{to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: dns}}}]}]", False),
        ("[]", False),
    ],
)
def test_who_may_ask_for_names(rules: str, resolves: bool) -> None:
    assert policies().resolves(CLIENT)
    rule = f"{{podSelector: {{}}, policyTypes: [Egress], egress: {rules}}}"
    assert policies(rule, namespace="street").resolves(CLIENT) is resolves


@pytest.mark.parametrize(("address", "reached"), [("192.0.2.1", True), ("10.1.2.3", False), ("fd00::1", False)])
def test_addresses_outside(address: str, reached: bool) -> None:
    outside = "{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}"
    found = policies(f"{{podSelector: {{}}, policyTypes: [Egress], egress: [{{to: [{outside}]}}]}}")
    assert found.leaves(SERVER, Peer("", {}, address=address), 443) is reached


def test_a_range_of_ports_and_a_protocol() -> None:
    found = policies("{podSelector: {}, ingress: [{ports: [{protocol: UDP, port: 9080, endPort: 9090}]}]}")
    assert [port for port in (9079, 9080, 9090, 9091) if found.enters(CLIENT, SERVER, port, "UDP")] == [9080, 9090]
    assert not found.enters(CLIENT, SERVER, 9080)


def test_selectors() -> None:
    labels = {"a": "1"}
    for operator, values, holds in (("In", ["1"], True), ("NotIn", ["1"], False), ("NotIn", ["2"], True)):
        assert selects({"matchExpressions": [{"key": "a", "operator": operator, "values": values}]}, labels) is holds
    assert selects({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, labels)
    assert selects({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, labels)
    assert not selects({"matchLabels": {"a": "2"}}, labels)
