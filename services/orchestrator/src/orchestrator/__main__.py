"""`python -m orchestrator`: serves until SIGTERM; configured by CROSSDOCK_* variables. `check FILE...` only checks."""

import sys

from crossdock.errors import ConfigError
from crossdock.telemetry.tracing import silence_sdk_tracing


def main() -> None:
    if sys.argv[1:2] == ["check"]:
        sys.exit(_checked(sys.argv[2:]))
    silence_sdk_tracing()  # before anything imports a2a
    from crossdock.server.serving import run
    from orchestrator.app import create_app
    from orchestrator.settings import Settings

    run(Settings, create_app, "orchestrator")


def _checked(paths: list[str]) -> int:
    """The exit status."""
    from crossdock.settings import checked
    from orchestrator.check import Place, check

    try:
        check(paths, checked(Place).agents)
    except ConfigError as error:
        print(error, file=sys.stderr)  # noqa: T201 - for the operator
        return 2
    return 0


if __name__ == "__main__":
    main()
