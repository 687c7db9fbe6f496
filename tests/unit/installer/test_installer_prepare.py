"""The operator's half: what it writes, with which rights, and that it keeps what is there."""

import hashlib
import json
import os
import ssl
from pathlib import Path

import pytest
from typer.testing import CliRunner

from installer.cli import app
from tests.support.installation import Repository, rights

CARDS = ("anomaly-agent", "contract-agent", "escalation-agent", "acme-orchestrator", "globex-orchestrator")
ROUTES = ("anomaly", "contracts", "escalation", "acme", "globex")
CLIENTS = ("acme-caller", "acme-orchestrator", "globex-caller", "globex-orchestrator")


def prepared(**environment: str) -> str:
    """What it prints."""
    result = CliRunner().invoke(app, ["prepare"], env=environment, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def secret_names() -> set[str]:
    passwords = {f"redis-{card}" for card in CARDS} | {f"client-{client}" for client in CLIENTS}
    admins = {"redis-admin", "keycloak-admin", "postgres-admin", "postgres-keycloak", "postgres-contracts"}
    return passwords | admins | {f"signing-{card}.pem" for card in CARDS}


def test_what_it_writes(repo: Repository) -> None:
    assert prepared() == ""
    names = {f"secrets/{name}" for name in secret_names() | {"users.acl", "keycloak.conf", "realm.json"}}
    gateway = {f"gateway/names/{name}.{kind}" for name in ROUTES for kind in ("conf", "card")}
    certificates = {"ca/ca.key", "tls/ca.crt", "tls/gateway.crt", "tls/gateway.key"}
    assert set(repo.files()) == names | gateway | certificates | {"lock", "profile.json"}


def test_only_the_operator_enters_and_containers_read(repo: Repository) -> None:
    prepared()
    assert rights(repo.folder) == 0o700
    assert rights(repo.folder / "ca") == 0o700
    assert rights(repo.folder / "ca" / "ca.key") == 0o600
    for mounted in ("secrets", "tls", "gateway/names"):
        assert rights(repo.folder / mounted) == 0o755
        assert {rights(path) for path in (repo.folder / mounted).iterdir()} == {0o444}


def test_a_strict_umask_changes_nothing(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.umask(0o077)
    try:
        prepared()
    finally:
        os.umask(before)
    test_only_the_operator_enters_and_containers_read(repo)


def test_it_can_be_run_again(repo: Repository) -> None:
    prepared()
    before = repo.files()
    prepared()
    assert repo.files() == before


def test_what_is_missing_or_empty_is_made_again_and_the_rest_kept(repo: Repository) -> None:
    prepared()
    before = repo.files()
    (repo.folder / "secrets" / "redis-anomaly-agent").unlink()
    lost = repo.folder / "secrets" / "client-acme-caller"
    lost.chmod(0o600)
    lost.write_text("\n")
    prepared()
    after = repo.files()
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {
        f"secrets/{name}" for name in ("redis-anomaly-agent", "client-acme-caller", "users.acl", "realm.json")
    }


def test_secrets_differ_and_stand_in_no_name_and_no_other_file(repo: Repository) -> None:
    prepared()
    folder = repo.folder / "secrets"
    values = [(folder / name).read_text() for name in secret_names()]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 43 for value in values)
    acl, conf, realm = ((folder / name).read_text() for name in ("users.acl", "keycloak.conf", "realm.json"))
    assert not [value for value in values if value in acl or any(value in name for name in repo.files())]
    assert hashlib.sha256((folder / "redis-acme-orchestrator").read_bytes()).hexdigest() in acl
    assert conf == f"db-password={(folder / 'postgres-keycloak').read_text()}\n"
    held = {(folder / f"client-{client}").read_text() for client in CLIENTS} | {(folder / "keycloak-admin").read_text()}
    assert {client["secret"] for client in json.loads(realm)["clients"]} == held


def test_the_gateways_certificate(repo: Repository) -> None:
    prepared(PUBLIC_HOST="dock.example.org")
    tls = repo.folder / "tls"
    context = ssl.create_default_context(cafile=str(tls / "ca.crt"))
    assert context.cert_store_stats()["x509_ca"] == 1
    ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(tls / "gateway.crt", tls / "gateway.key")


def test_another_host_gets_a_new_certificate_from_the_same_authority(repo: Repository) -> None:
    prepared()
    before = repo.files()
    prepared(PUBLIC_HOST="dock.example.org")
    after = repo.files()
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"tls/gateway.crt", "profile.json"} | {f"gateway/names/{name}.conf" for name in ROUTES}
    assert "acme.grpc.dock.example.org" in after["gateway/names/acme.conf"][1]


@pytest.mark.parametrize(
    "host", ["a b", "x;}", "-x", "x$(id)", "a\nb", "ä.example", "::1", "[::1]", "127.0.0.1", "10.0.0.5"]
)
def test_a_host_that_is_none_is_refused(host: str, repo: Repository) -> None:
    result = CliRunner().invoke(app, ["prepare"], env={"PUBLIC_HOST": host})
    assert result.exit_code == 2
    assert "PUBLIC_HOST: Value error, must be a host name, such as localhost; no address" in result.output
    assert not repo.folder.exists()


def test_a_place_that_there_is_not(repo: Repository) -> None:
    result = CliRunner().invoke(app, ["prepare", "--place", "moon"])
    assert result.exit_code == 2
    assert result.output == "error: There is no place 'moon' yet. Choose one of: compose, cluster.\n"


def test_a_template_that_asks_for_more(repo: Repository) -> None:
    (repo.root / "docker" / "gateway" / "name.conf.template").write_text("${SECRET}")
    result = CliRunner().invoke(app, ["prepare"])
    assert result.exit_code == 2
    assert "SECRET" in result.output


def test_another_folder_is_no_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["prepare"])
    assert result.exit_code == 2
    assert "docker-compose.yml" in result.output
    assert result.output.count("\n") == 1


def test_a_renewed_password_is_in_all_that_is_made_of_it(repo: Repository) -> None:
    prepared()
    before = repo.files()
    result = CliRunner().invoke(app, ["renew", "redis-anomaly-agent"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    after = repo.files()
    assert {name for name in before if after[name] != before[name]} == {
        "secrets/redis-anomaly-agent",
        "secrets/users.acl",
    }
