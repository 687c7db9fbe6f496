"""What every pod must be."""

from collections.abc import Iterator

from tests.charts.rendering import Manifest, Pod, Rendering

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
SHARED = ("hostNetwork", "hostPID", "hostIPC")
MAY_BE_BUSY, MAY_HANG, MAY_BE_SENT_TO = 60, 300, 20
"""Seconds: a service is let alone for that long; it is ended or left out at the latest after that long."""
LAST_ANSWERS = 8
"""Seconds that a service takes beyond its drain: the last notifications, and uvicorn's own grace."""


def restricted(rendering: Rendering) -> Iterator[str]:
    """Pod Security `restricted`, field by field."""
    for pod in rendering.pods:
        spec, common = pod.spec, pod.spec.get("securityContext", {})
        if any(spec.get(shared) for shared in SHARED):
            yield f"{pod.name} shares a namespace of its node"
        if kinds := {kind for volume in spec.get("volumes", []) for kind in volume} - VOLUMES - {"name"}:
            yield f"{pod.name} mounts {', '.join(sorted(kinds))}"
        for container in pod.containers:
            yield from _confined(f"{pod.name}/{container['name']}", common, container)


def _confined(name: str, common: Manifest, container: Manifest) -> Iterator[str]:
    own = container.get("securityContext", {})
    whole = {**common, **own}
    if not whole.get("runAsNonRoot") or whole.get("runAsUser", 1) == 0:
        yield f"{name} may run as root"
    if own.get("allowPrivilegeEscalation") is not False or own.get("privileged"):
        yield f"{name} may gain rights"
    if "ALL" not in own.get("capabilities", {}).get("drop", []) or own.get("capabilities", {}).get("add"):
        yield f"{name} keeps capabilities"
    if whole.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
        yield f"{name} may make every system call"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name} takes a port of its node"


def frugal(rendering: Rendering) -> Iterator[str]:
    """What `restricted` does not ask for: nothing to write to, no token, an account of its own, bounded memory."""
    for pod in rendering.pods:
        spec = pod.spec
        if spec.get("automountServiceAccountToken") is not False or spec.get("enableServiceLinks") is not False:
            yield f"{pod.name} is told of the cluster"
        if spec.get("serviceAccountName") not in {
            account["metadata"]["name"] for account in rendering.of("ServiceAccount")
        }:
            yield f"{pod.name} has no account of its own"
        for container in pod.containers:
            if container["securityContext"].get("readOnlyRootFilesystem") is not True:
                yield f"{pod.name} may write to its image"
            resources = container.get("resources", {})
            if set(resources.get("requests", {})) < {"cpu", "memory"} or "memory" not in resources.get("limits", {}):
                yield f"{pod.name} asks for no memory or CPU, or is not limited"
            if container["image"].rsplit(":", 1)[-1] in {"latest", container["image"]}:
                yield f"{pod.name} runs any version of its image"
    for account in rendering.of("ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"the account {account['metadata']['name']} hands out its token"


def probed(rendering: Rendering) -> Iterator[str]:
    """All of them on the management port, and none that asks for a card or for another service to stay alive."""
    paths = {"startupProbe": "/livez", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
    for pod in rendering.serving:
        container = pod.spec["containers"][0]
        for probe, path in paths.items():
            asked = container.get(probe, {}).get("httpGet")
            if asked != {"path": path, "port": "management"}:
                yield f"{pod.name}: {probe} asks {asked}"
            if container.get(probe, {}).get("timeoutSeconds", 1) > container.get(probe, {}).get("periodSeconds", 10):
                yield f"{pod.name}: {probe} is asked again before it was answered"
        if not MAY_BE_BUSY <= _patience(container, "livenessProbe") <= MAY_HANG:
            yield f"{pod.name} is killed after {_patience(container, 'livenessProbe')} s"
        if _patience(container, "readinessProbe") > MAY_BE_SENT_TO:
            yield f"{pod.name} is sent requests for {_patience(container, 'readinessProbe')} s after it said no"
        if not MAY_BE_BUSY <= _patience(container, "startupProbe") <= MAY_HANG:
            yield f"{pod.name} may take {_patience(container, 'startupProbe')} s to start"


def _patience(container: Manifest, probe: str) -> int:
    """Seconds until it counts as failed."""
    found = container.get(probe, {})
    return int(found.get("periodSeconds", 10) * found.get("failureThreshold", 3))


def draining(rendering: Rendering) -> Iterator[str]:
    """Endpoints forget the pod, its tasks end, its last answers leave: all before it is killed."""
    for pod in rendering.serving:
        stop = pod.spec["containers"][0].get("lifecycle", {}).get("preStop", {})
        pause = stop.get("sleep", {}).get("seconds", 0)
        drain = float(pod.environment.get("CROSSDOCK_DRAIN_SECONDS", 0))
        grace = pod.spec.get("terminationGracePeriodSeconds", 30)
        if pause < 2:
            yield f"{pod.name} is told to stop while requests still come"
        if grace < pause + drain + LAST_ANSWERS:
            yield f"{pod.name} is killed after {grace} s; it pauses for {pause} and drains for {drain}"
        if "dapr.io/enabled" in pod.annotations and pod.annotations.get("dapr.io/enable-native-sidecar") != "true":
            yield f"{pod.name}: its sidecar goes with the first signal, and cuts what still runs"


def rolling(rendering: Rendering) -> Iterator[str]:
    """A roll-out takes nothing away before its successor is ready, and replicas stand apart."""
    for found in rendering.of("Deployment"):
        name, spec = found["metadata"]["name"], found["spec"]
        strategy = spec.get("strategy", {})
        if strategy.get("type") != "RollingUpdate" or strategy["rollingUpdate"] != {"maxSurge": 1, "maxUnavailable": 0}:
            yield f"{name} rolls by {strategy}"
        spread = spec["template"]["spec"].get("topologySpreadConstraints", [])
        if {each["topologyKey"] for each in spread} != {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}:
            yield f"{name} may stand on one node"
        if any(each["whenUnsatisfiable"] != "ScheduleAnyway" or each["maxSkew"] != 1 for each in spread):
            yield f"{name} waits for a node that may never come, or is spread by {spread}"
        if any(each["labelSelector"] != spec["selector"] for each in spread):
            yield f"{name} is spread by other pods than its own"


def tested(rendering: Rendering) -> Iterator[str]:
    """The pod of `helm test` tells what it found and leaves nothing, however it ends: uninstalling forgets hooks."""
    ended, policy = {"hook-succeeded", "hook-failed"}, "helm.sh/hook-{}-policy"
    for pod in rendering.of("Pod"):
        annotations = pod["metadata"].get("annotations", {})
        told, gone = (set(annotations.get(policy.format(each), "").split(",")) for each in ("output-log", "delete"))
        if not told >= ended:
            yield f"{pod['metadata']['name']} does not tell what it found"
        if not gone >= {"before-hook-creation", *ended}:
            yield f"{pod['metadata']['name']} is left behind"


def configured(pod: Pod) -> bool:
    return any(volume["name"] == "configuration" for volume in pod.spec["volumes"])
