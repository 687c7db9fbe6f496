"""The development issuer's signing keys: one that signs, and former ones that are published a while longer."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jose.exceptions import JOSEError

from crossdock.auth.jws import SigningKey
from crossdock.auth.private_file import write_private
from crossdock.errors import ConfigError


@dataclass(frozen=True)
class FormerKey:
    """`until`: when it is published no more, seconds since 1970."""

    key: SigningKey
    until: float


class Keyring:
    """Makes its first key when it is first needed, in a thread. With `path` keys are kept there across restarts.

    `keep` is how many seconds a former key stays published: at least as long as its tokens live.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        keep: float = 3600.0,
        generate: Callable[[], SigningKey] = SigningKey.generate,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._keep = keep
        self._generate = generate
        self._clock = clock
        self._lock = asyncio.Lock()
        self._current: SigningKey | None = None
        self._former: tuple[FormerKey, ...] = ()

    def prepare(self) -> SigningKey:
        """Loads or makes the first key; blocks. Raises `ConfigError` for a key file that cannot be used."""
        if self._current is None and self._path is not None and self._path.exists():
            self._current = self._load(self._path)
        if self._current is None:
            self._current = self._generate()
            self._save(self._current)
        return self._current

    async def current(self) -> SigningKey:
        """The key that signs. Raises what `prepare` raises."""
        async with self._lock:
            if self._current is None:
                return await asyncio.to_thread(self.prepare)
            return self._current

    async def rotate(self) -> SigningKey:
        """Signs with a new key from now on."""
        former = await self.current()
        async with self._lock:
            new = await asyncio.to_thread(self._generate)
            self._former = (*self._published(), FormerKey(former, self._clock() + self._keep))
            self._current = new
            await asyncio.to_thread(self._save, new)
            return new

    async def jwks(self) -> Mapping[str, Any]:
        current = await self.current()
        return {"keys": [current.jwk(), *(former.key.jwk() for former in self._published())]}

    def _published(self) -> tuple[FormerKey, ...]:
        return tuple(former for former in self._former if former.until > self._clock())

    def _save(self, current: SigningKey) -> None:
        if self._path is not None:
            content = {"current": asdict(current), "former": [asdict(former) for former in self._former]}
            try:
                write_private(self._path, json.dumps(content, indent=2))
            except OSError as error:
                raise ConfigError(f"The key file {self._path} cannot be written: {error.strerror}.") from None

    def _load(self, path: Path) -> SigningKey:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            current = _checked(content["current"])
            self._former = tuple(FormerKey(_checked(item["key"]), float(item["until"])) for item in content["former"])
        except (OSError, ValueError, KeyError, TypeError, JOSEError):
            raise ConfigError(f"The key file {path} cannot be read. Delete it to have new keys made.") from None
        return current


def _checked(fields: Mapping[str, str]) -> SigningKey:
    key = SigningKey(**fields)
    key.jwk()
    return key
