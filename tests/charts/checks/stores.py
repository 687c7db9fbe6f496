"""What Redis and PostgreSQL keep outlives their pods, and a store that is full says so instead of forgetting."""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tests.charts.kustomized import KIND, kustomized
from tests.charts.rendering import Manifest, Pod, Rendering
from tests.support.rendered.quantities import bytes_of


def kept(root: Path) -> Iterator[str]:
    for folder in ("k8s/base", KIND):
        rendering = kustomized(folder, root)
        for found in rendering.of("StatefulSet"):
            (pod,) = [pod for pod in rendering.pods if pod.owner is found]
            label = f"{folder}: {pod.name}"
            yield from (f"{label} {problem}" for problem in _on_a_claim(found, pod))
            yield from (f"{label} {problem}" for problem in _settled(rendering, pod))
            services = {each["metadata"]["name"] for each in rendering.of("Service")}
            if found["spec"]["serviceName"] not in services or found["spec"]["replicas"] != 1:
                yield f"{label} has no Service, or others write beside it"


def _on_a_claim(found: Manifest, pod: Pod) -> Iterator[str]:
    """Its data is on a volume that stays, whatever becomes of the set."""
    retention = found["spec"].get("persistentVolumeClaimRetentionPolicy", {})
    if {retention.get(when, "Retain") for when in ("whenDeleted", "whenScaled")} != {"Retain"}:
        yield f"loses its volume: {retention}"
    claims = {each["metadata"]["name"]: each["spec"] for each in found["spec"].get("volumeClaimTemplates", [])}
    mounts = {
        PurePosixPath(each["mountPath"])
        for each in pod.spec["containers"][0]["volumeMounts"]
        if each["name"] in claims and not each.get("readOnly")
    }
    if not any(PurePosixPath(data_of(pod)).is_relative_to(mount) for mount in mounts):
        yield f"writes to {data_of(pod)}, which goes with its pod"
    if any(claim["accessModes"] != ["ReadWriteOnce"] for claim in claims.values()):
        yield "is on a volume that several nodes write to"


def data_of(pod: Pod) -> str:
    """Where it writes: Redis is told in its configuration, PostgreSQL by a variable."""
    variables = {each["name"]: each["value"] for each in pod.spec["containers"][0].get("env", [])}
    return str(variables.get("PGDATA", "/data"))


def _settled(rendering: Rendering, pod: Pod) -> Iterator[str]:
    """Valkey's own configuration, where the pod has one."""
    names = {each.get("configMap", {}).get("name") for each in pod.spec["volumes"]}
    for found in rendering.of("ConfigMap"):
        text = found["data"].get("valkey.conf")
        if text is None or found["metadata"]["name"] not in names:
            continue
        told = dict(line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#"))
        wanted = {"appendonly": {"yes"}, "appendfsync": {"everysec", "always"}, "maxmemory-policy": {"noeviction"}}
        yield from (f"has {name} {told.get(name)}" for name, right in wanted.items() if told.get(name) not in right)
        if told.get("dir") != data_of(pod):
            yield f"writes to {told.get('dir')}"
        limit = bytes_of(pod.spec["containers"][0]["resources"]["limits"]["memory"])
        most = bytes_of(told.get("maxmemory", "0").replace("mb", "Mi"))
        if not 0 < 1.5 * most <= limit:
            yield f"keeps {told.get('maxmemory')} in {limit} bytes: a rewrite of its file copies what changes meanwhile"
