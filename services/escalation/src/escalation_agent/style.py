"""How letters for a customer are written."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crossdock.errors import Rejected
from escalation_agent.lexicon import CODES
from escalation_agent.limits import SIGNATURE_CHARACTERS
from escalation_agent.severity import SEVERITIES, Severity
from escalation_agent.text import clean
from escalation_agent.tone import TONES, Tone

TEMPLATES = ("subject", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerStyle:
    """`language` None follows the request. `templates`: Jinja2 sources under "subject" or "body", or for one language
    "body.de". `severity_words`: words that settle the severity. `timezone`: where "until 16:00" is said.
    """

    language: str | None = None
    tone: Tone = "neutral"
    signature: str = ""
    templates: Mapping[str, str] = field(default_factory=dict)
    severity_words: Mapping[Severity, tuple[str, ...]] = field(default_factory=dict)
    timezone: str = "UTC"

    @property
    def spoken(self) -> str:
        """What a text is taken for that is too short to tell."""
        return self.language or "en"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def problems(self) -> list[str]:
        """What an operator must mend; empty for a good style."""
        found = [] if self.language in (None, *CODES) else [f"language must be one of {', '.join(CODES)}"]
        if self.tone not in TONES:
            found.append(f"tone must be one of {', '.join(TONES)}")
        if len(self.signature) > SIGNATURE_CHARACTERS:
            found.append(f"signature is longer than {SIGNATURE_CHARACTERS} characters")
        names = {name for base in TEMPLATES for name in (base, *(f"{base}.{code}" for code in CODES))}
        found += [f"templates has no {name!r}" for name in sorted(set(self.templates) - names)]
        found += [
            f"severity_words has no level {level!r}" for level in sorted(set(self.severity_words) - set(SEVERITIES))
        ]
        try:
            _ = self.zone
        except (ZoneInfoNotFoundError, ValueError, OSError):
            found.append("timezone is not a name of the IANA time zone database")
        return found

    def overridden(self, wish: Any) -> "CustomerStyle":
        """With the `language`, `tone` and `signature` of a message's style extension.

        Raises Rejected for another shape, so that a caller's mistake does not end in a letter of the wrong tone.
        """
        if wish is None:
            return self
        if not isinstance(wish, Mapping) or set(wish) - {"language", "tone", "signature"}:
            raise Rejected("The style in the message's metadata may hold language, tone and signature only.")
        language, tone, signature = (wish.get(key) or None for key in ("language", "tone", "signature"))
        if language is not None and language not in CODES:
            raise Rejected(f"The style's language must be one of {', '.join(CODES)}.")
        if tone is not None and tone not in TONES:
            raise Rejected(f"The style's tone must be one of {', '.join(TONES)}.")
        if signature is not None and (not isinstance(signature, str) or len(signature) > SIGNATURE_CHARACTERS):
            raise Rejected(f"The style's signature must be a text of at most {SIGNATURE_CHARACTERS} characters.")
        return replace(
            self,
            language=language or self.language,
            tone=tone or self.tone,
            signature=clean(signature).strip() if signature else self.signature,
        )
