"""Where the webhooks of the tasks under chaos lead: it keeps what came for each, and looks at it when all is over."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from crossdock.extensions import DELIVERY_HEADER, EVENT_HEADER


@dataclass
class Receiver:
    """`came` holds each task's notifications in the order of their arrival: event numbers with delivery ids."""

    url: str = ""
    came: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def app(self) -> Starlette:
        return Starlette(routes=[Route("/{name}", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        letter = int(request.headers[EVENT_HEADER]), request.headers[DELIVERY_HEADER]
        self.came[request.path_params["name"]].append(letter)
        return Response(status_code=204)

    def has_all(self, name: str, last: int) -> bool:
        return any(number == last for number, _ in self.came[name])

    @property
    def repeated(self) -> int:
        return sum(len(letters) - len(set(letters)) for letters in self.came.values())

    def missing(self, name: str, last: int) -> list[int]:
        return sorted(set(range(1, last + 1)) - {number for number, _ in self.came[name]})

    def disorder(self, name: str) -> Iterator[str]:
        """Each event for the first time behind the one before it; an event has one delivery id, and no other has it."""
        ids: dict[int, str] = {}
        for number, delivery in self.came[name]:
            if number > len(ids) + 1:
                yield f"{number} came after {len(ids)}"
            if ids.setdefault(number, delivery) != delivery:
                yield f"{number} came with another delivery id"
        if len(set(ids.values())) != len(ids):
            yield "several events have the same delivery id"
