"""`python -m tests.support.conformance_agent`: the product's own server with an agent that public test suites know."""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from crossdock.telemetry.tracing import silence_sdk_tracing


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.support.conformance_agent", description=__doc__)
    parser.add_argument("--port", type=int, default=9999, help="JSON-RPC and HTTP+JSON; health is 1000 above")
    parser.add_argument("--grpc-port", type=int, default=10000)
    parser.add_argument("--journal", default="memory", help="memory, or redis://host:port")
    parser.add_argument("--capabilities", choices=["all", "none"], default="all")
    parser.add_argument("--require-extension", metavar="URI", default="")
    parser.add_argument("--token", default="", help="callers must bring it; by default nobody is asked for one")
    return parser.parse_args()


def main() -> None:
    silence_sdk_tracing()  # before anything imports a2a
    from crossdock.errors import ConfigError
    from crossdock.server.serving import serve
    from crossdock.telemetry.logs import configure_logs
    from tests.support.conformance_service import NAME, Choices, conformance_service

    given = arguments()
    choices = Choices(
        port=given.port,
        grpc_port=given.grpc_port,
        journal=given.journal,
        capabilities=given.capabilities == "all",
        required_extension=given.require_extension,
        token=given.token,
        streaming_timeout=float(os.environ.get("TCK_STREAMING_TIMEOUT", "2")),
    )
    configure_logs(NAME, level="WARNING", readable=True)
    with tempfile.TemporaryDirectory() as folder:
        try:
            asyncio.run(serve(conformance_service(choices, Path(folder))))
        except ConfigError as error:
            print(error, file=sys.stderr)
            sys.exit(2)


if __name__ == "__main__":
    main()
