"""What stands before any release, and that it fits: the releases, the installer, and the system of Compose."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from installer import mounts
from installer.agents import AGENTS
from installer.manifests import SYSTEM
from tests.charts.checks import pods
from tests.charts.kustomized import FOLDERS, KIND, kustomized, printed
from tests.charts.rendering import LATEST, ROOT, Manifest, Pod, Rendering, Scenario, matches, rendered
from tests.charts.scenarios import AGENTS as INSTALLED_AGENTS
from tests.charts.scenarios import CUSTOMERS, scenario

STRICT = "pod-security.kubernetes.io"
PODS = [pods.restricted, pods.frugal]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Rendering:
    """Everything that the installer makes for a cluster with two customers."""
    state = tmp_path_factory.mktemp("installer") / "state"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        for name in ("STATE", "DOMAIN", "OVERLAY", "INSTALLER_IMAGE"):
            patch.delenv(name, raising=False)
        made = printed(state, "prepare")
        for customer in ("acme", "globex"):
            made += printed(state, "customer", "add", customer)
    return Rendering(Scenario("installer", "both", ""), made)


@pytest.mark.parametrize("version", ["1.33", LATEST])
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_is_what_the_api_server_takes(folder: str, version: str) -> None:
    assert kustomized(folder).objects
    for found in kustomized(folder).objects:
        kubernetes_validate.validate(found, version, strict=True)


def test_the_installers_manifests_are_what_the_api_server_takes(ours: Rendering) -> None:
    for found in ours.objects:
        kubernetes_validate.validate(found, LATEST, strict=True)


@pytest.mark.parametrize("check", PODS)
def test_pods_are_confined(check: object, ours: Rendering) -> None:
    base = kustomized("k8s/base")
    assert {pod.name for pod in base.pods} == {"keycloak", "postgres", "redis"}
    assert list(check(base)) == []  # type: ignore[operator]
    together = Rendering(ours.scenario, [*ours.objects, *base.of("ServiceAccount")])
    assert [pod.name for pod in together.pods] == ["reconcile-platform", "reconcile-acme", "reconcile-globex"]
    assert list(check(together)) == []  # type: ignore[operator]


def test_the_pod_that_restores_is_one_of_redis() -> None:
    base = kustomized("k8s/base")
    found = yaml.safe_load((ROOT / "k8s" / "redis-restore.yaml").read_text())
    kubernetes_validate.validate(found, LATEST, strict=True)
    alone = Rendering(base.scenario, [found, *base.of("ServiceAccount")])
    assert [problem for check in PODS for problem in check(alone)] == []
    (redis,) = [pod for pod in base.pods if pod.name == "redis"]
    (pod,) = alone.pods
    assert pod.spec["securityContext"] == redis.spec["securityContext"]
    assert pod.containers[0]["image"] == redis.containers[0]["image"]
    assert pod.spec["volumes"][0]["persistentVolumeClaim"]["claimName"] == "data-redis-0"


@pytest.mark.parametrize("folder", ["k8s/base", KIND])
def test_what_selects_finds_something_in_its_namespace(folder: str) -> None:
    whole = kustomized(folder)
    for found in [*whole.of("Service"), *whole.of("NetworkPolicy")]:
        selector = found["spec"].get("podSelector") or {"matchLabels": found["spec"].get("selector", {})}
        if found["metadata"]["name"] == "default-deny" or found["metadata"]["namespace"] == SYSTEM:
            continue  # all pods; and pods of the installer's Jobs, below
        inside = [pod for pod in whole.pods if pod.owner["metadata"]["namespace"] == found["metadata"]["namespace"]]
        assert any(matches(selector, pod.labels) for pod in inside), found["metadata"]


def test_the_jobs_are_let_out(ours: Rendering) -> None:
    policies = {found["metadata"]["name"]: found for found in kustomized("k8s/base/system").of("NetworkPolicy")}
    assert all(matches(policies["installer"]["spec"]["podSelector"], pod.labels) for pod in ours.pods)


def test_every_namespace_is_strict_and_has_the_role_that_policies_ask_for(ours: Rendering) -> None:
    namespaces = [*kustomized("k8s/base").of("Namespace"), *ours.of("Namespace")]
    for found in namespaces:
        labels = found["metadata"]["labels"]
        assert labels[f"{STRICT}/enforce"] == "restricted"
        assert labels[f"{STRICT}/enforce-version"].startswith("v1.")
    roles = {found["metadata"]["labels"]["crossdock.dev/role"] for found in namespaces}
    assert roles == {"agents", "customer", "data", "edge", "identity", "system"}
    policies = kustomized(KIND).of("NetworkPolicy") + [
        found for each in [*INSTALLED_AGENTS, *CUSTOMERS] for found in rendered(each).of("NetworkPolicy")
    ]
    assert {role for policy in policies for role in asked_roles(policy["spec"])} <= roles


def asked_roles(spec: Manifest) -> Iterator[str]:
    rules = [(rule, "from") for rule in spec.get("ingress", [])] + [(rule, "to") for rule in spec.get("egress", [])]
    for rule, side in rules:
        for peer in rule.get(side, []):
            selector = peer.get("namespaceSelector", {})
            yield from (value for key, value in selector.get("matchLabels", {}).items() if key == "crossdock.dev/role")
            yield from (value for each in selector.get("matchExpressions", []) for value in each["values"])


def test_every_mounted_secret_is_one_that_the_installer_makes(ours: Rendering) -> None:
    made = {
        (found["metadata"].get("namespace"), found["metadata"]["name"]): set(found["data"])
        for found in ours.of("Secret")
    }
    renderings = [kustomized(KIND), ours, *(rendered(each) for each in [*INSTALLED_AGENTS, *CUSTOMERS])]
    wanted = [(pod, name) for rendering in renderings for pod in rendering.pods for name in mounted_secrets(pod)]
    assert len(wanted) > 8
    for pod, name in wanted:
        files = made[(pod.owner["metadata"]["namespace"], name)]
        assert wanted_files(pod) & {"redis-password", "signing-key", "client-secret", "database-password"} <= files
    edge = made[("crossdock-edge", mounts.CERTIFICATE)]
    assert edge == {"tls.crt", "tls.key"}


def mounted_secrets(pod: Pod) -> Iterator[str]:
    for volume in pod.spec["volumes"]:
        if "secret" in volume:
            yield volume["secret"]["secretName"]
        yield from (source["secret"]["name"] for source in volume.get("projected", {}).get("sources", []))


def wanted_files(pod: Pod) -> set[str]:
    variables = pod.spec["containers"][0].get("env", [])
    return {Path(each["value"]).name for each in variables if each["value"].startswith("/run/secrets/")}


def test_the_files_that_databases_and_keycloak_read_are_there(ours: Rendering) -> None:
    files = {found["metadata"]["name"]: set(found["data"]) for found in ours.of("Secret")}
    assert files["redis"] == {"users.acl"}
    assert files["postgres"] == {"postgres-admin", "postgres-contracts", "postgres-keycloak"}
    (keycloak,) = [pod for pod in kustomized("k8s/base").pods if pod.name == "keycloak"]
    places = {mount["subPath"] for mount in keycloak.containers[0]["volumeMounts"] if "subPath" in mount}
    assert places == files["keycloak"]


def test_the_addresses_that_releases_are_given_are_services_here(ours: Rendering) -> None:
    offered = {
        (f"{found['metadata']['name']}.{found['metadata']['namespace']}", port["port"])
        for found in kustomized("k8s/base").of("Service")
        for port in found["spec"]["ports"]
    }
    environments = [pod.environment for each in [*INSTALLED_AGENTS, *CUSTOMERS] for pod in rendered(each).serving]
    environments += [pod.environment for pod in ours.pods]
    used = {address for environment in environments for address in addresses(environment)}
    assert used == offered


def addresses(environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    host, _, port = environment["CROSSDOCK_REDIS_NODES"].partition(":")
    yield host, int(port)
    for name, usual in (("ISSUER_DISCOVERY_URL", 80), ("KEYCLOAK_URL", 80), ("DATABASE_URL", 5432)):
        if url := environment.get(f"CROSSDOCK_{name}"):
            yield str(urlsplit(url).hostname), urlsplit(url).port or usual


def test_it_is_the_system_of_compose() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    found = {pod.name: pod for pod in kustomized("k8s/base").pods}
    for name, pod in found.items():
        container, compose = pod.containers[-1], services[name]
        assert {each["image"] for each in pod.containers} == {default(compose["image"])}
        user = pod.spec["securityContext"]
        assert f"{user['runAsUser']}:{user['runAsGroup']}" == compose["user"]
        assert container["resources"]["limits"]["memory"] == default(
            compose["deploy"]["resources"]["limits"]["memory"]
        ).replace("M", "Mi")
        writable = {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")}
        assert {folder.partition(":")[0] for folder in compose.get("tmpfs", [])} <= writable
    keycloak, compose = found["keycloak"].environment, services["keycloak"]["environment"]
    place = {"KC_HOSTNAME", "KC_DB_URL"}  # the installer writes the host name; the database has another
    assert {name: keycloak[name] for name in compose if name not in place} == {
        name: value for name, value in compose.items() if name not in place
    }
    assert set(keycloak) == set(compose) - {"KC_HOSTNAME"}
    assert found["keycloak"].containers[0]["args"] == services["keycloak"]["command"]
    files = {name: text for each in kustomized("k8s/base").of("ConfigMap") for name, text in each["data"].items()}
    assert files == {
        path.name: path.read_text()
        for path in (ROOT / "docker/redis/valkey.conf", ROOT / "docker/postgres/databases.sh")
    }


def default(text: str) -> str:
    """Of a Compose file's variables: what they are if nobody sets them."""
    parts = text.split("${")
    return parts[0] + "".join(part.partition(":-")[2].replace("}", "", 1) for part in parts[1:])


def test_on_kind_one_port_leads_in_and_one_certificate_serves_all(ours: Rendering) -> None:
    folder = ROOT / KIND
    cluster = yaml.safe_load((folder / "cluster.yaml").read_text())
    controller = yaml.safe_load((folder / "ingress-controller.yaml").read_text())["controller"]
    (mapping,) = cluster["nodes"][0]["extraPortMappings"]
    assert mapping["containerPort"] == controller["service"]["httpsPort"]["nodePort"]
    assert mapping["listenAddress"] == "127.0.0.1"
    assert controller["wildcardTLS"]["secret"] == f"crossdock-edge/{mounts.CERTIFICATE}"
    (ingress,) = kustomized(KIND).of("Ingress")
    host = ingress["spec"]["rules"][0]["host"]
    issuer = rendered(scenario("orchestrator-acme")).serving[0].environment["CROSSDOCK_ISSUER"]
    assert issuer == f"https://{host}/realms/crossdock"
    paths = [path["path"] for path in ingress["spec"]["rules"][0]["http"]["paths"]]
    gateway = (ROOT / "docker/gateway/snippets/https.conf").read_text()
    assert all(f"location = {path} " in gateway for path in paths)
    assert gateway.count("location = /realms/") == len(paths)


def test_on_kind_everything_asks_for_less() -> None:
    base, kind = (
        {pod.name: pod.containers[-1]["resources"] for pod in kustomized(each).pods} for each in ("k8s/base", KIND)
    )
    assert base.keys() == kind.keys()
    assert all(kind[name]["requests"] != base[name]["requests"] for name in base)
    claims = [found["spec"]["volumeClaimTemplates"][0]["spec"] for found in kustomized(KIND).of("StatefulSet")]
    assert {claim["resources"]["requests"]["storage"] for claim in claims} == {"1Gi"}


def test_the_releases_are_called_as_the_installer_calls_them() -> None:
    names = {pod.name for each in INSTALLED_AGENTS for pod in rendered(each).serving}
    assert names == {agent.card for agent in AGENTS}
    databases = {agent.card for agent in AGENTS if agent.database}
    using = {
        pod.name
        for each in INSTALLED_AGENTS
        for pod in rendered(each).serving
        if "database-password" in wanted_files(pod)
    }
    assert using == databases


def test_daprs_own_values_leave_out_what_its_sidecars_may_not_reach() -> None:
    """Off, and not at no replicas: what is only scaled down is still told to every sidecar, which then waits for it."""
    values = yaml.safe_load((ROOT / "k8s" / "dapr" / "values.yaml").read_text())
    assert not values["global"]["actors"]["enabled"]
    assert not values["global"]["scheduler"]["enabled"]
    assert "dapr_placement" not in values


def test_the_injector_stops_no_pods_but_those_that_have_a_sidecar(ours: Rendering) -> None:
    """Its own least of all: without a selector it could not start again once it is gone."""
    injector = yaml.safe_load((ROOT / "k8s" / "dapr" / "values.yaml").read_text())["dapr_sidecar_injector"]
    assert injector["webhookFailurePolicy"] == "Fail"
    namespaces = [*kustomized("k8s/base").of("Namespace"), *ours.of("Namespace")]
    stopped = {
        found["metadata"]["name"]
        for found in namespaces
        if matches(injector["namespaceSelector"], found["metadata"]["labels"])
    }
    assert stopped == {"crossdock-agents", "acme", "globex"}
    assert not matches(injector["namespaceSelector"], {"kubernetes.io/metadata.name": "dapr-system"})


def test_on_kind_what_there_is_one_of_stands_on_one_node() -> None:
    """So that there is another one to drain: volumes of kind cannot leave theirs."""
    whole = kustomized(KIND)
    (redis,) = [pod for pod in whole.pods if pod.name == "redis"]
    controller = yaml.safe_load((ROOT / KIND / "ingress-controller.yaml").read_text())["controller"]
    others = [pod.spec.get("affinity") for pod in whole.pods if pod.name != "redis"]
    for affinity in [*others, controller.get("affinity")]:
        (near,) = affinity["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
        assert (near["namespaces"], near["topologyKey"]) == (["crossdock-data"], "kubernetes.io/hostname")
        assert matches(near["labelSelector"], redis.labels)
