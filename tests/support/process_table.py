"""What /proc says of processes: whether one lives, and which ones were started with a mark in their environment."""

import asyncio
from collections.abc import Callable
from pathlib import Path

MARK = "TEST_MARK"


def alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def marked(mark: str) -> set[int]:
    """The processes whose environment says `MARK=mark`: those of a test, and all that they started."""
    wanted = f"{MARK}={mark}".encode()
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and alive(int(folder.name)) and wanted in _environment(folder):
            found.add(int(folder.name))
    return found


async def until(true: Callable[[], bool], seconds: float = 20.0) -> None:
    """Looks at what another process does: nothing tells us of it."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def gone(*pids: int, seconds: float = 10.0) -> None:
    await until(lambda: not any(map(alive, pids)), seconds)


def _environment(folder: Path) -> list[bytes]:
    try:
        return (folder / "environ").read_bytes().split(b"\0")
    except OSError:
        return []
