"""Signatures of Agent Cards (section 8.4): made by the agent's own key, checked by whoever fetches the card.

The specification signs the card as it is published; its SDK signs what it parses of one, without all that is empty
there. A card gets a signature over each form, so that the SDK's clients can check it. Here only the first counts: the
other one still holds when somebody takes out a security requirement without scopes, which is empty to it.
"""

import json
from collections.abc import Mapping
from typing import Any

from a2a.server.request_handlers.response_helpers import agent_card_to_dict
from a2a.types import AgentCard, AgentCardSignature
from a2a.utils._jcs import CanonicalizationError, canonicalize
from google.protobuf.json_format import MessageToDict
from jose.utils import base64url_encode

from crossdock.auth.jws import SigningKey, VerificationKey, read_header
from crossdock.auth.refusals import TokenRefused

MOST = 16
"""So many of a card's signatures are looked at."""


def signed(card: AgentCard, key: SigningKey, jku: str) -> AgentCard:
    """A copy with signatures, the same on each replica; `jku` is where the key is published."""
    made = AgentCard()
    made.CopyFrom(card)
    del made.signatures[:]
    for payload in (_published(agent_card_to_dict(made)), _parsed(made)):
        protected, _, signature = key.sign_same(payload, {"typ": "JOSE", "jku": jku}).split(".")
        made.signatures.append(AgentCardSignature(protected=protected, signature=signature))
    return made


def key_ids(card: AgentCard) -> set[str]:
    """Those of the keys that are said to have signed it."""
    return {kid for signature in card.signatures[:MOST] if (kid := _header(signature).get("kid"))}


def verifies(document: Mapping[str, Any], card: AgentCard, key: VerificationKey) -> bool:
    """Whether `key` signed `document`, of which the card was parsed."""
    try:
        payload = base64url_encode(_published(document)).decode()
    except (CanonicalizationError, RecursionError):
        return False
    return any(
        key.verifies(f"{signature.protected}.{payload}.{signature.signature}", algorithm)
        for signature in card.signatures[:MOST]
        if (header := _header(signature)).get("kid") == key.kid and isinstance(algorithm := header.get("alg"), str)
    )


def _header(signature: AgentCardSignature) -> Mapping[str, Any]:
    try:
        header = read_header(f"{signature.protected}.e30.{signature.signature}")
    except TokenRefused:
        return {}
    return header if isinstance(header.get("kid"), str) and "crit" not in header else {}


def _published(document: Mapping[str, Any]) -> bytes:
    return canonicalize({name: value for name, value in document.items() if name != "signatures"}).encode()


def _parsed(card: AgentCard) -> bytes:
    """As the SDK's verifier makes it, of a card without signatures."""
    return canonicalize(_filled(MessageToDict(card))).encode()


def _filled(value: Any) -> Any:
    """Without empty texts, lists and objects; None where nothing is left."""
    if isinstance(value, dict):
        return {name: kept for name, item in value.items() if (kept := _filled(item)) is not None} or None
    if isinstance(value, list):
        return [kept for item in value if (kept := _filled(item)) is not None] or None
    return None if value == "" else value


def key_set(text: str | bytes) -> list[VerificationKey]:
    """The keys of a JWK set that may verify. Raises `ValueError` for what is none."""
    entries = json.loads(text)
    found = entries.get("keys") if isinstance(entries, dict) else None
    if not isinstance(found, list):
        raise ValueError("not a JWK set")
    return [key for entry in found if (key := VerificationKey.from_jwk(entry)) is not None]
