"""What each chart's `values.schema.json` must be: made from its values' comments and defaults, the rules below, and the
code's own models. `python -m tests.charts.schemas` writes them."""

import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from anomaly_agent.settings import Settings as Anomaly
from contract_agent.settings import Settings as Contract
from crossdock.settings import ProcessSettings, ServiceSettings
from edge.settings import Settings as Edge
from escalation_agent.settings import Settings as Escalation
from orchestrator.customer import Customer
from orchestrator.settings import Settings as Orchestrator

CHARTS = Path(__file__).parents[2] / "charts"
AGENTS: dict[str, type[ServiceSettings]] = {"anomaly": Anomaly, "contract": Contract, "escalation": Escalation}
SETTINGS: dict[str, type[ProcessSettings]] = {**AGENTS, "edge": Edge, "orchestrator": Orchestrator}
IMPORTED = {"agent": ("defaults", "tasks"), "orchestrator": ("defaults", "tasks"), "edge": ("defaults",)}
DERIVED = frozenset(
    {"host", "port", "grpc_port", "issuer", "issuer_discovery_url", "otlp_endpoint", "trace_ratio", "public_url"}
    | {"grpc_address", "replicas", "role", "drain_seconds", "signing_key_file", "redis_nodes", "redis_mode"}
    | {"redis_master", "redis_username", "redis_password_file", "redis_tls", "redis_ca_file", "customer_file"}
    | {"requests_per_minute", "request_burst", "agents", "client_secret_file", "dapr_http_port"}
)
"""Settings that the charts make from other values: they cannot be set beside those."""

LABEL = "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
NAME = rf"^({LABEL})?$"
HOSTS = rf"^{LABEL}(\.{LABEL})*$"
URL = r"^(https?://[^\s]+)?$"
QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|Ki|M|Mi|G|Gi)?$"
DURATION = r"^([0-9]+(h|m|s))+$"
NODES = r"^[^\s,:]+:[0-9]+(,[^\s,:]+:[0-9]+)*$"

Schema = dict[str, Any]


def text(pattern: str) -> Schema:
    return {"type": "string", "pattern": pattern}


def whole(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def listed(item: Schema) -> Schema:
    return {"type": "array", "items": item}


AMOUNTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        name: {"type": ["string", "number"], "pattern": QUANTITY} for name in ("cpu", "memory", "ephemeral-storage")
    },
}
RESOURCES = {"type": "object", "additionalProperties": False, "properties": {"requests": AMOUNTS, "limits": AMOUNTS}}
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}
ANYTHING: Schema = {"type": "object"}
SCALING: dict[str, Schema] = {
    "minReplicas": whole(1, 100),
    "maxReplicas": whole(1, 100),
    "cpuPercent": whole(10, 100),
    "memoryPercent": whole(10, 100),
    "runningTasks": whole(0, 1000),
}
CIDRS = listed(text(r"^[0-9a-fA-F.:]+/[0-9]+$"))

RULES: dict[str, Schema] = {
    "image.tag": {"type": "string", "not": {"const": "latest"}},
    "image.digest": text("^(sha256:[0-9a-f]{64})?$"),
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.pullSecrets": listed(text(HOSTS)),
    "platform.domain": text(HOSTS),
    "platform.httpsPort": whole(1, 65535),
    "platform.issuer": text(URL),
    "platform.issuerDiscoveryUrl": text(URL),
    "platform.agentsNamespace": text(f"^{LABEL}$"),
    "platform.agents": {"type": "object", "additionalProperties": text(r"^https?://[^\s]+$")},
    "platform.telemetry.otlpEndpoint": text(r"^(https?://[^\s/:]+:[0-9]+(/[^\s]*)?)?$"),
    "platform.telemetry.traceRatio": {"type": "number", "minimum": 0, "maximum": 1},
    "platform.redis.nodes": text(NODES),
    "platform.redis.mode": {"enum": ["standalone", "cluster", "sentinel"]},
    "replicas": whole(1, 100),
    **{f"autoscaling.{name}": rule for name, rule in SCALING.items()},
    "drain.seconds": whole(1, 3600),
    "customerLimit.requestsPerMinute": whole(0, 1_000_000),
    "customerLimit.burst": whole(1, 1_000_000),
    "resources": RESOURCES,
    "podAnnotations": TEXTS,
    "networkPolicy.monitoringNamespace": text(f"^{LABEL}$"),
    "networkPolicy.dns.namespace": text(f"^{LABEL}$"),
    "platform.telemetry.namespace": text(f"^{LABEL}$"),
    "ingress.namespace": text(NAME),
    "ingress.className": text(rf"^({LABEL}(\.{LABEL})*)?$"),
    "ingress.tls.secretName": text(rf"^({LABEL}(\.{LABEL})*)?$"),
    "ingress.tokenCheck.namespace": text(f"^{LABEL}$"),
    "ingress.tokenCheck.service": text(f"^{LABEL}$"),
    "ingress.gateway.name": text(HOSTS),
    "ingress.gateway.namespace": text(f"^{LABEL}$"),
    "ingress.gateway.className": text(HOSTS),
    "ingress.gateway.tlsSecretName": text(HOSTS),
    "dapr.namespace": text(f"^{LABEL}$"),
    "platform.redis.caKey": text(r"^[A-Za-z0-9._-]*$"),
    "test.secretName": text(rf"^({LABEL}(\.{LABEL})*)?$"),
    "nodeSelector": TEXTS,
    "tolerations": listed(ANYTHING),
    "affinity": ANYTHING,
    "networkPolicy.dns.podLabels": TEXTS,
    "networkPolicy.egress": listed(ANYTHING),
    "networkPolicy.ingress": listed(ANYTHING),
    "networkPolicy.outside.ports": listed(whole(1, 65535)),
    "networkPolicy.outside.except": CIDRS,
    "networkPolicy.outside.except6": CIDRS,
    "serviceMonitor.interval": text(DURATION),
    "serviceMonitor.labels": TEXTS,
    "secrets.source": {"enum": ["existing", "external-secrets", "csi"]},
    "secrets.name": text(rf"^({LABEL}(\.{LABEL})*)?$"),
    "secrets.additionalKeys": listed(text(r"^[A-Za-z0-9._-]+$")),
    "secrets.externalSecrets.storeKind": {"enum": ["SecretStore", "ClusterSecretStore"]},
    "secrets.externalSecrets.refreshInterval": text(DURATION),
    "secrets.csi.parameters": TEXTS,
    "ingress.provider": {"enum": ["nginx", "gateway", "ingress-nginx", "none"]},
    "ingress.annotations": TEXTS,
    "ingress.rateLimit.key": text(r"^(\$\{[A-Za-z_][A-Za-z0-9_]*\})+$"),
    "ingress.rateLimit.requestsPerMinute": whole(1, 1_000_000),
    "ingress.rateLimit.burst": whole(1, 1_000_000),
    "ingress.tokenCheck.port": whole(1, 65535),
    "dapr.resources": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"cpu": text(QUANTITY), "memory": text(QUANTITY)},
    },
    "keda.minReplicas": whole(1, 100),
    "keda.maxReplicas": whole(1, 100),
    "keda.queuedTasks": whole(1, 1_000_000),
    "keda.prometheus": text(r"^https?://[^\s]+$"),
    "worker.replicas": whole(1, 100),
    **{f"worker.autoscaling.{name}": rule for name, rule in SCALING.items()},
    "worker.resources": RESOURCES,
    "agent": text(NAME),
    "customers": listed(text(f"^{LABEL}$")),
}
"""By the value's path. Where there is none, the type is that of the default."""

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def comments(lines: list[str]) -> Iterator[tuple[str, str]]:
    """The path of each value of a YAML file in block style, and the comment above it."""
    path: list[tuple[int, str]] = []
    above: list[str] = []
    for line in lines:
        bare = line.strip()
        if bare.startswith("#"):
            above.append(bare[1:].strip())
        elif match := re.match(r"^( *)([A-Za-z0-9_-]+):", line):
            indent = len(match[1])
            path = [*((depth, key) for depth, key in path if depth < indent), (indent, match[2])]
            yield ".".join(key for _, key in path), " ".join(above)
            above = []
        else:
            above = []


def described(chart: str) -> dict[str, str]:
    """What the comments say, by the value's path as the chart has it."""
    own = (CHARTS / chart / "values.yaml").read_text().splitlines()
    shared = (CHARTS / "service" / "values.yaml").read_text().splitlines()
    found = dict(comments(own))
    for path, comment in comments(shared):
        _, block, value = ([*path.split(".", 2), "", ""])[:3]
        if block in IMPORTED[chart] and comment and not found.get(value):
            found[value] = comment
    return found


def merged(*layers: dict[str, Any]) -> dict[str, Any]:
    """Later layers win; maps are merged, as Helm does."""
    whole_of: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            known = whole_of.get(key)
            both = isinstance(known, dict) and isinstance(value, dict)
            whole_of[key] = merged(known or {}, value) if both else deepcopy(value)
    return whole_of


def defaults(chart: str) -> dict[str, Any]:
    exports = yaml.safe_load((CHARTS / "service" / "values.yaml").read_text())["exports"]
    own = yaml.safe_load((CHARTS / chart / "values.yaml").read_text())
    return merged(*(exports[block] for block in IMPORTED[chart]), own)


def model_schema(model: type[BaseModel]) -> Schema:
    """In draft 7, without references and defaults."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def plain(node: Any) -> Any:
        if isinstance(node, list):
            return [plain(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            named = definitions[node["$ref"].rsplit("/", 1)[-1]]
            return plain({**named, **{key: value for key, value in node.items() if key != "$ref"}})
        kept = {key: plain(value) for key, value in node.items() if key not in {"default", "title", "format"}}
        if "prefixItems" in kept:
            kept["items"] = kept.pop("prefixItems")
        return kept

    # A field may be called title or default: those are names, not keywords.
    def fields(node: Schema) -> Schema:
        return {name: plain(field) for name, field in node.get("properties", {}).items()}

    return {**plain({key: value for key, value in schema.items() if key != "properties"}), "properties": fields(schema)}


def settings_schema(settings: type[ProcessSettings]) -> Schema:
    """The settings that values may hold."""
    every = model_schema(settings)["properties"]
    kept = {name: field for name, field in every.items() if name not in DERIVED}
    return {"type": "object", "additionalProperties": False, "properties": kept}


def value_schema(path: str, default: Any, comment: dict[str, str]) -> Schema:
    described_by = {"description": comment[path]} if comment.get(path) else {}
    if path in RULES:
        return {**described_by, **deepcopy(RULES[path])}
    if isinstance(default, dict):
        properties = {key: value_schema(f"{path}.{key}", value, comment) for key, value in default.items()}
        return {**described_by, "type": "object", "additionalProperties": False, "properties": properties}
    return {**described_by, "type": TYPES[type(default)]}


def agent_settings() -> list[Schema]:
    """Each of our own agents takes its own settings; those of others are not known here, but for the common ones."""
    known = [
        {
            "if": {"properties": {"agent": {"const": agent}}, "required": ["agent"]},
            "then": {"properties": {"settings": settings_schema(settings)}},
        }
        for agent, settings in AGENTS.items()
    ]
    common = {**settings_schema(ServiceSettings), "additionalProperties": True}
    names = {"properties": {"agent": {"enum": list(AGENTS)}}, "required": ["agent"]}
    return [*known, {"if": {"not": names}, "then": {"properties": {"settings": common}}}]


def chart_schema(chart: str) -> Schema:
    comment, values = described(chart), defaults(chart)
    properties = {key: value_schema(key, value, comment) for key, value in values.items() if key != "settings"}
    settings: Schema = {"type": "object"} if chart == "agent" else settings_schema(SETTINGS[chart])
    properties["settings"] = {"description": comment["settings"], **settings}
    schema: Schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": f"Values of charts/{chart}; generated by python -m tests.charts.schemas",
        "type": "object",
        "additionalProperties": False,
        # What Helm itself puts there.
        "properties": {"global": {"type": "object"}, "service": {"type": "object"}, **properties},
    }
    if chart == "orchestrator":
        schema["properties"]["customer"] = model_schema(Customer)
    if chart == "agent":
        schema["allOf"] = agent_settings()
    return schema


def written(chart: str) -> str:
    return json.dumps(chart_schema(chart), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    for each in IMPORTED:
        (CHARTS / each / "values.schema.json").write_text(written(each))
