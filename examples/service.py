"""`python -m examples.service MODULE ARGUMENTS`: runs a service that ends when whoever started it is gone.

The starter holds the other end of our stdin and never writes to it: its end of file is the starter's end, however that
came about, also by SIGKILL.
"""

import os
import runpy
import signal
import sys
import threading
import time

DRAIN_SECONDS = 5.0
"""How long the local system's services let running tasks go on: a person waits for the prompt."""
STOP_SECONDS = 25.0
"""More than a service needs at most: the drain, 6 s to end tasks, 5 s to close connections, and a busy machine."""


def main() -> None:
    sys.argv = sys.argv[1:]
    threading.Thread(target=_follow_the_starter, daemon=True).start()
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _follow_the_starter() -> None:
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.killpg(os.getpid(), signal.SIGKILL)  # the starter made us the leader of a group of our own


if __name__ == "__main__":
    main()
