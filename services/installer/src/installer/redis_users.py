"""Redis' users, over a connection of its administrator."""

from collections.abc import AsyncIterator
from typing import Any

from redis.asyncio import Redis

from installer import acl

BATCH = 500


class RedisUsers:
    """Calls say what they changed; they raise what the driver raises. `saving`: Redis writes its users to its file."""

    def __init__(self, client: Redis, *, saving: bool = False) -> None:
        self._client = client
        self._saving = saving

    async def settle(self, card: str, secret: str) -> list[str]:
        """The user of a service; in one step, so that connections of a user that stays as it is stay too."""
        before = await self._acl("GETUSER", card)
        await self._acl("SETUSER", card, *acl.service_rules(card, secret))
        await self._save()
        return [] if await self._acl("GETUSER", card) == before else [f"Redis user {card}"]

    async def remove(self, card: str) -> list[str]:
        """The user, whose connections end, and what its service kept."""
        users = await self._acl("DELUSER", card)
        await self._save()
        keys = 0
        async for batch in self._keys(card):
            keys += await self._client.unlink(*batch)
        return [
            *([f"Redis user {card} removed"] if users else []),
            *([f"{keys} keys of {card} deleted"] if keys else []),
        ]

    async def _keys(self, card: str) -> AsyncIterator[list[bytes | str]]:
        cursor = None
        while cursor != 0:
            cursor, found = await self._client.scan(cursor or 0, match=acl.keys(card), count=BATCH)
            if found:
                yield found

    async def _save(self) -> None:
        if self._saving:
            await self._acl("SAVE")

    async def _acl(self, *arguments: str) -> Any:
        return await self._client.execute_command("ACL", *arguments)  # type: ignore[no-untyped-call]
