"""`message.eml` parses back to what was written, for any text, and opens as a draft."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalation_agent.mail import mail
from escalation_agent.recipient import Recipient
from escalation_agent.severity import SEVERITIES, Severity
from escalation_agent.text import clean, one_line

NOW = datetime(2026, 11, 18, 9, 30, tzinfo=UTC)
ALLOWED = {
    "x-unsent",
    "to",
    "subject",
    "date",
    "importance",
    "content-type",
    "content-transfer-encoding",
    "mime-version",
}


def parsed(content: bytes) -> EmailMessage:
    return message_from_bytes(content, _class=EmailMessage, policy=policy.default)


@given(
    st.builds(Recipient, role=st.text(max_size=80), name=st.text(max_size=80)),
    st.text(max_size=120),
    st.text(max_size=400),
    st.sampled_from(SEVERITIES),
)
def test_any_mail_parses_back_with_the_same_subject_and_body(
    recipient: Recipient, subject: str, body: str, severity: Severity
) -> None:
    message = parsed(mail(recipient, subject, body, severity, NOW))
    assert str(message["Subject"]) == one_line(subject)
    assert message.get_content().replace("\r\n", "\n").rstrip("\n") == clean(body).rstrip("\n")
    assert {name.lower() for name in message} <= ALLOWED
    assert message["To"].addresses == ()
    assert not message.defects


@given(st.text(alphabet='aé,;:<>@"()[]\\ .ß\r\n=?utf-8q', max_size=60))
def test_no_name_changes_the_address(name: str) -> None:
    message = parsed(mail(Recipient(name=name, address="ops@roux.example"), "s", "b", "normal", NOW))
    assert [address.addr_spec for address in message["To"].addresses] == ["ops@roux.example"]


@pytest.mark.parametrize("subject", ["a\r\nBcc: evil@example.com", "a\nX: y\n\nbody", "a\u2028Bcc: x", "=?utf-8?q?x?="])
def test_no_header_can_be_smuggled_in(subject: str) -> None:
    content = mail(Recipient(role="carrier"), subject, "body", "normal", NOW)
    message = parsed(content)
    assert message["Bcc"] is None
    assert message["X"] is None
    assert message.get_content().strip() == "body"


def test_a_mail_without_an_address_names_the_recipient_and_invents_none() -> None:
    content = mail(Recipient(role="Schichtleiter", name="Müller & Söhne"), "Kühlung", "Größe", "critical", NOW)
    message = parsed(content)
    assert content.isascii()
    assert message["X-Unsent"] == "1"
    assert message["From"] is None
    assert message["To"].groups[0].display_name == "Schichtleiter, Müller & Söhne"
    assert message["Importance"] == "high"
    assert b"@" not in content


def test_an_address_that_no_mail_can_carry_is_named_instead() -> None:
    message = parsed(mail(Recipient(address="a..b@example.com"), "s", "b", "normal", NOW))
    assert message["To"].addresses == ()
    assert "a..b" not in str(message["To"])
