"""What a pod mounts, or an Ingress serves with, is there: made by the release, the installer or whom values name."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from installer import tester
from tests.charts.checks.standing import installed, of_kind
from tests.charts.checks.values import given
from tests.charts.rendering import Manifest, Pod, Rendering, strings


def furnished(rendering: Rendering) -> Iterator[str]:
    """Each Secret and ConfigMap of a volume, with the files that the environment names."""
    made = sources(rendering)
    for pod in rendering.pods:
        for volume in pod.spec["volumes"]:
            source = _source(volume)
            if source is None:
                continue
            if source not in made:
                yield f"{pod.name} mounts {source}, which nobody makes"
                continue
            missing = {key for key in wanted(pod, volume["name"]) - made[source] if not _own_file(rendering, key)}
            if made[source] and missing:
                yield f"{pod.name} reads {sorted(missing)}, which {source} has not"


def _own_file(rendering: Rendering, key: str) -> bool:
    """Values name it themselves, so that whoever wrote them makes it."""
    return any(text == key or text.endswith(f"/{key}") for text in strings(given(rendering.scenario)))


def _source(volume: Manifest) -> tuple[str, str] | None:
    if "secret" in volume:
        return "Secret", str(volume["secret"]["secretName"])
    if "configMap" in volume:
        return "ConfigMap", str(volume["configMap"]["name"])
    if "csi" in volume:
        return "SecretProviderClass", str(volume["csi"]["volumeAttributes"]["secretProviderClass"])
    return None


def wanted(pod: Pod, volume: str) -> set[str]:
    """Files below the mount of the volume that the environment names."""
    container = pod.spec["containers"][0]
    paths = {PurePosixPath(each["mountPath"]) for each in container["volumeMounts"] if each["name"] == volume}
    named = [PurePosixPath(each["value"]) for each in container["env"] if each["name"].endswith("_FILE")]
    return {path.name for path in named if path.parent in paths}


def sources(rendering: Rendering) -> dict[tuple[str, str], set[str]]:
    """By kind and name, the keys that are known; none where a provider alone knows them."""
    scenario = rendering.scenario
    found: dict[tuple[str, str], set[str]] = {}
    for each in rendering.objects:
        name = each["metadata"]["name"]
        match each["kind"]:
            case "ConfigMap":
                found["ConfigMap", name] = set(each["data"])
            case "SecretProviderClass":
                found["SecretProviderClass", name] = set()
            case "ExternalSecret":
                target = each["spec"].get("target", {}).get("name", name)
                found["Secret", target] = {entry["secretKey"] for entry in each["spec"]["data"]}
    external = any(kind in {"Secret", "SecretProviderClass"} for kind, _ in found)
    for each in of_kind(installed(), "Secret"):
        name = each["metadata"]["name"]
        if each["metadata"]["namespace"] == scenario.namespace and (name.endswith("-test") or not external):
            found["Secret", name] = set(each["data"])
    return found


def certified(rendering: Rendering) -> Iterator[str]:
    """TLS is by the Secret that values name, or by the installer's."""
    named = set(strings(given(rendering.scenario)))
    made = {each["metadata"]["name"] for each in of_kind(installed(), "Secret") if "tls.key" in each["data"]}
    for found in rendering.of("Ingress"):
        for tls in found["spec"].get("tls", []):
            if "secretName" in tls and tls["secretName"] not in named:
                yield f"{found['metadata']['name']} is served with {tls['secretName']}"
    for found in rendering.of("Gateway"):
        for listener in found["spec"]["listeners"]:
            for reference in listener["tls"]["certificateRefs"]:
                if reference["name"] not in named | made:
                    yield f"the Gateway's {listener['name']} is served with {reference['name']}"


def tried_by_two(rendering: Rendering) -> Iterator[str]:
    """Each client of the test with its own secret: who may call, who may not, and at agents another owner."""
    for found in rendering.of("Pod"):
        told = {
            each["name"].removeprefix("CROSSDOCK_"): each["value"] for each in found["spec"]["containers"][0]["env"]
        }
        name = rendering.of("Service")[0]["metadata"]["name"]
        clients = {
            told[f"{kind}CLIENT_ID"]: PurePosixPath(told[f"{kind or 'CLIENT_'}SECRET_FILE"]).name
            for kind in ("", "OTHER_", "STRANGER_")
            if f"{kind}CLIENT_ID" in told
        }
        if clients != _testing(rendering):
            yield f"{name} is tested by {clients}"
        if told["CARD"] != name:
            yield f"{name} is expected to be {told['CARD']}"


def _testing(rendering: Rendering) -> dict[str, str]:
    """By client, its key in the Secret."""
    if rendering.scenario.chart == "agent":
        keys = {tester.CLIENT: "client-secret", tester.OTHER: "other-secret", tester.STRANGER: "stranger-secret"}
        return {client.client_id: key for client, key in keys.items()}
    customer = given(rendering.scenario)["customer"]["name"]
    return {f"{customer}-caller": "client-secret", f"{customer}-orchestrator": "other-secret"}
