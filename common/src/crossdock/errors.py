"""Every error that Crossdock raises on purpose, by what the caller of the code does about it.

    CrossdockError
    +-- Public                  its text is written for the caller of the service and is shown to them
    |   +-- Rejected            the request must be changed first; the task ends as REJECTED
    |   +-- Failed              the work could not be done; the task ends as FAILED
    |   +-- Unauthenticated     get a (new) token
    |   +-- Forbidden           get another role
    |   +-- TryLater            the same call may succeed in a while
    |       +-- Unreachable     another agent is away
    |       +-- RateLimited     it was asked too often
    +-- Waiting                 says for how long: TryLater, and an issuer that is down
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


class Waiting(CrossdockError):
    """Carries `retry_after`: seconds to wait."""

    def __init__(self, text: str, retry_after: float = 0.0) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class TryLater(Public, Waiting):
    """The text says what to send again."""


class Unreachable(TryLater):
    """Another agent gives no sign of life."""

    def __init__(self, name: str, retry_after: float, when: str = "later") -> None:
        super().__init__(f"{name} cannot be reached at present. Send the request again {when}.", retry_after)


class RateLimited(TryLater):
    """More requests than one customer may send. Nothing was done; sooner than `retry_after` it is in vain."""


class ConfigError(CrossdockError):
    """All problems of the configuration at once, one per line."""
