"""`python -m edge`: serves until SIGTERM; configured by CROSSDOCK_* variables."""

from crossdock.server.serving import run
from edge.app import create_app
from edge.settings import Settings


def main() -> None:
    run(Settings, create_app, "edge")


if __name__ == "__main__":
    main()
