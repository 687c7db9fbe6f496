"""A customer is added: until the gateway, here a server with its certificate, serves its card; and its tokens."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from typer.testing import CliRunner, Result

from crossdock.auth.dev_clients import DevClient
from crossdock.auth.dev_issuer import IssuerSettings, create_issuer_app
from installer.cli import app
from tests.support.installation import Repository, repository
from tests.support.serving import free_port


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PUBLIC_HOST", "localhost")
    monkeypatch.setenv("HTTPS_PORT", str(free_port()))
    made = repository(tmp_path)
    made.describe("initech")
    return made


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, [*arguments])


@asynccontextmanager
async def gateway(repo: Repository, port: int, *clients: DevClient) -> AsyncIterator[None]:
    """Knows the names whose files are there, and is the issuer."""

    async def card(request: Request) -> Response:
        file = repo.folder / "gateway" / "names" / f"{request.path_params['name']}.card"
        return (
            JSONResponse({"name": file.read_text().split()[1].strip(";")})
            if file.exists()
            else Response(status_code=404)
        )

    issuer = create_issuer_app(IssuerSettings(url=f"https://localhost:{port}/realms/crossdock", clients=clients))
    routes = [Route("/agents/{name}/.well-known/agent-card.json", card), Mount("/realms/crossdock", issuer)]
    site = Starlette(routes=routes, lifespan=issuer.router.lifespan_context)
    async with served(site, repo.folder / "tls", port):
        yield


@asynccontextmanager
async def served(app: Starlette, tls: Path, port: int) -> AsyncIterator[None]:
    """With the certificate that the installer made."""
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            port=port,
            ssl_certfile=tls / "gateway.crt",
            ssl_keyfile=str(tls / "gateway.key"),
            log_level="critical",
        )
    )
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(20):
            while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
                await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await serving


async def test_until_its_card_is_served(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    log = repo.docker(monkeypatch)
    assert (await run("prepare")).exit_code == 0
    async with gateway(repo, int(os.environ["HTTPS_PORT"])):
        for _ in range(2):
            result = await run("customer", "add", "initech")
            assert result.exit_code == 0, result.output
            assert result.output.startswith("initech is served after ")
    secrets = [path.read_text() for path in (repo.folder / "secrets").iterdir()]
    assert not [secret for secret in secrets if secret in log.read_text()]
    ran = [line.split("initech.yaml ")[-1].split(".yml ")[-1] for line in log.read_text().splitlines()]
    assert ran[1:6] == [
        "run --rm -T --no-deps customer-check check k8s/customers/initech.yaml",
        "run --rm -T --no-deps installer reconcile initech",
        "up -d --no-deps --wait orchestrator-initech",
        "exec -T gateway nginx -t -q",
        "exec -T gateway nginx -s reload",
    ]


async def test_a_token_and_nothing_else(repo: Repository) -> None:
    await run("prepare")
    secret = (repo.folder / "secrets" / "client-acme-caller").read_text()
    client = DevClient(
        client_id="acme-caller", customer="acme", audience=("acme-orchestrator",), secret=SecretStr(secret)
    )
    async with gateway(repo, int(os.environ["HTTPS_PORT"]), client):
        result = await run("token", "acme")
        assert result.exit_code == 0, result.output
        assert len(result.output.strip().split(".")) == 3
        refused = await run("token", "acme", "--client", "orchestrator")
        assert refused.exit_code == 2
        assert "acme-orchestrator" in refused.output
        assert (repo.folder / "secrets" / "client-acme-orchestrator").read_text() not in refused.output
    assert "make up" in (await run("token", "acme")).output
    assert "installer customer list" in (await run("token", "initech")).output


async def test_a_token_of_a_cluster_by_the_realms_own_host(repo: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names below .localhost are this machine, whatever the resolver says, and the certificate is for them."""
    repo.cluster(monkeypatch)
    monkeypatch.setenv("PLACE", "cluster")
    monkeypatch.setenv("STATE", str(repo.root / "state"))
    port = free_port()
    monkeypatch.setenv("DOMAIN", f"freight.localhost:{port}")
    for command in (["prepare"], ["customer", "add", "acme"]):
        assert (await run(*command)).exit_code == 0
    secret = SecretStr((repo.root / "state" / "secrets" / "client-acme-caller").read_text())
    client = DevClient(client_id="acme-caller", customer="acme", audience=("acme-orchestrator",), secret=secret)
    url = f"https://auth.freight.localhost:{port}/realms/crossdock"
    issuer = create_issuer_app(IssuerSettings(url=url, clients=(client,)))
    site = Starlette(routes=[Mount("/realms/crossdock", issuer)], lifespan=issuer.router.lifespan_context)
    async with served(site, repo.root / "state" / "authority", port):
        result = await run("token", "acme")
    assert result.exit_code == 0, result.output
    assert len(result.output.strip().split(".")) == 3
    assert "crossdock-identity" in (await run("token", "acme")).output
