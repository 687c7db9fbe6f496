"""What a waiting turn holds of its request."""

from a2a.types import SendMessageConfiguration, SendMessageRequest, TaskPushNotificationConfig

from crossdock.tasks.turns import Turn
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
