"""The ingress controller: nginx in a container, configured as F5's controller would for the same Ingresses."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import httpx

from tests.support.rendered.documents import Key, Refused
from tests.support.rendered.environment import content
from tests.support.rendered.node import Node
from tests.support.rendered.routes import Check, Location, Server, servers
from tests.support.rendered.selection import Peer
from tests.support.stack import until

IMAGE = "nginxinc/nginx-unprivileged:1.30"
VERSION = "the version"
NOBODY = "127.0.0.1:8181"
Addresses = Callable[[Key, str], str | None]
"""The address of a Service in a network, if it is there."""

HEAD = """worker_processes 2;
pid /tmp/nginx.pid;
error_log stderr warn;
events { worker_connections 2048; }
http {
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    server_tokens off;
    default_type application/octet-stream;
    large_client_header_buffers 4 32k;
    server { listen 127.0.0.1:8181; return 502; }
    server { listen 8182; return 200 "the version"; }
    server { listen 443 ssl default_server; http2 on; ssl_reject_handshake on; }
"""
HEADERS = {
    "Host": "$host",
    "X-Real-IP": "$remote_addr",
    "X-Forwarded-For": "$proxy_add_x_forwarded_for",
    "X-Forwarded-Host": "$host",
    "X-Forwarded-Port": "$server_port",
    "X-Forwarded-Proto": "$scheme",
}


class Controller:
    """It runs in `namespace`; `wildcard` is the Secret of hosts that name none. `entries` are those of
    its ConfigMap; `changes` are texts of its configuration that are replaced."""

    def __init__(
        self,
        node: Node,
        namespace: str,
        wildcard: Key,
        addresses: Addresses,
        entries: Mapping[str, str],
        name: str = "ingress",
        changes: Mapping[str, str] | None = None,
    ) -> None:
        self._engine, self._objects, self._addresses = node.engine, node.objects, addresses
        self._folder, self._wildcard = node.folder / name, wildcard
        self._name, self._changes, self._snippets = name, changes or {}, Snippets.of(entries)
        self.peer = Peer(namespace, {"app.kubernetes.io/name": "nginx-ingress"})
        self.network = f"{node.engine.name}-ingress"
        self.port = 0
        self._seen, self._address, self._http = "", "", node.http

    @property
    def id(self) -> str:
        return f"{self._engine.name}-{self._name}-controller"

    async def arrange(self) -> None:
        """Starts it, or has it read its new configuration: streams that are open stay open."""
        if not self._objects.of("Ingress"):
            return
        found = servers(self._objects, self._wildcard)
        text = configuration(found, lambda key: self._addresses(key, self.network), self._snippets)
        for old, new in self._changes.items():
            assert old in text, old
            text = text.replace(old, new)
        if text == self._seen:
            return
        self._write(found, text)
        if not self.port:
            await self._start()
        else:
            await self._engine.call("exec", self.id, "nginx", "-t")
            await self._engine.call("kill", "--signal", "HUP", self.id)
        self._seen = text
        await until(self._took_it_up, "the ingress controller does not take up its configuration")

    async def _took_it_up(self) -> bool:
        try:
            return (await self._http.get(f"http://{self._address}:8182")).text == _hashed(self._seen)
        except httpx.TransportError:
            return False

    def _write(self, found: Sequence[Server], text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for each in {server.certificate for server in found}:
            for name, data in content(self._objects, "Secret", each.namespace, each.name).items():
                path = self._folder / f"{each.namespace}-{each.name}-{name}"
                path.write_bytes(data)
                path.chmod(0o444)
        new = self._folder / "nginx.new"
        new.write_text(text.replace(VERSION, _hashed(text)))
        new.replace(self._folder / "nginx.conf")

    async def remove(self) -> None:
        await self._engine.call("rm", "--force", "--volumes", self.id)

    async def logs(self) -> str:
        return await self._engine.logs(self.id)

    async def _start(self) -> None:
        rights = ("--read-only", "--tmpfs=/tmp:mode=1777", "--cap-drop=ALL", "--user=101:101", "--memory=256m")
        mounts = (f"--volume={self._folder}:/etc/ingress:ro", "--publish=127.0.0.1::443")
        named = (f"--name={self.id}", f"--network={self.network}", "--entrypoint=nginx")
        program = (IMAGE, "-c", "/etc/ingress/nginx.conf", "-g", "daemon off;")
        await self._engine.call("run", "--detach", *self._engine.label, *named, *rights, *mounts, *program)
        self.port = int((await self._engine.call("port", self.id, "443")).splitlines()[0].rpartition(":")[2])
        (found,) = await self._engine.inspect(self.id)
        self._address = found["NetworkSettings"]["Networks"][self.network]["IPAddress"]


@dataclass(frozen=True)
class Snippets:
    """Lines of the controller's ConfigMap."""

    http: str = ""
    server: str = ""
    log: str = ""
    """How a request is written down; the controller's own way is not the suite's."""

    @classmethod
    def of(cls, entries: Mapping[str, str]) -> "Snippets":
        """Raises `Refused` for an entry that is not known."""
        if unknown := entries.keys() - {"http2", "http-snippets", "log-format", "server-snippets"}:
            raise Refused(f"The rendered place does not know the controller's entries {', '.join(sorted(unknown))}.")
        return cls(*(entries.get(name, "") for name in ("http-snippets", "server-snippets", "log-format")))

    def access_log(self) -> str:
        return f"log_format main '{self.log}'; access_log /dev/stdout main;" if self.log else "access_log off;"


NONE = Snippets()


def configuration(found: Sequence[Server], address: Callable[[Key], str | None], snippets: Snippets = NONE) -> str:
    """nginx.conf."""
    places = [location for server in found for location in server.locations]
    lines = [HEAD, f"    {snippets.access_log()}", *(f"    {line}" for line in snippets.http.splitlines())]
    lines += sorted({f"    {_zone(each)}" for each in places if "limit-req-rate" in each.options})
    for server in found:
        lines += [f"    {line}" for line in _server(server, address, snippets.server)]
    return "\n".join([*lines, "}", ""])


def _zone(location: Location) -> str:
    options = location.options
    key, size = options.get("limit-req-key", "${binary_remote_addr}"), options.get("limit-req-zone-size", "10m")
    return f"limit_req_zone {key} zone={_hashed(location.owner)}:{size} rate={options['limit-req-rate']};"


def _hashed(text: str) -> str:
    return f"z{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _server(server: Server, address: Callable[[Key], str | None], snippets: str) -> Iterator[str]:
    files = f"/etc/ingress/{server.certificate.namespace}-{server.certificate.name}"
    yield from ("server {", "    listen 443 ssl;", "    http2 on;", f"    server_name {server.host};")
    yield from (f"    ssl_certificate {files}-tls.crt;", f"    ssl_certificate_key {files}-tls.key;")
    yield from (f"    {line}" for line in snippets.splitlines())
    for check in {location.check for location in server.locations if location.check}:
        yield from (f"    {line}" for line in _checking(check, address))
    if "/" not in [location.path for location in server.locations]:
        yield "    location / { return 404; }"
    for location in server.locations:
        yield f"    location {'= ' if location.exact else ''}{location.path} {{"
        yield from (f"        {line}" for line in _inside(location, address))
        yield "    }"
    yield "}"


def _checking(check: Check, address: Callable[[Key], str | None]) -> Iterator[str]:
    yield f"location = /_check_{_hashed(check.uri)} {{"
    yield "    internal;"
    yield f"    proxy_pass http://{_upstream(check.service, check.port, address)}{check.uri};"
    yield "    proxy_method GET;"
    yield "    client_max_body_size 0;"
    yield "    proxy_pass_request_body off;"
    yield '    proxy_set_header Content-Length "";'
    yield "    proxy_set_header X-Original-URI $request_uri;"
    yield "}"


def _upstream(service: Key, port: int, address: Callable[[Key], str | None]) -> str:
    """Where nobody is there, 502."""
    found = address(service)
    return f"{found}:{port}" if found else NOBODY


def _inside(location: Location, address: Callable[[Key], str | None]) -> Iterator[str]:
    options, protocol = location.options, "grpc" if location.grpc else "proxy"
    if location.check:
        yield f"auth_request /_check_{_hashed(location.check.uri)};"
    if "limit-req-rate" in options:
        delay = " nodelay" if options.get("limit-req-no-delay") == "true" else ""
        yield f"limit_req zone={_hashed(location.owner)} burst={options.get('limit-req-burst', '0')}{delay};"
        yield f"limit_req_status {options.get('limit-req-reject-code', '429')};"
    yield f"client_max_body_size {options.get('client-max-body-size', '1m')};"
    for name, usual in (("connect", "60s"), ("read", "60s"), ("send", "60s")):
        yield f"{protocol}_{name}_timeout {options.get(f'proxy-{name}-timeout', usual)};"
    for name, value in HEADERS.items():
        yield f"{protocol}_set_header {name} {value};"
    upstream = _upstream(location.service, location.port, address)
    if location.grpc:
        yield f"grpc_pass grpc://{upstream};"
        return
    yield 'proxy_set_header Connection "";'
    yield "proxy_http_version 1.1;"
    yield f"proxy_buffering {'off' if options.get('proxy-buffering') == 'false' else 'on'};"
    yield f"proxy_pass http://{upstream};"
