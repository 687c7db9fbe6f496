"""Page tokens: the status time (microseconds) and the id of the last task of a page."""

import base64
import binascii
from typing import NamedTuple

from a2a.utils.errors import InvalidParamsError


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
        micros, _, task_id = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode().partition(":")
        return Position(int(micros), task_id)
    except (ValueError, binascii.Error):
        raise InvalidParamsError(
            "pageToken is not one that this agent gave out. List again without it, from the first page."
        ) from None
