"""`python -m tests.support.starter FOLDER MODULE ARGUMENTS`: starts a service as the examples do, and waits."""

import asyncio
import sys
from pathlib import Path

from examples.processes import Processes


async def main(folder: Path, arguments: list[str]) -> None:
    Processes(folder).start("service", arguments, {})
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
