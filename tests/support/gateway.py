"""The gateway's own nginx and configuration, in a container on the loopback, before the services of a test.

Other than in production are only the ports, the name server, and what stands for Keycloak.
"""

import asyncio
import contextlib
import json
import random
import re
import shutil
import socket
import ssl
import string
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx

from edge.app import create_app
from edge.settings import Settings
from tests.support.certificates import write_certificate
from tests.support.grpc_channels import adding
from tests.support.name_server import NameServer, name_server
from tests.support.system import System

SOURCE = Path(__file__).parents[2] / "docker" / "gateway"
IMAGE = "nginxinc/nginx-unprivileged:1.30"
PORTS = ("8443", "8080", "8081", "8082", "8083")
LIMITS = {"REQUESTS_PER_MINUTE": "100", "REQUEST_BURST": "50"}


async def docker(*arguments: str) -> str:
    """What it prints on both channels. Raises `AssertionError` with that if it fails."""
    process = await asyncio.create_subprocess_exec(
        "docker", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    return output


@dataclass
class Gateway:
    """Use `gateway(...)`. `url` is that of HTTPS."""

    crossdock: System
    names: NameServer
    folder: Path
    container: str
    ports: Mapping[str, int]
    awaited: dict[str, int] = field(default_factory=lambda: {"/agents/orchestrator": 401})
    """What its paths answer once it has looked up their hosts, a moment after the start."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.ports['8443']}"

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.ports["8443"]

    @property
    def authority(self) -> Path:
        return self.folder / "secrets" / "gateway.crt"

    @property
    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)

    def http(self, **options: Any) -> httpx.AsyncClient:
        return self.crossdock.http(base_url=self.url, verify=self.tls, **options)

    async def sent(self, request: bytes, *, tls: bool = True) -> httpx.Response:
        """The answer to these very bytes."""
        secure: dict[str, Any] = {"ssl": self.tls, "server_hostname": "localhost"} if tls else {}
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports["8443" if tls else "8080"], **secure)
        try:
            writer.write(request)
            async with asyncio.timeout(10):
                status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()[:-1]
                headers = httpx.Headers(dict(line.split(": ", 1) for line in lines))
                content = await reader.readexactly(int(headers.get("Content-Length", 0)))
            return httpx.Response(int(status.split()[1]), headers=headers, content=content)
        finally:
            writer.close()

    def channel(self, host: str, metadata: dict[str, str]) -> Any:
        """gRPC over TLS, as if `host` led here."""
        credentials = grpc.ssl_channel_credentials(self.authority.read_bytes())
        options = [
            ("grpc.ssl_target_name_override", host),
            ("grpc.default_authority", host),
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
        ]
        made = grpc.aio.secure_channel(
            "{}:{}".format(*self.address), credentials, options=options, interceptors=adding(metadata)
        )
        self.crossdock.stack.push_async_callback(made.close)
        return made

    def add(self, name: str, card: str, url: str, grpc_port: int = 1, *, answers: bool = True) -> None:
        """As the installer does; known from the next (re)load on. Whether it `answers` is known to the test."""
        self.awaited |= {f"/agents/{name}/.well-known/agent-card.json": 200} if answers else {}
        values = {
            "NAME": name,
            "CARD": card,
            "HOST": f"{name}.test",
            "PORT": urlsplit(url).port,
            "GRPC_PORT": grpc_port,
        }
        for kind in ("conf", "card"):
            template = string.Template((SOURCE / f"name.{kind}.template").read_text())
            (self.folder / "names" / f"{name}.{kind}").write_text(template.substitute(values))
        self.names.addresses[f"{name}.test"] = [urlsplit(url).hostname or ""]

    async def start(self, **limits: str) -> None:
        mounts = {
            "nginx.conf": "/etc/nginx/nginx.conf",
            "snippets": "/etc/nginx/snippets",
            "templates": "/etc/nginx/templates",
            "names": "/etc/nginx/names",
            "secrets": "/run/secrets",
        }
        place = {"NGINX_ENVSUBST_OUTPUT_DIR": "/tmp", "PUBLIC_HOST": "localhost", **LIMITS, **limits}
        place["HTTPS_PORT"] = str(self.ports["8443"])
        volumes = [f"--volume={self.folder / source}:{target}:ro" for source, target in mounts.items()]
        variables = [f"--env={name}={value}" for name, value in place.items()]
        confined = (
            "--network=host",
            "--read-only",
            "--tmpfs=/tmp",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
        )
        await docker("run", "-d", f"--name={self.container}", *confined, *volumes, *variables, IMAGE)
        await self._healthy()
        for path, status in self.awaited.items():
            assert await becomes(self.http(), path, {}, status, method="HEAD") == status

    async def reload(self) -> None:
        await docker("exec", self.container, "nginx", "-t")
        await docker("exec", self.container, "nginx", "-s", "reload")

    async def stop(self) -> None:
        await docker("rm", "-f", self.container)

    async def logs(self) -> str:
        return await docker("logs", self.container)

    async def requests(self, count: int) -> list[dict[str, Any]]:
        """So many lines of the access log, but for those of `start`; nginx writes each after its answer."""
        async with asyncio.timeout(20):
            while True:
                lines = [json.loads(line) for line in (await self.logs()).splitlines() if line.startswith("{")]
                if len(found := [line for line in lines if line["method"] != "HEAD"]) >= count:
                    return found
                await asyncio.sleep(0.05)

    async def _healthy(self) -> None:
        async with asyncio.timeout(20), httpx.AsyncClient() as http:
            while True:
                try:
                    if (await http.get(f"http://127.0.0.1:{self.ports['8081']}/healthz")).status_code == 200:
                        return
                except httpx.TransportError:
                    running = await docker("inspect", "-f", "{{.State.Running}}", self.container)
                    assert "true" in running, await self.logs()
                    await asyncio.sleep(0.05)


@asynccontextmanager
async def gateway(crossdock: System, keycloak: str = "http://127.0.0.1:1", **changes: str) -> AsyncIterator[Gateway]:
    """Not started yet, so that names can be added. `changes` are other texts in the place of those in its files."""
    settings = Settings.load(issuer=crossdock.issuer.url)
    edge = await crossdock.serve(create_app(settings, http=crossdock.http()))
    folder = Path(crossdock.issuer.folder) / f"gateway-{uuid.uuid4().hex[:8]}"
    ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
    addresses = {"edge": ["127.0.0.1"], "keycloak": ["127.0.0.1"]}
    async with name_server(addresses) as names:
        texts = {"edge:8005": urlsplit(edge).netloc.replace("127.0.0.1", "edge")}
        texts |= {"keycloak:8080": urlsplit(keycloak).netloc.replace("127.0.0.1", "keycloak")}
        texts |= {port: str(chosen) for port, chosen in ports.items()} | {"127.0.0.11 ": f"127.0.0.1:{names.port} "}
        _write(folder, texts | changes)
        made = Gateway(crossdock, names, folder, f"crossdock-test-{folder.name}", ports)
        try:
            yield made
        finally:
            await asyncio.shield(made.stop())


def _free_ports(count: int) -> list[int]:
    """Beyond those that systems give out themselves: nginx binds later, and nobody else must get them meanwhile."""
    found: set[int] = set()
    while len(found) < count:
        port = random.randrange(61_000, 65_536)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            found.add(port)
    return list(found)


def _write(folder: Path, texts: Mapping[str, str]) -> None:
    shutil.copytree(SOURCE, folder)
    pattern = re.compile("|".join(map(re.escape, texts)))  # in one go: what was put in is not replaced again
    for path in [folder / "nginx.conf", *(folder / "snippets").iterdir()]:
        path.write_text(pattern.sub(lambda found: texts[found[0]], path.read_text()))
    for name in ("names", "secrets"):
        (folder / name).mkdir()
    write_certificate(folder / "secrets", "gateway", ["localhost", "*.grpc.localhost"])


async def becomes(http: httpx.AsyncClient, path: str, headers: dict[str, str], status: int, method: str = "GET") -> int:
    """The status after some seconds, or as soon as it is this one."""
    found = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(8):
            while found != status:
                found = (await http.request(method, path, headers=headers)).status_code
                await asyncio.sleep(0.1)
    return found
