"""What a service port serves: Starlette's routes behind our door, and a short way to those that are called most."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from crossdock.server.faults import not_served


class Site(Starlette):
    """`door` goes around all of it. `posts` are among `routes`: plain paths, found without a search."""

    def __init__(self, door: Callable[[ASGIApp], ASGIApp], posts: Sequence[Route], routes: Sequence[BaseRoute]) -> None:
        super().__init__(exception_handlers={HTTPException: not_served}, routes=routes)
        self.router.redirect_slashes = False  # a redirect would lose a POST's body, or name a host that is not ours
        self._door = door
        self._posts = {route.path: route.app for route in posts}

    def build_middleware_stack(self) -> ASGIApp:
        routed = super().build_middleware_stack()
        posts = self._posts

        def found(scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
            app = posts.get(scope["path"], routed) if scope.get("method") == "POST" else routed
            return app(scope, receive, send)

        return self._door(found)
