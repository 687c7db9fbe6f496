"""The last gate before a log line is written: whatever looks like a credential is not."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from crossdock.auth.jws import SigningKey
from crossdock.telemetry.logs import REDACTED, redact
from tests.support.issuer import signing_key
from tests.support.logs import Output, logged


@pytest.fixture
def key() -> SigningKey:
    return signing_key(0)


@pytest.fixture
def output() -> Iterator[Output]:
    with logged() as made:
        yield made


SECRET = "c2VjcmV0-value.of_some~length"
PLACES = st.sampled_from(
    [
        lambda token: {"event": f"called with Bearer {token}"},
        lambda token: {"event": f"authorization: bearer {token}"},
        lambda token: {"event": "x", "authorization": token},
        lambda token: {"event": "x", "access_token": token},
        lambda token: {"event": "x", "client_secret": [token]},
        lambda token: {"event": "x", "password": {"value": token}},
        lambda token: {"event": "x", "API-Key".replace("-", "_"): token},
        lambda token: {"event": "x", "headers": {"Authorization": token}},
        lambda token: {"event": "x", "headers": [("Authorization", f"Bearer {token}")]},
        lambda token: {"event": "x", "body": f"grant_type=client_credentials&client_secret={token}&scope=a"},
        lambda token: {"event": "x", "url": f"https://user:{token}@example.com/path"},
        lambda token: {"event": "x", "url": f"https://example.com/?access_token={token}"},
        lambda token: {"event": "x", "error": ValueError(f"Bearer {token} was refused")},
        lambda token: {"event": "x", "exception": f"Traceback ...\nValueError: Basic {token}"},
        lambda token: {"event": "x", "deep": {"a": [{"b": ({"token": token},)}]}},
        lambda token: {"event": "x", "raw": f"Bearer {token}".encode()},
    ]
)
opaque = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+", min_size=12, max_size=40)


@given(place=PLACES, token=opaque)
def test_no_token_passes_wherever_it_stands(place: Any, token: str) -> None:
    assert token not in json.dumps(redact(None, "info", place(token)), default=repr)


@settings(max_examples=25, deadline=None)
@given(claims=st.dictionaries(st.text(max_size=5), st.text(max_size=10)), around=st.text(max_size=10))
def test_no_signed_token_passes_even_without_a_word_about_it(claims: dict[str, str], around: str) -> None:
    token = signing_key(0).sign(claims)
    for value in (token, f"{around} {token} {around}", [token], {"a": token}, {token: 1}):
        assert token.split(".")[2] not in json.dumps(redact(None, "info", {"event": "x", "value": value}))


@given(
    st.dictionaries(
        st.text("abcdefghij", min_size=1),
        st.integers() | st.booleans() | st.none() | st.text("abcdefghijklmnop ,.-/:", max_size=30),
    )
)
def test_everything_else_passes_unchanged(fields: dict[str, Any]) -> None:
    assert redact(None, "info", dict(fields)) == fields


def test_counts_of_tokens_are_no_secret() -> None:
    fields = {"event": "model_called", "prompt_tokens": 12, "tokens": 1.5, "token_present": True}
    assert redact(None, "info", dict(fields)) == fields


def test_lines_of_both_kinds_are_json_with_the_service_and_no_secret(output: Output, key: SigningKey) -> None:
    token = key.sign({"customer": "acme"})
    structlog.get_logger("crossdock.test").info("hello", task_id="t-1", header=f"Bearer {token}")
    logging.getLogger("somebody.else").warning("sent %s with %s", {"Authorization": token}, token)
    try:
        raise ValueError(f"cannot use {token}")
    except ValueError:
        structlog.get_logger("crossdock.test").exception("broken")
        logging.getLogger("somebody.else").exception("broken too")
    assert token not in output.getvalue()
    first, second, third, fourth = output.lines()
    assert (first["event"], first["task_id"], first["service"], first["level"]) == ("hello", "t-1", "test", "info")
    assert (second["logger"], second["level"], second["service"]) == ("somebody.else", "warning", "test")
    assert "ValueError" in third["exception"]
    assert REDACTED in third["exception"]
    assert "ValueError" in fourth["exception"]


def test_a_line_in_a_span_names_its_trace(output: Output) -> None:
    with TracerProvider().get_tracer("test").start_as_current_span("work") as span:
        structlog.get_logger("crossdock.test").info("inside")
    structlog.get_logger("crossdock.test").info("outside")
    inside, outside = output.lines()
    assert inside["trace_id"] == format(span.get_span_context().trace_id, "032x")
    assert inside["span_id"] == format(span.get_span_context().span_id, "016x")
    assert "trace_id" not in outside


def test_libraries_that_talk_much_are_quiet(output: Output) -> None:
    for name in ("httpx", "a2a.client", "uvicorn.access", "openai"):
        logging.getLogger(name).info("chatter")
    assert output.getvalue() == ""
