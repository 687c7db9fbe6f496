"""A2A's operations on push notification configurations (sections 3.1.7 to 3.1.10)."""

import asyncio
import re

from a2a.types import TaskPushNotificationConfig
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError

from crossdock.errors import Rejected
from crossdock.server.decoding import unfit
from crossdock.server.dialling import AddressGuard
from crossdock.tasks.outbox import PushConfigUnknown, PushOutbox, addressed

LOOK_UP_SECONDS = 5.0
MAX_URL = 2_048
MAX_ID = 256
MAX_SECRET = 4_096
SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
HEADER_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
UNKNOWN = "The task has no push notification configuration of this id. List the task's configurations."


class PushConfigs:
    """Callers' configurations, checked before they are kept."""

    def __init__(self, outbox: PushOutbox, guard: AddressGuard) -> None:
        self._outbox = outbox
        self._guard = guard

    async def check(self, config: TaskPushNotificationConfig, path: str = "") -> None:
        """Raises `InvalidParamsError` that names the field; `path` is where the configuration stands."""
        await self._check_url(config.url, f"{path}url")
        if len(config.id) > MAX_ID or not config.id.isprintable():
            raise unfit(f"{path}id", f"must hold at most {MAX_ID} printable characters")
        _check_secret(config.token, f"{path}token")
        if config.HasField("authentication"):
            if not SCHEME.fullmatch(config.authentication.scheme):
                raise unfit(f"{path}authentication.scheme", "must be the name of an HTTP scheme, such as Bearer")
            _check_secret(config.authentication.credentials, f"{path}authentication.credentials")

    async def _check_url(self, text: str, path: str) -> None:
        try:
            url = self._guard.url(text)
            if len(text) > MAX_URL:
                raise unfit(path, f"must have at most {MAX_URL} characters")
            if url.userinfo:
                raise unfit(path, "must hold no user and no password. Put them into authentication")
            if self._guard.allow_private:
                return  # the network may be one whose names are known elsewhere only
            async with asyncio.timeout(LOOK_UP_SECONDS):
                await self._guard.address(url)
        except Rejected as error:
            raise InvalidParamsError(f"{path}: {error}", data=_violation(path, str(error))) from None
        except TimeoutError:
            raise unfit(path, "has a host whose address could not be looked up. Try again, or name another") from None

    async def create(self, owner: str, config: TaskPushNotificationConfig) -> TaskPushNotificationConfig:
        """Raises `TaskUnknown` and `TooManyPushConfigs`."""
        kept = addressed(config, config.task_id)
        await self._outbox.save(owner, kept)
        return kept

    async def get(self, owner: str, task_id: str, config_id: str) -> TaskPushNotificationConfig:
        """Without an id the task's first one, as A2A 0.3 allows."""
        if not config_id:
            config_id = next((config.id for config in await self.list(owner, task_id)), "")
        try:
            return await self._outbox.get(owner, task_id, config_id)
        except PushConfigUnknown:
            raise TaskNotFoundError(UNKNOWN) from None

    async def list(self, owner: str, task_id: str) -> list[TaskPushNotificationConfig]:
        return await self._outbox.list(owner, task_id)

    async def delete(self, owner: str, task_id: str, config_id: str) -> None:
        await self._outbox.delete(owner, task_id, config_id)


def _check_secret(value: str, path: str) -> None:
    if value and (len(value) > MAX_SECRET or not HEADER_VALUE.fullmatch(value)):
        raise unfit(path, f"must hold at most {MAX_SECRET} printable ASCII characters: it is sent in a header")


def _violation(path: str, text: str) -> dict[str, list[dict[str, str]]]:
    return {"errors": [{"field": path, "message": text}]}
