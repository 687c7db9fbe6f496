"""The system on Kubernetes as the suite sees it: what both kinds of place have in common."""

import asyncio
import os
import tempfile
from abc import abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpcore
import httpx

from crossdock.profile import Access, Profile
from installer import realm
from installer.agents import AGENTS
from installer.cluster import ClusterPlace
from installer.domain import DEFAULT, Domain
from installer.kubectl import Manifest
from installer.manifests import AGENTS as AGENTS_NAMESPACE
from installer.manifests import DATA, EDGE, IDENTITY, SYSTEM, contents
from installer.state import FOLDER, SecretState
from installer.vault import KEYCLOAK_ADMIN, client_secret
from tests.support.operated import Operated, lines
from tests.support.rendered.helm import ROOT, Release
from tests.support.stack import until
from tests.support.tunnel import tunnel

OVERLAY = os.environ.get("OVERLAY", "k8s/overlays/kind")
CUSTOMERS = ("acme", "globex")
SHARED = {agent.path: agent.id for agent in AGENTS}
AUTHORITY = "certificate-authority"
PUBLIC = (".crt", "domain")
"""How files of the installer's Secrets end that are no secret."""
PLATFORM = {
    "keycloak": ("Deployment", IDENTITY),
    "postgres": ("StatefulSet", DATA),
    "redis": ("StatefulSet", DATA),
}
HTTP, MANAGEMENT = 8080, 9080
STILL = {"autoscaling.enabled": "false"}
"""The suite counts pods and scales them: nobody else may meanwhile, but where a case asks for it."""


def release(name: str) -> Release:
    """Of a shared agent, the edge, or a customer's orchestrator; small, as on a laptop."""
    k8s = ROOT / "k8s"
    small = k8s / "laptop.yaml"
    if name == "edge":
        return Release("edge", "edge", EDGE, (small,), STILL)
    if name in SHARED.values():
        return Release(name, "agent", AGENTS_NAMESPACE, (small, k8s / "agents" / f"{name}.yaml"), STILL)
    return Release(name, "orchestrator", name, (small, k8s / "customers" / f"{name}.yaml"), STILL)


@dataclass(frozen=True)
class Pod:
    """As it was when it was looked at. `started`: since when its container runs."""

    name: str
    namespace: str
    started: str
    restarts: int
    ready: bool


class Kube(Protocol):
    """`installer.kubectl.Kubectl`, or what stands for it."""

    def apply(self, manifests: Sequence[Manifest]) -> None: ...

    def apply_folder(self, folder: str) -> None: ...

    def found(self, kind: str, name: str, namespace: str = "") -> Manifest | None: ...

    def labelled(self, kind: str, label: str, namespace: str) -> list[Manifest]: ...

    def delete(self, kind: str, name: str, namespace: str = "") -> None: ...

    def run_job(self, job: Manifest, seconds: float) -> None: ...


class KubePlace(Operated[Pod]):
    """`kind` says which of the two it is."""

    kind = ""

    def __init__(self, kube: Any, exits: AsyncExitStack, image: str) -> None:
        self.kube, self.exits, self._lasting = kube, exits, exits
        self.domain = Domain.parsed(os.environ.get("DOMAIN") or str(DEFAULT))
        state, domain = SecretState(kube), str(self.domain)
        self.installer = ClusterPlace(ROOT, kube, state, overlay=OVERLAY, image=image, domain=domain)
        self._authority = ""

    @property
    def issuer(self) -> str:
        return f"{self.domain.realm_host}/realms/{realm.NAME}"

    @property
    def authority_file(self) -> str:
        if not self._authority:
            made = tempfile.NamedTemporaryFile("w", suffix=".crt", delete=False)  # noqa: SIM115 - closed here
            made.write(self._kept(AUTHORITY)["ca.crt"])
            made.close()
            self._lasting.callback(Path(made.name).unlink)
            self._authority = made.name
        return self._authority

    def host(self, name: str) -> str:
        return f"{SHARED.get(name, name)}.{self.domain}"

    def path(self, name: str) -> str:
        return self.url_of(name)

    def url_of(self, name: str) -> str:
        return f"https://{self.host(name)}"

    def grpc_of(self, name: str) -> tuple[str, str]:
        return f"{SHARED.get(name, name)}.grpc.{self.domain}", f"{self.ingress_host}:{self.https_port}"

    def secret(self, client_id: str) -> str:
        if client_id == realm.INSTALLER:
            return self._kept("platform")[KEYCLOAK_ADMIN].strip()
        customer = client_id.rpartition("-")[0]
        return self._kept(f"customer-{customer}")[client_secret(client_id)].strip()

    def reached(self, http: httpx.AsyncClient, port: int = 0) -> httpx.AsyncClient:
        """Whatever the host, the ingress controller is connected to."""
        pool: Any = http._transport
        pool._pool._network_backend = _Controller(self.ingress_host, port or self.https_port)
        return http

    def _kept(self, secret: str) -> Mapping[str, str]:
        found = self.kube.found("secret", secret, SYSTEM)
        assert found is not None, f"{secret} is not there"
        return contents(found)

    @property
    @abstractmethod
    def https_port(self) -> int:
        """Of the ingress controller."""

    @property
    def ingress_host(self) -> str:
        """Where the ingress controller is: this machine, by default."""
        return "127.0.0.1"

    def grpc_interface(self, name: str) -> str:
        return f"{self.grpc_of(name)[0]}:{self.domain.port}"

    @asynccontextmanager
    async def profile(self, folder: Path) -> AsyncIterator[dict[str, str]]:
        """Hosts are found where the controller is, through a proxy."""
        access = {}
        for name in CUSTOMERS:
            file = folder / name
            file.write_text(self.secret(f"{name}-caller"))
            access[name] = Access(self.url_of(name), f"{name}-caller", str(file))
        agents = {agent: self.url_of(agent) for agent in SHARED.values()}
        Profile(self.issuer, access, agents, self.authority_file).write(folder)
        async with tunnel(self.ingress_host, self.https_port) as url:
            yield {"HTTPS_PROXY": url}

    def generated(self) -> set[str]:
        """What the installer keeps."""
        kept = [contents(each) for each in self.kube.labelled("secret", FOLDER, SYSTEM)]
        return lines(*(text for files in kept for name, text in files.items() if not name.endswith(PUBLIC)))

    async def replicas(self, name: str = "") -> list[Pod]:
        if not name:
            return await self.everything()
        if name not in PLATFORM:
            return await self.pods(release(SHARED.get(name, name)))
        _, namespace = PLATFORM[name]
        return [
            pod for pod in await self.everything() if pod.namespace == namespace and pod.name.startswith(f"{name}-")
        ]

    async def crash(self, replica: Pod) -> None:
        await self.delete_pod(replica, grace=0)

    async def recovered(self, crashed: Pod) -> None:
        await self.well()

    async def restart(self, name: str) -> None:
        await asyncio.gather(*(self.crash(each) for each in await self.replicas(name)))
        await self.well()

    @asynccontextmanager
    async def stopped(self, name: str) -> AsyncIterator[None]:
        wanted, before = release(SHARED.get(name, name)), len(await self.replicas(name))
        kind, namespace = PLATFORM.get(name, ("Deployment", wanted.namespace))
        full_name = name if name in PLATFORM else wanted.full_name
        await self.resize(kind, namespace, full_name, 0)
        try:
            yield
        finally:
            await self.resize(kind, namespace, full_name, before)

    @asynccontextmanager
    async def reach(self, replica: Pod, *, management: bool = False) -> AsyncIterator[httpx.AsyncClient]:
        async with (
            self.forwarded(replica, MANAGEMENT if management else HTTP) as url,
            httpx.AsyncClient(base_url=url, timeout=60.0, trust_env=False) as http,
        ):
            yield http

    async def scale(self, wanted: Release, replicas: int) -> None:
        """By its value: what else is of the release stays as it is."""
        await self.install(wanted.changed(replicas=str(replicas)))

        async def so_many() -> bool:
            return len(await self.pods(wanted)) == replicas

        await until(so_many, f"{wanted.name} has not {replicas} pods", 120)

    async def add_customer(self, name: str, *, wait: bool = True) -> None:
        """As the operator does it: the installer, then Helm."""
        await asyncio.to_thread(self.installer.add, name)
        await self.install(release(name), wait=wait)

    async def remove_customer(self, name: str) -> None:
        await self.uninstall(release(name))
        await asyncio.to_thread(self.installer.remove, name)

    @abstractmethod
    async def start(self) -> None:
        """Until the platform, the shared agents, the edge and two customers are there."""

    @abstractmethod
    async def install(self, wanted: Release, *, wait: bool = True) -> None:
        """`helm upgrade --install --wait`. Raises an error with what Helm says."""

    @abstractmethod
    async def uninstall(self, wanted: Release) -> None: ...

    @abstractmethod
    async def pods(self, wanted: Release) -> list[Pod]:
        """Those that are not being deleted."""

    @abstractmethod
    async def everything(self) -> list[Pod]:
        """All pods that are to run for ever."""

    @abstractmethod
    async def alone(self, namespace: str, name: str) -> Pod:
        """A pod that nobody else looks after, wherever it is, once it is ready."""

    @abstractmethod
    async def delete_pod(self, pod: Pod, *, grace: int | None = None) -> None:
        """Until it is gone; `grace` 0 kills it."""

    @abstractmethod
    async def resize(self, kind: str, namespace: str, name: str, replicas: int) -> None:
        """Until it has so many pods."""

    @abstractmethod
    def forwarded(self, pod: Pod, port: int) -> AbstractAsyncContextManager[str]:
        """The URL of one of its ports, past Services and policies."""

    @abstractmethod
    async def configuration(self) -> str:
        """Every object that is no Secret, as text."""

    @abstractmethod
    async def left_of(self, namespace: str) -> list[str]:
        """Names of what there is in it, or of it."""


class _Controller(httpcore.AsyncNetworkBackend):
    def __init__(self, host: str, port: int) -> None:
        self._inner, self._host, self._port = httpcore.AnyIOBackend(), host, port

    async def connect_tcp(self, host: str, port: int, **options: Any) -> httpcore.AsyncNetworkStream:  # type: ignore[override]
        return await self._inner.connect_tcp(self._host, self._port, **options)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
