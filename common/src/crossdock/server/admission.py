"""What a message must satisfy before a task is made of it."""

import fnmatch
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from a2a.extensions.common import HTTP_EXTENSION_HEADER
from a2a.server.context import ServerCallContext
from a2a.types import AgentCard, Role, SendMessageRequest
from a2a.utils.errors import (
    ContentTypeNotSupportedError,
    ExtensionSupportRequiredError,
    InvalidParamsError,
    PushNotificationNotSupportedError,
    UnsupportedOperationError,
)

from crossdock.auth.claims import Principal
from crossdock.errors import Forbidden
from crossdock.extensions import HOPS_HEADER, SKILL, TIMEOUT_HEADER
from crossdock.parts import OCTETS, media_type
from crossdock.server.call import single
from crossdock.server.decoding import unfit
from crossdock.server.push import PushConfigs

ROLE_USER = Role.ROLE_USER  # an enum of protobuf looks each of its names up
MAX_ID = 256
MAX_METADATA = 64 * 1024
PassedOn = Callable[[], Awaitable[Mapping[str, str]]]


async def nothing() -> Mapping[str, str]:
    return {}


NO_PUSH = "Push notifications are not sent here: stream the task, subscribe to it or get it instead."


def caller(context: ServerCallContext) -> Principal:
    principal: Principal = context.user.principal  # type: ignore[attr-defined] # set by our middleware on every route
    if context.tenant not in {"", principal.customer}:
        raise Forbidden("The tenant is not the token's customer. Leave it out.")
    return principal


@dataclass(frozen=True, slots=True)
class Admission:
    """`agent` is the agent's id in skill rights, `max_hops` the length of the longest chain of agents.

    `passed_on` are other agents' skills that may be named here, each with the role that stands for the right to it.
    `push` keeps callers' push configurations, where notifications are sent.
    """

    agent: str
    card: AgentCard
    max_hops: int
    passed_on: PassedOn = nothing
    push: PushConfigs | None = None
    required: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        declared = self.card.capabilities.extensions
        object.__setattr__(self, "required", frozenset(item.uri for item in declared if item.required))

    def admitted(self, context: ServerCallContext) -> Principal:
        """The caller, of whatever operation. Raises `Forbidden`, `ExtensionSupportRequiredError` (section 3.3.4)."""
        lacking = self.required - context.requested_extensions
        if lacking:
            uris = ", ".join(sorted(lacking))
            raise ExtensionSupportRequiredError(
                f"This agent works only with callers that support {uris}. If yours does, name it in the header "
                f"{HTTP_EXTENSION_HEADER}."
            )
        return caller(context)

    def check_streaming(self) -> None:
        if not self.card.capabilities.streaming:
            raise UnsupportedOperationError("This agent does not stream. Send the message without, or get the task.")

    async def check(self, params: SendMessageRequest, context: ServerCallContext) -> None:
        """Raises the A2A error that fits, or `Forbidden`."""
        message = params.message
        if message.role != ROLE_USER:
            raise unfit("message.role", "must be ROLE_USER: as ROLE_AGENT only the agent speaks")
        for index, part in enumerate(message.parts):
            if part.WhichOneof("content") is None:
                raise unfit(f"message.parts[{index}]", "is empty: give it text, data, raw or url")
        if max(len(message.message_id), len(message.context_id), len(message.task_id)) > MAX_ID:
            raise InvalidParamsError(f"messageId, contextId and taskId hold at most {MAX_ID} characters.")
        if not (message.message_id + message.context_id + message.task_id).isprintable():
            raise InvalidParamsError("messageId, contextId and taskId must not hold control characters.")
        for path, holder in (("metadata", params), ("message.metadata", message)):
            if holder.HasField("metadata") and holder.metadata.ByteSize() > MAX_METADATA:
                raise unfit(path, f"holds at most {MAX_METADATA // 1024} KiB: send large content as a part")
        self._check_media_types(params)
        self._check_hops(single(context, HOPS_HEADER))
        skill = self.named_skill(params)
        if skill:
            await self.check_named(skill, caller(context))
        if params.configuration.HasField("task_push_notification_config"):
            config = params.configuration.task_push_notification_config
            await self.push_configs().check(config, "configuration.taskPushNotificationConfig.")

    def push_configs(self) -> PushConfigs:
        """Raises `PushNotificationNotSupportedError` where no notifications are sent (section 3.3.4)."""
        if self.push is None:
            raise PushNotificationNotSupportedError(NO_PUSH)
        return self.push

    def named_skill(self, params: SendMessageRequest) -> str:
        """The skill that the message's or the request's metadata names; empty if none."""
        for holder in (params.message, params):
            if not holder.HasField("metadata") or SKILL not in holder.metadata.fields:
                continue
            named = holder.metadata.fields[SKILL].string_value
            if not named:
                raise InvalidParamsError(f"{SKILL} must be the id of a skill, as a string.")
            return str(named)
        return ""

    async def check_named(self, skill: str, principal: Principal) -> None:
        own = [item.id for item in self.card.skills]
        others = {} if skill in own else await self.passed_on()
        if skill in own:
            self.check_skill(skill, principal)
        elif skill in others:
            self._check_passed_on(others[skill], principal)
        else:
            known = ", ".join([*own, *others])
            raise InvalidParamsError(f"There is no skill {skill[:80]!r} here. Name one of: {known}.")

    def check_skill(self, skill: str, principal: Principal) -> None:
        _require(self._role(skill), principal)

    def _check_passed_on(self, role: str, principal: Principal) -> None:
        """The right to what is done here covers what it passes on, unless the token has rights at that agent itself.

        Such rights are a limit: whoever has `skill:contract.answer_question` alone may not name `add_contract`.
        """
        own = [self._role(item.id) for item in self.card.skills]
        if not any(map(principal.may, own)):
            _require(own[0], principal)
        agent = role.rpartition(".")[0]
        if any(held.startswith(f"{agent}.") for held in principal.roles):
            _require(role, principal)

    def _role(self, skill: str) -> str:
        return f"skill:{self.agent}.{skill}"

    def _check_media_types(self, params: SendMessageRequest) -> None:
        modes = self.card.default_input_modes
        for part in params.message.parts:
            kind = media_type(part)
            if kind != OCTETS and kind not in modes and not any(fnmatch.fnmatch(kind, mode) for mode in modes):
                raise ContentTypeNotSupportedError(f"{kind[:80]} is not read here. Send one of: {', '.join(modes)}.")

    def _check_hops(self, hops: str | None) -> None:
        if hops is None:
            return
        if not hops.isascii() or not hops.isdigit():
            raise InvalidParamsError(f"The header {HOPS_HEADER} must be a whole number, from 0 on. Or leave it out.")
        if int(hops[:9]) > self.max_hops:
            raise InvalidParamsError(
                f"The request went through more than {self.max_hops} agents ({HOPS_HEADER}). Check the routing rules: "
                "do agents call each other in a circle?"
            )


def _require(role: str, principal: Principal) -> None:
    if not principal.may(role):
        raise Forbidden(f"The token lacks the role {role}. Ask the issuer's administrator for it.")


def time_left(context: ServerCallContext) -> float | None:
    """What the caller's header allows, in seconds. Raises `InvalidParamsError` for one that is not a number above 0."""
    value = single(context, TIMEOUT_HEADER)
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1.0
    if not 0 < seconds < float("inf"):
        raise InvalidParamsError(f"{TIMEOUT_HEADER} must be a number of seconds above 0.")
    return seconds
