"""The letter as an unsent mail that mail programs open as a draft (RFC 5322)."""

import re
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP

from escalation_agent.recipient import ADDRESS, Recipient
from escalation_agent.severity import Severity
from escalation_agent.text import clean, one_line, shorten

NAME_BYTES = 42
SPECIAL = re.compile(r'[()<>\[\]:;@\\"]+')


def mail(recipient: Recipient, subject: str, body: str, severity: Severity, written: datetime) -> bytes:
    """No sender is invented: `X-Unsent` makes the mail program fill in its user's.

    Without an address the recipient stands in `To` as an empty group, RFC 5322's form for a name that nothing can be
    sent to; a program refuses to send until its user puts an address there.
    """
    message = EmailMessage(policy=SMTP)
    message["Date"] = written
    if severity in ("high", "critical"):
        message["Importance"] = "high"
    message.set_content(clean(body), charset="utf-8", cte="quoted-printable")
    head = f"X-Unsent: 1\r\nTo: {_to(recipient)}\r\nSubject: {_subject(subject)}\r\n"
    return head.encode("ascii") + message.as_bytes()


def _subject(subject: str) -> str:
    text = one_line(subject)
    plain = text.isascii() and "=?" not in text
    return Header(text, "us-ascii" if plain else "utf-8", header_name="Subject").encode(linesep="\r\n")


def _to(recipient: Recipient) -> str:
    label = _fitting(recipient)
    name = _phrase(label) if label else ""
    if ADDRESS.fullmatch(recipient.address):
        return f"{name} <{recipient.address}>" if name else recipient.address
    return f"{name or _phrase('recipient')}:;"


def _fitting(recipient: Recipient) -> str:
    """Role and name, or the name alone, in one encoded word: readers put a space where one word follows another."""
    role, name = (one_line(SPECIAL.sub(" ", item)) for item in (recipient.role, recipient.name))
    both = ", ".join(item for item in (role, name) if item)
    label = both if len(both.encode()) <= NAME_BYTES else name or role
    while len(label.encode()) > NAME_BYTES:
        label = shorten(label, len(label) - 1)
    return label


def _phrase(label: str) -> str:
    """A display name: quoted, or as an encoded word (RFC 2047).

    EmailMessage would fold long non-ASCII names where its own parser then reads addresses out of them, and put spaces
    into long subjects; hence `Header` for both.
    """
    return f'"{label}"' if label.isascii() else Header(label, "utf-8", header_name="To").encode(linesep="\r\n")
