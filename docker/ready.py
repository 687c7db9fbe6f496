#!/app/bin/python -IS
"""The image's health check: exit status 0 when the service says that it is ready.

It runs every few seconds in every container: hence a bare socket. `/app/port` holds the default of the service's settings.
"""

import os
import sys
from _socket import socket

REQUEST = b"GET /readyz HTTP/1.0\r\nHost: localhost\r\n\r\n"


def service_port() -> int:
    if given := os.environ.get("CROSSDOCK_PORT"):
        return int(given)
    with open("/app/port") as file:  # noqa: PTH123 - pathlib takes as long to import as all of this
        return int(file.read())


def main() -> int:
    connection = socket()
    connection.settimeout(5.0)
    connection.connect(("127.0.0.1", service_port() + 1000))
    connection.send(REQUEST)
    answer = b""
    while more := connection.recv(4096):
        answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    sys.stdout.write(body.decode("utf-8", "replace"))  # `docker inspect` shows which check fails
    return 0 if head.split(b" ", 2)[1] == b"200" else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, IndexError, ValueError) as error:
        sys.exit(f"no answer: {error}")
