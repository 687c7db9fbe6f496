"""What an administrator does to a store: a customer that is gone is forgotten, before its name is another's."""

from redis.asyncio import Redis

from crossdock.tasks.redis_scripts import script, shard

TASKS, KEYS = 100, 500
"""So many at a time: other customers' requests go between."""


async def forget_owner(client: Redis, service: str, owner: str) -> int:
    """Its tasks, running ones too, with their push configurations and idempotency keys; answers how many tasks.

    `client` may SCAN, which the service itself may not.
    """
    prefixes = await _prefixes(client, service)
    text, tasks = script("disown"), 0
    for prefix in prefixes:
        while gone := int(await client.eval(text, 1, prefix, owner, str(TASKS))):
            tasks += gone
    if prefixes:
        await _forget_keys(client, service, owner, prefixes)
    return tasks


async def _prefixes(client: Redis, service: str) -> list[str]:
    """One for each shard; none of a service that never had a task."""
    shards = await client.hget(f"{shard(service, 0)}meta", "shards")
    return [shard(service, number) for number in range(int(shards or 0))]


async def _forget_keys(client: Redis, service: str, owner: str, prefixes: list[str]) -> None:
    """The pattern alone would find another owner's key that holds this one's name."""
    beginnings = tuple(f"{prefix}i:{owner}:" for prefix in prefixes)
    cursor = None
    while cursor != 0:
        cursor, found = await client.scan(cursor or 0, match=f"xd:{service}:*:i:{owner}:*", count=KEYS)
        if own := [key for key in found if _plain(key).startswith(beginnings)]:
            await client.unlink(*own)


def _plain(key: bytes | str) -> str:
    return key if isinstance(key, str) else key.decode()
