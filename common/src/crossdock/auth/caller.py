"""The caller as the layers behind the authentication see it: at once A2A's user and starlette's."""

from a2a.auth.user import User
from starlette.authentication import BaseUser

from crossdock.auth.claims import Principal


class Caller(User, BaseUser):
    """Its name is the customer's, who owns what the call makes; `identity` is the token's subject."""

    def __init__(self, principal: Principal) -> None:
        self.principal = principal

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def user_name(self) -> str:
        return self.principal.customer

    @property
    def display_name(self) -> str:
        return self.principal.customer

    @property
    def identity(self) -> str:
        return self.principal.subject


class Stranger(User, BaseUser):
    """Whoever reads a public page."""

    @property
    def is_authenticated(self) -> bool:
        return False

    @property
    def user_name(self) -> str:
        return ""

    @property
    def display_name(self) -> str:
        return ""

    @property
    def identity(self) -> str:
        return ""
