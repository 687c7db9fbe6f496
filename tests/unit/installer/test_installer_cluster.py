"""The place `cluster` against a kubectl that keeps what it is given."""

import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from crossdock.auth.service_keys import ServiceKeys
from crossdock.settings import checked
from installer import customer_check
from installer.agents import AGENTS
from installer.cli import app
from installer.settings import Settings
from tests.support.installation import ClusterLog, Repository, rights

TESTED = {"client-secret", "other-secret", "stranger-secret"}
SERVICE = {"redis-password", "signing-key"}


@pytest.fixture
def cluster(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> ClusterLog:
    monkeypatch.setenv("PLACE", "cluster")
    return repo.cluster(monkeypatch)


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, [*arguments], env=environment, catch_exceptions=False)


def done(*arguments: str, **environment: str) -> str:
    """What it prints."""
    result = run(*arguments, **environment)
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments: str, **environment: str) -> str:
    result = run(*arguments, **environment)
    assert result.exit_code == 2
    assert result.output.startswith("error: ")
    assert result.output.count("\n") == 1
    return result.output


def secrets(cluster: ClusterLog) -> dict[str, dict[str, str]]:
    return {name: cluster.files(*name.split("/")) for name in cluster.objects("secret")}


def test_what_a_prepared_cluster_has(cluster: ClusterLog) -> None:
    assert done("prepare") == ""
    found = {name: set(files) for name, files in secrets(cluster).items()}
    assert found.pop("crossdock-system/platform") >= {"keycloak-admin", "redis-admin", "redis-anomaly-agent", "domain"}
    assert found == {
        "crossdock-system/certificate-authority": {"ca.key", "ca.crt", "gateway.key", "gateway.crt"},
        "crossdock-data/redis": {"users.acl"},
        "crossdock-data/postgres": {"postgres-admin", "postgres-keycloak", "postgres-contracts"},
        "crossdock-identity/keycloak": {"keycloak.conf", "realm.json"},
        "crossdock-agents/anomaly-agent": SERVICE,
        "crossdock-agents/contract-agent": SERVICE | {"database-password"},
        "crossdock-agents/escalation-agent": SERVICE,
        **{f"crossdock-agents/{agent.card}-test": TESTED for agent in AGENTS},
        "crossdock-edge/crossdock-tls": {"tls.crt", "tls.key"},
    }
    tested = cluster.files("crossdock-agents", "anomaly-agent-test")  # of `helm test`
    kept = cluster.files("crossdock-system", "platform")
    assert tested == {
        "client-secret": f"{kept['client-agents-test'].strip()}\n",
        "other-secret": f"{kept['client-agents-test-other'].strip()}\n",
        "stranger-secret": f"{kept['client-agents-test-stranger'].strip()}\n",
    }
    conf = cluster.files("crossdock-identity", "keycloak")["keycloak.conf"]
    assert "hostname=https://auth.crossdock.localhost\n" in conf
    assert cluster.objects("job") == {"crossdock-system/reconcile-platform"}


def test_namespaces_then_secrets_then_what_needs_them_then_the_job(cluster: ClusterLog) -> None:
    done("prepare", OVERLAY="k8s/overlays/kind", KUBE_CONTEXT="kind-crossdock")
    words = [" ".join(call).removeprefix("--context kind-crossdock ") for call in cluster.calls()]
    applied = [word.split()[-1] for word in words if word.startswith("apply")]
    assert applied == ["k8s/base/namespaces", "-", "k8s/overlays/kind", "-"]
    assert cluster.given()[-1]["kind"] == "Job"
    assert all(call[:2] == ["--context", "kind-crossdock"] for call in cluster.calls())


def test_no_secret_is_in_an_argument_or_in_an_annotation(cluster: ClusterLog) -> None:
    done("prepare")
    done("customer", "add", "acme")
    words = " ".join(word for call in cluster.calls() for word in call)
    values = [line for files in secrets(cluster).values() for text in files.values() for line in text.split("\n")]
    assert not [value for value in values if len(value) > 20 and value in words]
    assert all("--server-side" in call for call in cluster.calls() if call[0] == "apply" and "-" in call)


def test_it_can_be_run_again_from_anywhere_and_keeps_what_there_is(cluster: ClusterLog) -> None:
    done("prepare", DOMAIN="freight.example")
    done("customer", "add", "acme")
    before = secrets(cluster)
    done("prepare")
    done("customer", "add", "acme")
    assert secrets(cluster) == before
    job = cluster.given()[-1]["spec"]["template"]["spec"]["containers"][0]
    assert {"name": "CROSSDOCK_ISSUER", "value": "https://auth.freight.example/realms/crossdock"} in job["env"]


def test_a_customer_gets_a_namespace_rights_and_a_command(cluster: ClusterLog) -> None:
    done("prepare", DOMAIN="freight.example:8443")
    cluster.forget_calls()
    said = done("customer", "add", "acme")
    assert said.splitlines()[-1].strip() == (
        "helm upgrade --install acme charts/orchestrator -n acme -f k8s/customers/acme.yaml"
        " --set platform.domain=freight.example --set platform.httpsPort=8443 --set image.tag=dev"
    )
    namespace = next(each for each in cluster.given() if each["kind"] == "Namespace")
    labels = namespace["metadata"]["labels"]
    assert namespace["metadata"]["name"] == "acme"
    assert (labels["crossdock.dev/role"], labels["crossdock.dev/customer"]) == ("customer", "acme")
    assert labels["strict"] == "very"  # as those of the repository's base
    (policy,) = [each for each in cluster.given() if each["kind"] == "NetworkPolicy"]
    assert (policy["metadata"]["namespace"], policy["metadata"]["name"]) == ("acme", "default-deny")
    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    mounted = cluster.files("acme", "acme-orchestrator")
    assert set(mounted) == SERVICE | {"client-secret"}
    kept = cluster.files("crossdock-system", "customer-acme")
    assert mounted["client-secret"] == kept["client-acme-orchestrator"]
    tested = cluster.files("acme", "acme-orchestrator-test")  # of `helm test`
    assert tested == {"client-secret": kept["client-acme-caller"], "other-secret": kept["client-acme-orchestrator"]}


@pytest.mark.parametrize(
    ("image", "told"),
    [
        (
            "registry.example:5000/crossdock/installer:1.0.0",
            ["image.registry=registry.example:5000", "image.tag=1.0.0"],
        ),
        ("crossdock/installer:1.0.0", ["image.tag=1.0.0"]),
        ("registry.example/ours/installer:1.0.0", []),
        ("registry.example/crossdock/installer@sha256:0123", []),
    ],
)
def test_the_command_names_the_images_beside_ours(cluster: ClusterLog, image: str, told: list[str]) -> None:
    """Not those of another name: what they are called is not ours to guess."""
    done("prepare")
    words = done("customer", "add", "acme", INSTALLER_IMAGE=image).split()
    assert [word for word in words if word.startswith("image.")] == told


def test_the_job_sees_the_platform_and_its_customer_alone(cluster: ClusterLog) -> None:
    done("prepare")
    done("customer", "add", "acme")
    done("customer", "add", "globex")
    pod = cluster.given()[-1]["spec"]["template"]["spec"]
    sources = [source["secret"]["name"] for source in pod["volumes"][0]["projected"]["sources"]]
    assert sources == ["platform", "customer-globex"]
    assert pod["containers"][0]["args"] == ["reconcile", "globex"]
    done("prepare")
    pod = cluster.given()[-1]["spec"]["template"]["spec"]
    sources = [source["secret"]["name"] for source in pod["volumes"][0]["projected"]["sources"]]
    assert sources == ["platform", "customer-acme", "customer-globex"]


def test_the_jobs_environment_is_the_installers_settings(cluster: ClusterLog, monkeypatch: pytest.MonkeyPatch) -> None:
    done("prepare")
    for variable in cluster.given()[-1]["spec"]["template"]["spec"]["containers"][0]["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    settings = checked(Settings)
    assert settings.redis_acl_save
    assert settings.redis_nodes == "redis.crossdock-data:6379"
    named = {name for name in os.environ if name.startswith("CROSSDOCK_") and name != "CROSSDOCK_DATA"}
    assert {name.removeprefix("CROSSDOCK_").lower() for name in named} <= set(Settings.model_fields)


def test_a_second_customer_changes_nothing_of_the_first(cluster: ClusterLog) -> None:
    done("prepare")
    done("customer", "add", "acme")
    before = secrets(cluster)
    done("customer", "add", "globex")
    after = secrets(cluster)
    changed = {name for name, files in before.items() if after[name] != files}
    assert changed == {"crossdock-data/redis"}
    users = after["crossdock-data/redis"]["users.acl"]
    assert {"acme-orchestrator", "globex-orchestrator"} <= {line.split()[1] for line in users.splitlines()}
    assert done("customer", "list") == "acme\nglobex\n"


def test_a_customer_goes_with_all_that_it_had(cluster: ClusterLog) -> None:
    done("prepare")
    done("customer", "add", "acme")
    before = secrets(cluster)
    done("customer", "add", "globex")
    cluster.forget_calls()
    done("customer", "remove", "globex")
    assert secrets(cluster) == before
    assert cluster.objects("namespace") == {"-/acme"}
    words = [" ".join(call) for call in cluster.calls()]
    gone = next(number for number, call in enumerate(words) if call.startswith("delete namespace globex"))
    job = next(number for number, call in enumerate(words) if call.startswith("apply"))
    assert gone < job  # first nobody works any more, then the rights go
    assert cluster.given()[0]["spec"]["template"]["spec"]["containers"][0]["args"] == [
        "reconcile",
        "--remove",
        "globex",
    ]
    cluster.forget_calls()
    assert done("customer", "remove", "globex").startswith("There is nothing to remove")
    assert cluster.given() == []


@pytest.mark.parametrize(
    ("name", "again", "mounted"),
    [
        ("redis-acme-orchestrator", ("customer", "add", "acme"), ("acme/acme-orchestrator", "redis-password")),
        ("client-acme-orchestrator", ("customer", "add", "acme"), ("acme/acme-orchestrator", "client-secret")),
        ("redis-contract-agent", ("prepare",), ("crossdock-agents/contract-agent", "redis-password")),
    ],
)
def test_a_password_is_renewed(
    name: str, again: tuple[str, ...], mounted: tuple[str, str], cluster: ClusterLog
) -> None:
    done("prepare")
    done("customer", "add", "acme")
    before = secrets(cluster)
    assert "restart" in done("renew", name)
    done(*again)
    after = secrets(cluster)
    secret, file = mounted
    assert after[secret].pop(file) != before[secret].pop(file)
    assert after[secret] == before[secret]


def test_a_renewed_key_signs_and_the_one_before_stays_for_once(cluster: ClusterLog, tmp_path: Path) -> None:
    done("prepare")
    done("customer", "add", "acme")
    kept = []
    for _ in range(3):
        file = tmp_path / "signing-key"
        file.write_text(cluster.files("acme", "acme-orchestrator")["signing-key"])
        kept.append(ServiceKeys.read(file))
        done("renew", "signing-acme-orchestrator.pem")
        done("customer", "add", "acme")
    assert [len(keys.others) for keys in kept] == [0, 1, 1]
    assert [keys.others[0].kid for keys in kept[1:]] == [keys.signing.kid for keys in kept[:2]]


@pytest.mark.parametrize("name", ["redis-admin", "keycloak-admin", "postgres-contracts"])
def test_what_opens_other_doors_is_not_renewed_alone(cluster: ClusterLog, name: str) -> None:
    done("prepare")
    assert "docs/operations.md" in refused("renew", name)


@pytest.mark.parametrize("name", ["domain", "nothing", "../authority/ca.key", "redis-nobody"])
def test_only_a_secret_that_there_is_can_be_renewed(cluster: ClusterLog, name: str) -> None:
    done("prepare")
    assert "redis-anomaly-agent" in refused("renew", name)


def test_a_customer_needs_a_prepared_cluster(cluster: ClusterLog) -> None:
    assert "make platform" in refused("customer", "add", "acme")
    assert "make platform" in refused("customer", "remove", "acme")
    assert cluster.given() == []


def test_a_namespace_of_somebody_else_is_left_alone(cluster: ClusterLog, repo: Repository) -> None:
    done("prepare")
    folder = cluster.folder / "objects" / "-" / "namespace"
    folder.mkdir(parents=True)
    (folder / "acme.json").write_text('{"metadata": {"name": "acme", "labels": {"team": "payroll"}}}')
    repo.describe("kube-proxy")
    for command in ("add", "remove"):
        assert "kubectl label namespace acme" in refused("customer", command, "acme")
        assert "taken" in refused("customer", command, "kube-proxy")
    assert (folder / "acme.json").exists()


@pytest.mark.parametrize(
    "name", ["auth", "monitoring", "observability", "dapr-system", "ingress-nginx", "nginx-ingress"]
)
def test_a_name_that_policies_let_in_is_no_customers(name: str, cluster: ClusterLog, repo: Repository) -> None:
    """The namespace may be missing, and the name still be the cluster's."""
    done("prepare")
    repo.describe(name)
    assert "taken by the platform itself" in refused("customer", "add", name)
    assert cluster.objects("namespace") == set()


def test_a_name_that_ends_as_the_orchestrators_do(cluster: ClusterLog, repo: Repository) -> None:
    done("prepare")
    repo.describe("my-orchestrator")
    assert "Choose another" in refused("customer", "add", "my-orchestrator")


def test_who_was_overtaken_is_told_to_run_again(cluster: ClusterLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two operators add a customer at the same time: the later one must not take the other's user away."""
    done("prepare")
    users = cluster.folder / "objects" / "crossdock-data" / "secret" / "redis.json"
    older = users.read_text().replace('"resourceVersion": "1"', '"resourceVersion": "7"')
    program = Path(os.environ["PATH"].split(":")[0]) / "kubectl"
    overtaking = f"case \"$*\" in *--selector*) printf %s '{older}' >{users};; esac\n"
    program.write_text(program.read_text().replace("exec ", overtaking + "exec "))
    assert "run the command again" in refused("customer", "add", "acme")
    assert done("customer", "add", "acme")


def test_a_job_that_fails_says_why(cluster: ClusterLog) -> None:
    (cluster.folder / "broken").write_text("error: Keycloak refuses POST /clients with 400. Its log says why.\n")
    said = refused("prepare")
    assert "The Job reconcile-platform failed: error: Keycloak refuses" in said
    assert "kubectl describe job" in said


def test_without_kubectl(cluster: ClusterLog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "Install it" in refused("prepare")


def test_manifests_without_a_cluster(cluster: ClusterLog, tmp_path: Path) -> None:
    state = tmp_path / "state"
    options = ("--state", str(state), "--print")
    printed = list(yaml.safe_load_all(done("prepare", *options)))
    assert {each["kind"] for each in printed} == {"Secret", "Job"}
    assert list(yaml.safe_load_all(done("prepare", *options))) == printed
    result = run("customer", "add", "acme", *options)
    kinds = [each["kind"] for each in yaml.safe_load_all(result.stdout)]
    assert kinds == ["Secret", "Secret", "Namespace", "NetworkPolicy", "Secret", "Secret", "Job"]
    assert "helm upgrade --install acme" in result.stderr
    assert [each["kind"] for each in yaml.safe_load_all(run("customer", "remove", "acme", *options).stdout)] == [
        "Job",
        "Secret",
    ]
    assert done("customer", "list", "--state", str(state)) == ""
    assert rights(state) == 0o700
    assert cluster.calls() == []


def test_a_domain_that_is_none(cluster: ClusterLog) -> None:
    for domain in ("a b", "x:0", "x:y", "-x", "x;y"):
        assert "is no domain" in refused("prepare", DOMAIN=domain)
    assert cluster.given() == []


def test_compose_has_no_state_to_choose(repo: Repository, tmp_path: Path) -> None:
    assert "leave out" in refused("prepare", "--state", str(tmp_path / "state"))


BROKEN = {
    "agents: [{id: weather}]": "customer.agents: no agent 'weather' lives here; choose of anomaly, contract, ",
    "agents: [{id: anomaly}]\n  routing: {method: guess}": "customer.routing.method: ",
}


@pytest.mark.parametrize("block", BROKEN)
def test_a_file_that_its_orchestrator_would_refuse_changes_nothing(
    block: str, cluster: ClusterLog, repo: Repository
) -> None:
    """In the words that Compose has from the same program."""
    done("prepare")
    cluster.forget_calls()
    file = repo.root / "k8s" / "customers" / "acme.yaml"
    file.write_text(f"customer:\n  name: acme\n  {block}\n")
    assert refused("customer", "add", "acme").startswith(f"error: k8s/customers/acme.yaml: {BROKEN[block]}")
    assert cluster.calls() == []


def test_an_agent_whose_url_its_file_says_needs_no_home_here(cluster: ClusterLog, repo: Repository) -> None:
    done("prepare")
    file = repo.root / "k8s" / "customers" / "acme.yaml"
    file.write_text("customer: {name: acme, agents: [{id: weather}]}\nplatform: {agents: {weather: http://w:1}}\n")
    assert "helm upgrade --install acme" in done("customer", "add", "acme")


def test_without_an_orchestrator_to_ask(cluster: ClusterLog, monkeypatch: pytest.MonkeyPatch) -> None:
    done("prepare")
    monkeypatch.setattr(customer_check, "PROGRAM", "no_orchestrator")
    assert "No module named no_orchestrator. Run this by `make`" in refused("customer", "add", "acme")
