"""The letter as an unsent mail that mail programs open as a draft (RFC 5322)."""

from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address, Group
from email.message import EmailMessage
from email.policy import SMTP

from escalation_agent.recipient import Recipient
from escalation_agent.severity import Severity
from escalation_agent.text import clean, one_line, shorten

NAME_CHARACTERS = 60


def mail(recipient: Recipient, subject: str, body: str, severity: Severity, written: datetime) -> bytes:
    """No sender is invented: `X-Unsent` makes the mail program fill in its user's.

    Without an address the recipient stands in `To` as an empty group, RFC 5322's form for a name that nothing can be
    sent to; a program refuses to send until its user puts an address there.
    """
    message = EmailMessage(policy=SMTP)
    message["X-Unsent"] = "1"
    message["To"] = _to(recipient)
    message["Subject"] = one_line(subject)
    message["Date"] = written
    if severity in ("high", "critical"):
        message["Importance"] = "high"
    message.set_content(clean(body), charset="utf-8", cte="quoted-printable")
    return message.as_bytes()


def _to(recipient: Recipient) -> Address | Group:
    label = shorten(one_line(", ".join(item for item in (recipient.role, recipient.name) if item)), NAME_CHARACTERS)
    if recipient.address:
        try:
            return Address(label, addr_spec=recipient.address)
        except (ValueError, MessageError, IndexError):
            label = label or recipient.address
    return Group(label, ())
