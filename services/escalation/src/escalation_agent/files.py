"""Text files as facts: plain text, Markdown, and mails saved as .eml."""

from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage

from crossdock.errors import Rejected
from crossdock.pipeline import FilePart
from escalation_agent.limits import FILE_BYTES
from escalation_agent.text import clean, one_line

TEXT_TYPES = frozenset({"text/plain", "text/markdown", "text/x-markdown"})
MAIL_TYPES = frozenset({"message/rfc822"})
TEXT_NAMES = (".txt", ".md", ".markdown", ".text")
MAIL_NAMES = (".eml",)


def is_readable(file: FilePart) -> bool:
    return _is_mail(file) or _is_text(file)


def text_of(file: FilePart) -> str:
    """Cleaned text; a mail's subject comes first, as a `Subject:` line. Raises Rejected with what to change."""
    name = one_line(file.name) or "the file"
    if not is_readable(file):
        raise Rejected(f"{name} is not a text file. Send facts as text, .txt, .md or .eml, or as a data part.")
    if len(file.content) > FILE_BYTES:
        raise Rejected(f"{name} is larger than {FILE_BYTES:,} bytes. Send the part that matters.")
    text = clean(_mail(file.content, name) if _is_mail(file) else _decoded(file.content, name))
    if not text.strip():
        raise Rejected(f"{name} holds no text. Send the facts as text.")
    return text


def _is_mail(file: FilePart) -> bool:
    return file.media_type in MAIL_TYPES or file.name.lower().endswith(MAIL_NAMES)


def _is_text(file: FilePart) -> bool:
    return file.media_type in TEXT_TYPES or file.name.lower().endswith(TEXT_NAMES)


def _decoded(content: bytes, name: str) -> str:
    """UTF-8, UTF-16 with its mark, else Windows-1252, in which every customer's older files are."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", errors="replace")
    if b"\x00" in content:
        raise Rejected(f"{name} is not text. Send the facts as text, .txt, .md or .eml.")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def _mail(content: bytes, name: str) -> str:
    try:
        mail = message_from_bytes(content, _class=EmailMessage, policy=policy.default)
        body = mail.get_body(("plain",))
        text = body.get_content() if body else ""
        subject = str(mail.get("Subject", ""))
    except (MessageError, LookupError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
        raise Rejected(f"{name} cannot be read as a mail. Send its text instead.") from error
    if not str(text).strip():
        raise Rejected(f"{name} has no plain text body. Send the mail's text instead.")
    return f"Subject: {one_line(subject)}\n\n{text}" if one_line(subject) else str(text)
