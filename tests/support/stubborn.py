"""`python -m tests.support.stubborn FILE [DELAY]`: a service whose child's id stands in FILE.

At SIGTERM it ends after DELAY seconds and adds a line; without DELAY it does not heed it. The child never does.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

CHILD = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def main(file: Path, delay: float | None = None) -> None:
    def stop(*_: Any) -> None:
        if delay is not None:
            time.sleep(delay)
            with file.open("a") as record:
                record.write(f"ended {time.monotonic()}\n")
            sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    child = subprocess.Popen([sys.executable, "-c", CHILD])
    part = file.with_suffix(".part")
    part.write_text(f"{child.pid}\n")
    part.rename(file)
    while True:
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(float, sys.argv[2:]))
