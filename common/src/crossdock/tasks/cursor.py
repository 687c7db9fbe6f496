"""Page tokens: the status time (microseconds) and the id of the last task of a page."""

import base64
import re
from typing import NamedTuple

from a2a.utils.errors import InvalidParamsError

GIVEN = re.compile(r"([0-9]{1,18}):(.+)", re.DOTALL)


class Position(NamedTuple):
    """Where a task stands in a list; the greatest comes first."""

    micros: int
    task_id: str

    def token(self) -> str:
        return base64.urlsafe_b64encode(f"{self.micros}:{self.task_id}".encode()).decode().rstrip("=")


def position(token: str) -> Position | None:
    """Raises `InvalidParamsError` for a token that none of our lists gave out; None for the empty one."""
    if not token:
        return None
    try:
        found = GIVEN.fullmatch(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    except ValueError:
        found = None
    if found is not None and (read := Position(int(found[1]), found[2])).token() == token:
        return read
    raise InvalidParamsError(
        "pageToken is not one that this agent gave out. List again without it, from the first page."
    )
