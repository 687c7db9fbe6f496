"""The public keys of what the service signs (RFC 7517), cacheable."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crossdock.auth.service_keys import JWKS_PATH, ServiceKeys

MAX_AGE = 300


def key_routes(keys: ServiceKeys) -> list[Route]:
    body = json.dumps(keys.jwks(), separators=(",", ":")).encode()

    async def endpoint(_: Request) -> Response:
        headers = {"Cache-Control": f"public, max-age={MAX_AGE}"}
        return Response(body, media_type="application/jwk-set+json", headers=headers)

    return [Route(JWKS_PATH, endpoint, methods=["GET"])]
