"""What a service is told, by its environment and its files, is what its code can be told."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from unittest.mock import patch

from crossdock import acceptance
from crossdock.errors import ConfigError
from crossdock.settings import ProcessSettings
from orchestrator.customer import load
from tests.charts.rendering import Pod, Rendering
from tests.charts.schemas import SETTINGS

PREFIX = "CROSSDOCK_"


def settings_of(pod: Pod) -> type[ProcessSettings]:
    return SETTINGS[pod.labels["app.kubernetes.io/component"]]


def loaded(pod: Pod) -> ProcessSettings:
    """As the service reads them. Raises `ConfigError`."""
    with patch.dict(os.environ, {"CROSSDOCK_HOST": "0.0.0.0", **pod.environment}, clear=True):
        return settings_of(pod).load()


def understood(rendering: Rendering) -> Iterator[str]:
    """Each variable is a field, and its value loads; what the release is called is what the card says."""
    for pod in rendering.serving:
        fields = {f"{PREFIX}{name}".upper() for name in settings_of(pod).model_fields}
        yield from (f"{pod.name}: there is no setting {name}" for name in set(pod.environment) - fields)
        try:
            settings = loaded(pod)
        except ConfigError as error:
            yield f"{pod.name}: {error}"
            continue
        ports = {port["name"]: port["containerPort"] for port in pod.spec["containers"][0]["ports"]}
        expected = {"http": settings.port, "management": settings.management_port}
        if getattr(settings, "grpc", False):
            expected["grpc"] = settings.grpc_listener  # type: ignore[attr-defined] # those with gRPC have it
        if ports != expected:
            yield f"{pod.name} listens on {expected}, and says {ports}"
    for found in rendering.of("Pod"):
        container = found["spec"]["containers"][0]
        given = {each["name"].removeprefix(PREFIX).lower(): each["value"] for each in container["env"]}
        acceptance.Settings(**given)


def shared(rendering: Rendering) -> Iterator[str]:
    """Where there may be several processes of a service, each knows how many, and all keep their tasks in Redis."""
    for pod in rendering.serving:
        if "CROSSDOCK_REPLICAS" not in pod.environment:
            continue
        most = 0
        for found in rendering.of("Deployment"):
            scalers = [*rendering.of("HorizontalPodAutoscaler"), *rendering.of("ScaledObject")]
            name = found["metadata"]["name"]
            bounds = [each["spec"] for each in scalers if each["spec"]["scaleTargetRef"]["name"] == name]
            limits = [spec.get("maxReplicas") or spec["maxReplicaCount"] for spec in bounds]
            most += 1 + max(limits or [found["spec"].get("replicas", 0)])
        if int(pod.environment["CROSSDOCK_REPLICAS"]) != most:
            yield f"{pod.name} is told of {pod.environment['CROSSDOCK_REPLICAS']} replicas; there may be {most}"
        if not pod.environment.get("CROSSDOCK_REDIS_NODES"):
            yield f"{pod.name} has no Redis"


def divided(rendering: Rendering) -> Iterator[str]:
    """One Deployment does everything, or one answers and one works; callers reach those that answer."""
    roles = {pod.labels["crossdock.dev/process"]: pod.environment.get("CROSSDOCK_ROLE") for pod in rendering.serving}
    if rendering.scenario.chart == "edge":
        expected: tuple[dict[str, str | None], ...] = ({"main": None},)
    else:
        expected = ({"main": "both"}, {"main": "api", "worker": "worker"})
    if roles not in expected:
        yield f"the processes are {roles}"


def mounted(rendering: Rendering) -> Iterator[str]:
    """Each file that a setting names is in a volume; the ConfigMap's are there, and pods end when they change."""
    for pod in rendering.serving:
        paths = [mount["mountPath"] for mount in pod.spec["containers"][0]["volumeMounts"]]
        for name, value in pod.environment.items():
            if name.endswith("_FILE") and str(PurePosixPath(value).parent) not in paths:
                yield f"{pod.name}: {name} is {value}, where nothing is mounted"
        for found in rendering.of("ConfigMap"):
            content = found["data"]["customer.yaml"]
            digest = hashlib.sha256(content.encode()).hexdigest()
            if pod.annotations.get("crossdock.dev/configuration") != digest:
                yield f"{pod.name} goes on with the customer's file of before"


def legible(rendering: Rendering) -> Iterator[str]:
    """The orchestrator reads the customer's file, and finds an URL for each of its agents."""
    for found in rendering.of("ConfigMap"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "customer.yaml"
            path.write_text(found["data"]["customer.yaml"])
            try:
                customer = load(path)
            except ConfigError as error:
                yield str(error)
                continue
        for pod in rendering.serving:
            agents = loaded(pod).agents  # type: ignore[attr-defined] # an orchestrator's
            if set(agents) != set(customer.agent_ids):
                yield f"{pod.name} knows where {sorted(agents)} live; its customer uses {sorted(customer.agent_ids)}"
