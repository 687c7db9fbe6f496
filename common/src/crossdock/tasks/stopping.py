"""How background tasks are stopped."""

import asyncio


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Cancels tasks until they are done: a driver that is reconnecting may swallow one."""
    while left := {task for task in tasks if not task.done()}:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=0.2)
