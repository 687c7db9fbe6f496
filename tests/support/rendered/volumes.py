"""A pod's volumes: files of ConfigMaps and Secrets, memory for emptyDir, the engine's volumes for claims."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.rendered.documents import Key, Objects, Refused
from tests.support.rendered.engine import Engine, EngineError
from tests.support.rendered.environment import Identity, content
from tests.support.rendered.quantities import bytes_of

MODE = 0o644
GROUP_READS = 0o440


@dataclass(frozen=True)
class File:
    path: str
    data: bytes
    mode: int


class Volumes:
    """Those of one pod; `folder` is its own on this machine, `helper` an image with a shell."""

    def __init__(
        self, engine: Engine, objects: Objects, folder: Path, helper: str, pod: Identity, spec: Mapping[str, Any]
    ):
        self._engine, self._objects, self._folder, self._helper = engine, objects, folder, helper
        self._pod, self._group = pod, (spec.get("securityContext") or {}).get("fsGroup")
        self._volumes = {each["name"]: each for each in spec.get("volumes") or []}
        self._shared = bool(spec.get("initContainers"))
        self._own: list[str] = []

    async def prepare(self) -> None:
        """Writes the files, and makes what containers of the pod share."""
        self.write()
        for name, volume in self._volumes.items():
            if "persistentVolumeClaim" in volume:
                await self._made(self._claimed(volume), "2775")
            elif "emptyDir" in volume and self._shared:
                self._own.append(self._pod_volume(name))
                await self._made(self._pod_volume(name), "2777")

    def write(self) -> None:
        """Called again when a ConfigMap or Secret has changed: its readers see the new files."""
        for name, volume in self._volumes.items():
            (self._folder / name).mkdir(parents=True, exist_ok=True)
            for file in self._files(volume):
                self._put(self._folder / name / file.path, file)

    async def remove(self) -> None:
        """What lives no longer than its pod."""
        if self._own:
            await self._engine.call("volume", "rm", "--force", *self._own)

    def mounts(self, container: Mapping[str, Any]) -> Iterator[str]:
        """The engine's arguments."""
        for mount in container.get("volumeMounts") or []:
            volume = self._volumes.get(mount["name"])
            if volume is None:
                raise Refused(
                    f"Pod {self._pod.namespace}/{self._pod.name} mounts {mount['name']}, which is no volume of it."
                )
            yield self._mounted(mount, volume, f"dst={mount['mountPath']}")

    def _mounted(self, mount: Mapping[str, Any], volume: Mapping[str, Any], target: str) -> str:
        name, below = mount["name"], mount.get("subPath", "")
        if "emptyDir" in volume and not self._shared:
            size = (volume["emptyDir"] or {}).get("sizeLimit")
            limit = f",size={bytes_of(size)}" if size else ""
            return f"--tmpfs={mount['mountPath']}:exec,mode=1777{limit}"
        if "emptyDir" in volume or "persistentVolumeClaim" in volume:
            source = self._pod_volume(name) if "emptyDir" in volume else self._claimed(volume)
            options = (",readonly" if mount.get("readOnly") else "") + (f",volume-subpath={below}" if below else "")
            return f"--mount=type=volume,src={source},{target},volume-nocopy{options}"
        return f"--mount=type=bind,src={self._folder / name / below},{target},readonly"

    def _files(self, volume: Mapping[str, Any]) -> Iterator[File]:
        if "projected" in volume:
            for source in volume["projected"]["sources"]:
                yield from self._files({**source, "mode": volume["projected"].get("defaultMode", MODE)})
        for field, kind, naming in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if field in volume:
                source = volume[field]
                named = source.get(naming) or source["name"]
                data = content(self._objects, kind, self._pod.namespace, named, optional=source.get("optional", False))
                yield from _chosen(source, data, source.get("defaultMode", volume.get("mode", MODE)))

    def _put(self, path: Path, file: File) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        mode = file.mode | (GROUP_READS if self._group is not None else 0)
        if os.geteuid():  # only root can give files to the container's user; the folder around them is closed
            mode |= 0o444
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(file.data)
        new.chmod(mode)
        if self._group is not None and not os.geteuid():
            os.chown(new, 0, self._group)
        new.replace(path)

    def _claimed(self, volume: Mapping[str, Any]) -> str:
        claim = volume["persistentVolumeClaim"]["claimName"]
        if self._objects.get(Key("PersistentVolumeClaim", self._pod.namespace, claim)) is None:
            raise Refused(f"There is no PersistentVolumeClaim {self._pod.namespace}/{claim}.")
        return volume_name(self._engine, self._pod.namespace, claim)

    def _pod_volume(self, name: str) -> str:
        return f"{self._engine.name}-{self._pod.namespace}-{self._pod.name}-{name}"

    async def _made(self, name: str, mode: str) -> None:
        """Once; it belongs to the pod's group, as the kubelet sees to."""
        try:
            await self._engine.call("volume", "inspect", name)
        except EngineError:
            await self._engine.call("volume", "create", *self._engine.label, name)
            owned = f"chgrp {self._group or 0} /volume && chmod {mode} /volume"
            mounted = ("--network=none", "--user=0", f"--mount=type=volume,src={name},dst=/volume,volume-nocopy")
            await self._engine.call(
                "run", "--rm", *self._engine.label, *mounted, "--entrypoint=sh", self._helper, "-c", owned
            )


def volume_name(engine: Engine, namespace: str, claim: str) -> str:
    return f"{engine.name}-{namespace}-{claim}"


def _chosen(source: Mapping[str, Any], data: Mapping[str, bytes], mode: int) -> Iterator[File]:
    if "items" not in source:
        yield from (File(name, value, mode) for name, value in data.items())
        return
    for item in source["items"]:
        if item["key"] not in data:
            raise Refused(f"{source.get('secretName') or source.get('name')} has no key {item['key']}.")
        yield File(item["path"], data[item["key"]], item.get("mode", mode))
