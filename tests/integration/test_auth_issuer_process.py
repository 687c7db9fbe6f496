"""The development issuer as its users start it: a process of its own."""

import asyncio
import signal
import stat
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from crossdock.auth.dev_clients import provision
from crossdock.auth.jwks import KeySet
from crossdock.auth.tokens import TokenSource
from crossdock.auth.verifier import TokenVerifier
from crossdock.errors import TryLater
from tests.support.serving import listen, url_of

CLIENT = "acme-orchestrator"


@pytest.fixture
def clients(tmp_path: Path) -> Path:
    return provision(tmp_path, ["acme"], {"anomaly": ("detect_anomalies",)})


@pytest.fixture
def url() -> str:
    """Of a port that was free a moment ago."""
    with listen() as bound:
        return url_of(bound)


async def launch(*args: object) -> Process:
    command = [sys.executable, "-m", "crossdock.auth.dev_issuer", *map(str, args)]
    return await asyncio.create_subprocess_exec(*command, stderr=PIPE, stdout=PIPE)


@asynccontextmanager
async def issuer(url: str, *args: object) -> AsyncIterator[Process]:
    process = await launch("--port", url.rpartition(":")[2], *args)
    try:
        await answering(url, process)
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            await process.communicate()


async def answering(url: str, process: Process) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient() as http:
        while process.returncode is None:
            try:
                if (await http.get(f"{url}/healthz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.05)


async def test_tokens_keys_and_restarts(clients: Path, url: str) -> None:
    secret = clients.parent / "secrets" / CLIENT
    keys_file = clients.parent / "keys.json"
    options = ("--clients", clients, "--key-file", keys_file, "--rotation")
    async with httpx.AsyncClient() as http:
        source = TokenSource(http, url, CLIENT, lambda: secret.read_text().strip())
        async with issuer(url, *options) as process:
            token = await source.token()
            assert (await http.post(f"{url}/rotate")).status_code == 200
            verifier = TokenVerifier(url, "anomaly-agent", KeySet(http, url))
            assert (await verifier.verify(token)).customer == "acme"
        assert process.returncode in (0, -signal.SIGTERM)
        assert stat.S_IMODE(keys_file.stat().st_mode) == 0o600
        with pytest.raises(TryLater):
            await TokenVerifier(url, "anomaly-agent", KeySet(http, url)).verify(token)
        async with issuer(url, *options):
            again = TokenVerifier(url, "anomaly-agent", KeySet(http, url))
            assert (await again.verify(token)).client_id == CLIENT


async def test_it_says_what_it_is_for_and_tells_no_secret(clients: Path, url: str) -> None:
    secret = (clients.parent / "secrets" / CLIENT).read_text().strip()
    async with issuer(url, "--clients", clients) as process, httpx.AsyncClient() as http:
        token = await TokenSource(http, url, CLIENT, lambda: secret).token()
        assert (await http.post(f"{url}/rotate")).status_code == 404
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            out, err = await process.communicate()
    text = (out + err).decode()
    assert f"{url}: for development only" in text
    assert secret not in text
    assert token not in text


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--host", "0.0.0.0"), "for development only"),
        (("--clients", "/nowhere/clients.json"), "clients.json"),
        (("--key-file", "/nowhere/keys.json"), "keys.json cannot be written"),
        (("--key-file", __file__), "cannot be read"),
    ],
)
async def test_a_wrong_start_ends_with_a_reason(clients: Path, options: tuple[str, str], problem: str) -> None:
    process = await launch("--clients", clients, *options)
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 2
    assert problem in err.decode()
    assert "Traceback" not in (out + err).decode()
