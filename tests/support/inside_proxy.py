"""An HTTP proxy on port 8000, of the standard library alone: it runs in a container, where test names are known.

One request a connection, for `http://` URLs as they are sent to a proxy.
"""

import asyncio
from urllib.parse import urlsplit


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        method, target, version = (await reader.readline()).decode("latin-1").split()
        parts = urlsplit(target)
        there, back = await asyncio.open_connection(parts.hostname, parts.port or 80)
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        back.write(f"{method} {path} {version}\r\n".encode("latin-1"))
        upward = asyncio.create_task(copy(reader, back))
        await copy(there, writer)
        upward.cancel()
        back.close()
    except (OSError, ValueError):
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    finally:
        writer.close()


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def main() -> None:
    server = await asyncio.start_server(serve, "0.0.0.0", 8000)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
