"""The ingress controller's configuration is what the annotations ask for."""

import json
import re

import pytest

from tests.support import rendered_place
from tests.support.rendered.documents import Key, Objects, Refused, documents
from tests.support.rendered.environment import expanded
from tests.support.rendered.ingress import NONE, Snippets, configuration
from tests.support.rendered.quantities import bytes_of, quantity, share
from tests.support.rendered.routes import servers

WILDCARD = Key("Secret", "edge", "tls")
OBJECTS = """
{kind: Service, metadata: {name: a, namespace: n}, spec: {ports: [{name: http, port: 8080}, {name: grpc, port: 10080}]}}
---
kind: Ingress
metadata: {name: a, namespace: n, annotations: {nginx.org/mergeable-ingress-type: master}}
spec: {tls: [{hosts: [a.test]}], rules: [{host: a.test}]}
---
kind: Ingress
metadata:
  name: a-tasks
  namespace: n
  annotations:
    nginx.org/mergeable-ingress-type: minion
    nginx.org/proxy-buffering: "false"
    nginx.org/proxy-read-timeout: 960s
    nginx.org/client-max-body-size: "123"
    nginx.org/limit-req-key: ${http_authorization}
    nginx.org/limit-req-rate: 100r/m
    nginx.org/limit-req-burst: "50"
    nginx.org/limit-req-no-delay: "true"
    nginx.org/policies: token
spec:
  rules:
    - host: a.test
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {name: http}}}}]}
---
kind: Ingress
metadata: {name: a-grpc, namespace: n, annotations: {nginx.org/grpc-services: a, nginx.org/policies: token}}
spec:
  tls: [{hosts: [a.grpc.test], secretName: own}]
  rules:
    - host: a.grpc.test
      http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: a, port: {name: grpc}}}}]}
---
kind: Policy
metadata: {name: token, namespace: n}
spec: {externalAuth: {authURI: /check/a, authServiceName: edge/edge, authServicePorts: [8080]}}
"""


def configured(text: str = OBJECTS, snippets: Snippets = NONE) -> str:
    objects = Objects()
    objects.put(documents(text))
    found = servers(objects, WILDCARD)
    return configuration(found, lambda key: None if key.name == "gone" else f"{key.name}.address", snippets)


def test_annotations_become_directives() -> None:
    text = configured()
    for line in (
        "proxy_buffering off;",
        "proxy_read_timeout 960s;",
        "client_max_body_size 123;",
        "limit_req_zone ${http_authorization} zone=",
        "rate=100r/m;",
        "burst=50 nodelay;",
        "proxy_pass http://edge.address:8080/check/a;",
        "proxy_pass http://a.address:8080;",
        "grpc_pass grpc://a.address:10080;",
        "ssl_certificate /etc/ingress/edge-tls-tls.crt;",
        "ssl_certificate /etc/ingress/n-own-tls.crt;",
    ):
        assert line in text, line
    assert text.count("auth_request ") == 2


def test_defaults_are_the_controllers_own() -> None:
    text = configured(OBJECTS.replace('    nginx.org/proxy-buffering: "false"\n', ""))
    assert "proxy_buffering on;" in text
    assert "client_max_body_size 1m;" in text


def test_nobody_there_is_a_bad_gateway() -> None:
    text = configured(OBJECTS.replace("edge/edge", "edge/gone"))
    assert "proxy_pass http://127.0.0.1:8181/check/a;" in text


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("type: master", "type: minion", "no master"),
        ("nginx.org/policies: token}", "nginx.org/policies: none}", "no Policy"),
        ("tls: [{hosts: [a.test]}], ", "", "without TLS"),
        ("name: a, port: {name: http}", "name: b, port: {name: http}", "leads to Service n/b"),
    ],
)
def test_what_the_controller_would_not_serve_is_refused(old: str, new: str, word: str) -> None:
    with pytest.raises(Refused, match=word):
        configured(OBJECTS.replace(old, new))


def test_words_and_quantities() -> None:
    assert expanded("$(A)-$(B)-$$(A)-$A", {"A": "1"}) == "1-$(B)-$(A)-$A"
    assert (bytes_of("64Mi"), quantity("500m"), quantity(2), bytes_of("1k")) == (2**26, 0.5, 2.0, 1000)
    assert (share("25%", 2, up=True), share("25%", 2, up=False), share(3, 2, up=True)) == (1, 0, 3)


def test_the_controllers_own_entries() -> None:
    entries = rendered_place.entries()
    assert "keepalive_min_timeout 10s;" in entries["http-snippets"]
    text = configured(snippets=Snippets.of(entries))
    head, server = text.split("server_name a.test;")
    assert "    keepalive_min_timeout 10s;" in head
    assert "error_page 429 @refused_429;" in server
    with pytest.raises(Refused, match="other-snippets"):
        Snippets.of({"other-snippets": "x;"})


def test_refusals_are_json_as_by_the_services() -> None:
    """Each that nginx makes by itself leads to a body, and says in it what it says outside."""
    snippet = rendered_place.entries()["server-snippets"]
    led = set(re.findall(r"error_page [0-9 ]+@refused_([0-9]+);", snippet))
    bodies = dict(re.findall(r"location @refused_([0-9]+) .* return [0-9]+ '(.*)';", snippet))
    assert set(bodies) == led == {"401", "403", "413", "429", "503", "504"}
    for code, body in bodies.items():
        told = json.loads(body)["error"]
        assert (str(told["code"]), f"return {code} '{body}'" in snippet) == (code, True)
        assert told["status"]
        assert told["message"].endswith(".")
