"""Every error that Crossdock raises on purpose, by what the caller of the code does about it.

    CrossdockError
    +-- Public                  its text is written for the caller of the service and is shown to them
    |   +-- Rejected            the request must be changed first; the task ends as REJECTED
    |   +-- Failed              the work could not be done; the task ends as FAILED
    |   +-- Unauthenticated     get a (new) token
    |   +-- Forbidden           get another role
    |   +-- TryLater            the same call may succeed in a while
    +-- ConfigError             an operator mends the settings and starts again

No status codes here: `crossdock.server.faults` maps each type to JSON-RPC and HTTP in one table.
"""


class CrossdockError(Exception):
    """Base of all of them."""


class Public(CrossdockError):
    """The text is safe to show: no secret, no path, no driver's message."""


class Rejected(Public):
    """The text says what to change."""


class Failed(Public):
    """The text says what could not be done and what to do next."""


class Unauthenticated(Public):
    """No token, or one that does not verify."""


class Forbidden(Public):
    """A good token that lacks a role or a skill right."""


class TryLater(Public):
    """`retry_after`: seconds to wait."""

    def __init__(self, text: str, retry_after: float = 1.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class ConfigError(CrossdockError):
    """All problems of the configuration at once, one per line."""
