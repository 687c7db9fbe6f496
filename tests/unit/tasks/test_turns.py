"""What a waiting turn holds of its request."""

from a2a.server.context import ServerCallContext
from a2a.types import SendMessageConfiguration, SendMessageRequest, TaskPushNotificationConfig

from crossdock.auth.caller import Caller
from crossdock.auth.claims import Principal
from crossdock.tasks.turns import LENGTH, Turn
from tests.support.executors import call_context, message


def test_no_executor_sees_a_webhooks_secrets() -> None:
    config = TaskPushNotificationConfig(url="https://hook.example", token="secret")
    request = SendMessageRequest(
        message=message("hello").message,
        configuration=SendMessageConfiguration(task_push_notification_config=config, history_length=3),
    )
    waiting = Turn.of(request, call_context(), 1.0, follows=True).encode()
    assert b"secret" not in waiting
    assert Turn.decode(waiting).request.configuration == SendMessageConfiguration(history_length=3)
    assert request.configuration.task_push_notification_config == config


def test_a_later_release_may_say_more() -> None:
    principal = Principal(subject="s", customer="acme", client_id="c", roles=frozenset({"r"}), expires_at=1.0)
    context = ServerCallContext(user=Caller(principal))
    stored = Turn.of(message("hello"), context, 1.0, follows=True).encode()
    (length,) = LENGTH.unpack_from(stored)
    text, request = stored[LENGTH.size :][:length], stored[LENGTH.size + length :]
    said = text.replace(b'"caller":{', b'"caller":{"level":"gold",')
    assert said != text
    read = Turn.decode(LENGTH.pack(len(said)) + said + request).context().user
    assert isinstance(read, Caller)
    assert read.principal == principal
