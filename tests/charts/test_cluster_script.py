"""`make e2e` where no cluster can be had: what it would do is there to be done."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from installer import places
from tests.charts.checks import script
from tests.charts.checks.script import commands
from tests.charts.kustomized import KIND, kustomized
from tests.charts.rendering import LATEST, ROOT, Refused, said
from tests.support.kube_place import CUSTOMERS
from tests.support.third_customer import NAME
from tests.support.through_sidecar import with_sidecar

SCRIPT = ROOT / script.SCRIPT
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def first(*wanted: str) -> int:
    return next(number for number, command in enumerate(CALLS) if command[: len(wanted)] == list(wanted))


CALLS: list[list[str]] = commands()
RELEASES = [
    words for words in CALLS if words[:3] == ["helm", "upgrade", "--install"] and words[4].startswith("charts/")
]


def test_its_order() -> None:
    order = [
        ("kind", "create"),
        ("docker", "compose"),
        ("kind", "load"),
        ("make", "platform"),
        ("helm", "upgrade", "--install", "edge"),
        ("helm", "upgrade", "--install", "anomaly"),
        ("make", "customer", "NAME=acme"),
        ("helm", "upgrade", "--install", "acme"),
        ("helm", "test", "acme"),
        (".venv/bin/python", "-m", "pytest"),
        ("kind", "delete"),
    ]
    steps = [first(*wanted) for wanted in order]
    assert steps == sorted(steps)


@pytest.mark.parametrize("environment", [{}, {"KUBE_CONTEXT": "theirs", "REGISTRY": "registry.example/crossdock"}])
def test_every_file_that_it_names_is_there(environment: dict[str, str]) -> None:
    named = {
        word
        for words in commands(**environment)
        for word in (each.rpartition("=")[2] for each in words)
        if re.match(r"(k8s|charts|tests|services|docker)/", word)
    }
    assert {"k8s/overlays/kind", "charts/agent", "k8s/customers/acme.yaml", "tests/e2e"} <= named
    assert [word for word in named if not (ROOT / word).exists()] == []


@pytest.mark.parametrize("words", RELEASES, ids=lambda words: str(words[3]))
def test_the_charts_take_what_it_sets(words: list[str]) -> None:
    release, chart = words[3:5]
    values = [word for option in pairs(words, "--values", "--set", "--namespace") for word in option]
    try:
        rendered = said("template", release, str(ROOT / chart), "--kube-version", LATEST, *values)
    except Refused as refused:
        pytest.fail(str(refused))
    images = {each["image"] for found in yaml.safe_load_all(rendered) for each in containers(found)}
    assert images <= {f"crossdock/{image}:dev" for image in loaded()}


def pairs(words: list[str], *options: str) -> list[tuple[str, str]]:
    found = [(word, words[number + 1]) for number, word in enumerate(words) if word in options]
    return [(option, str(ROOT / value) if option == "--values" else value) for option, value in found]


def containers(found: Any) -> list[Any]:
    if not found or found["kind"] not in {"Deployment", "Pod"}:
        return []
    spec = found["spec"]
    return list((spec["template"]["spec"] if found["kind"] == "Deployment" else spec)["containers"])


def loaded() -> set[str]:
    return {
        words[3].removeprefix("crossdock/").removesuffix(":dev") for words in CALLS if words[:2] == ["kind", "load"]
    }


def test_it_loads_every_image_that_is_built() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    built = {each["image"] for each in services.values() if "build" in each} | {"/orchestrator:"}
    assert {image.rpartition("/")[2].partition(":")[0] for image in built} == loaded()


def test_what_it_tells_the_installer_are_its_settings() -> None:
    told = {word.partition("=")[0] for words in CALLS if words[0] == "export" for word in words[1:]}
    known = {name.upper() for name in places.Target.model_fields}
    assert told - {"PLACE", "COMPOSE_PROJECT_NAME", "TAG"} <= known
    makefile = (ROOT / "Makefile").read_text()
    passed = set(re.findall(r"^SETTABLE.*?$(?:\n\t.*$)*", makefile, re.M)[-1].split())
    assert known <= passed


def test_versions_of_what_comes_from_others_are_pinned() -> None:
    upstream = [words for words in CALLS if words[:3] == ["helm", "upgrade", "--install"] and words not in RELEASES]
    assert {words[3] for words in upstream} == {"metrics-server", "nginx-ingress", "dapr"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", words[words.index("--version") + 1]) for words in upstream)


def test_a_cluster_of_theirs_is_left_as_it_was() -> None:
    theirs = commands(KUBE_CONTEXT="theirs", REGISTRY="registry.example")
    assert not [words for words in theirs if words[0] == "kind"]
    assert not [words for words in theirs if "nginx-ingress" in words or "dapr-system" in words]
    ends = [" ".join(words) for words in theirs[-6:]]
    assert ends[:3] == [f"make customer-remove NAME={name}" for name in (*CUSTOMERS, NAME)]
    assert ends[-1].startswith("kubectl --context theirs delete --kustomize k8s/overlays/kind")
    kept = commands("--keep")
    assert not [words for words in kept if words[:2] == ["kind", "delete"]]


def test_a_cluster_of_theirs_needs_a_registry() -> None:
    done = subprocess.run(
        [str(SCRIPT), "--dry-run"], env=os.environ | {"KUBE_CONTEXT": "theirs"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "Set REGISTRY" in done.stderr


def test_a_customer_that_is_added_is_a_policy_more_and_no_pod_less() -> None:
    """The values of the cases with Dapr: who is not listed has no policy, and the list is in no pod."""

    def told(*callers: str) -> tuple[set[str], list[Any]]:
        objects = list(yaml.safe_load_all(said("template", *with_sidecar("anomaly", *callers).arguments())))
        (configuration,) = [each for each in objects if each["kind"] == "Configuration"]
        policies = configuration["spec"]["accessControl"]["policies"]
        return {each["namespace"] for each in policies}, [each for each in objects if each["kind"] == "Deployment"]

    listed, pods = told()
    assert listed == {"acme", "globex"}
    assert told("acme") == ({"acme"}, pods)
    assert told("acme", "globex", "vandelay") == ({"acme", "globex", "vandelay"}, pods)


PROGRAM = """#!/bin/sh
echo "$(basename "$0") $*" | tr '\\n' ' ' | sed 's/ $//' >>"{log}"; echo >>"{log}"
case "$*" in *"{broken}"*) exit 3;; *"{asked}"*) echo "{said}";; esac
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A repository in which every program that the script calls is one that writes down its words."""
    place = tmp_path / "tests" / "e2e" / "cluster.sh"
    place.parent.mkdir(parents=True)
    shutil.copy(SCRIPT, place)
    return tmp_path


def really_run(
    repository: Path, *options: str, broken: str = "nothing", says: tuple[str, str] = ("nothing", ""), **told: str
) -> tuple[int, list[str]]:
    """Its exit status, and what was called. `broken`: the words of a call that fails; `says`: those of one, and what
    it prints."""
    log = repository / "log"
    for program in ("bin/kind", "bin/docker", "bin/make", "bin/helm", "bin/kubectl", ".venv/bin/python"):
        path = repository / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PROGRAM.format(log=log, broken=broken, asked=says[0], said=says[1]))
        path.chmod(0o755)
    environment = {"PATH": f"{repository / 'bin'}:/usr/bin:/bin", "HOME": str(repository), **told}
    done = subprocess.run(
        [str(repository / "tests/e2e/cluster.sh"), *options],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, log.read_text().splitlines()


def test_it_runs_what_it_prints(elsewhere: Path) -> None:
    status, called = really_run(elsewhere)
    assert status == 0
    programs = {"kind", "docker", "make", "helm", ".venv/bin/python"}
    assert called == [
        f"{Path(words[0]).name} {' '.join(words[1:])}" if words[0] in programs else called[number]
        for number, words in enumerate(piped(CALLS))
    ]


def piped(calls: list[list[str]]) -> list[list[str]]:
    """Without what only the shell does; one that hands kubectl's words to kubectl is two calls."""
    return [words for call in calls if call[0] != "export" for words in ([call, call] if call[0] == "bash" else [call])]


def test_a_step_that_fails_leaves_logs_and_no_cluster(elsewhere: Path) -> None:
    status, called = really_run(elsewhere, broken="--install contract")
    assert status == 3
    assert not [line for line in called if line.startswith("make customer")]
    assert called[-2:] == [
        "kind export logs .crossdock/e2e --name crossdock-e2e",
        "kind delete cluster --name crossdock-e2e",
    ]


THEIRS = {"KUBE_CONTEXT": "theirs", "REGISTRY": "registry.example"}
REMOVES = re.compile(r"kind delete|kind export|customer-remove|uninstall|kubectl .*delete")


def test_a_cluster_that_another_run_has_kept_is_not_removed(elsewhere: Path) -> None:
    """kind refuses to make it again."""
    status, called = really_run(elsewhere, broken="create cluster")
    assert (status, len(called)) == (3, 1)


@pytest.mark.parametrize("namespace", ["crossdock-system", "crossdock-edge", "globex", NAME])
def test_nothing_is_removed_from_a_cluster_that_has_it_already(elsewhere: Path, namespace: str) -> None:
    status, called = really_run(elsewhere, says=("get namespaces", f"namespace/{namespace}"), **THEIRS)
    assert status == 1
    assert namespace in called[-1].split()
    assert not [line for line in called if REMOVES.search(line)]


def test_what_it_looks_for_is_all_that_it_removes() -> None:
    """Every namespace that kustomize, the installer and the cases make."""
    (looked,) = [words for words in commands(**THEIRS) if "get" in words and "namespaces" in words]
    made = {found["metadata"]["name"] for found in kustomized(KIND).of("Namespace")}
    assert {*made, *CUSTOMERS, NAME} <= set(looked)


@pytest.mark.parametrize(("told", "removed"), [({}, True), (THEIRS, False)])
def test_a_kubectl_that_does_not_fit_is_refused(elsewhere: Path, told: dict[str, str], removed: bool) -> None:
    warning = "WARNING: version difference between client (1.32) and server (1.36) exceeds the supported minor skew"
    status, called = really_run(elsewhere, says=("version", warning), **told)
    assert status == 1
    assert not [line for line in called if line.startswith(("docker", "make", "helm"))]
    assert any(REMOVES.search(line) for line in called) is removed


def test_its_port_on_this_machine_is_the_domains(elsewhere: Path) -> None:
    config = elsewhere / "k8s/overlays/kind/cluster.yaml"
    config.parent.mkdir(parents=True)
    shutil.copy(ROOT / "k8s/overlays/kind/cluster.yaml", config)
    status, called = really_run(elsewhere, DOMAIN="crossdock.localhost:8443")
    assert status == 0
    assert called[0].startswith("kind create cluster --name crossdock-e2e --config .crossdock/e2e/cluster.yaml")
    nodes = yaml.safe_load((elsewhere / ".crossdock/e2e/cluster.yaml").read_text())["nodes"]
    assert [mapping["hostPort"] for mapping in nodes[0]["extraPortMappings"]] == [8443]
    releases = [line for line in called if "charts/" in line and "upgrade" in line and "oci://" not in line]
    assert releases
    assert all("platform.domain=crossdock.localhost,platform.httpsPort=8443" in line for line in releases)


def test_it_asks_for_no_log_of_a_pod_that_is_gone() -> None:
    tests = [words for words in CALLS if words[:2] == ["helm", "test"]]
    assert len(tests) == 5
    assert not [words for words in tests if "--logs" in words]


def test_no_autoscaler_counts_the_suites_pods() -> None:
    for words in RELEASES:
        assert "autoscaling.enabled=false" in words


def test_its_report_is_beside_that_of_the_other_place() -> None:
    (suite,) = [words for words in CALLS if "pytest" in words]
    assert suite[suite.index("--report") + 1] == "docs/e2e-cluster.md"


def test_a_cluster_that_is_to_stay_stays_also_when_a_step_fails(elsewhere: Path) -> None:
    status, called = really_run(elsewhere, "--keep", broken="pytest")
    assert status == 3
    assert called[-1].startswith("python -m pytest")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: str(path.name))
def test_a_workflow_runs_what_is_here_and_others_at_one_commit(path: Path) -> None:
    text = path.read_text()
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    for line in re.findall(r"uses: (.*)", text):
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.M))
    for run in [step["run"] for step in steps if "run" in step and "needs." not in step["run"]]:
        first_word, _, rest = run.partition(" ")
        assert rest in targets if first_word == "make" else (ROOT / first_word).exists()
