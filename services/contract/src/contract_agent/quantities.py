"""What kind of answer a question asks for, and whether a text holds one."""

import re

from contract_agent.vocabulary import NUMBER_WORDS

_NUMBER = r"(?:\d[\d.,]*|" + "|".join(sorted(map(re.escape, NUMBER_WORDS), key=len, reverse=True)) + r")"
_UNIT = (
    r"(?:business |working |calendar |consecutive |banking |started |commenced |full |contract )*"
    r"(?:second|minute|hour|day|night|week|month|quarter|year|tag|stunde|woche|monat|jahr|jour|heure|semaine|mois|an|"
    r"día|hora|mes|año)(?:s|e|en|n|es)?"
)
_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_CURRENCY = r"(?:eur|euros?|usd|gbp|chf|sek|nok|dkk|pln|dollars?|pounds?|pence|cents?|[€$£¥])"

KINDS: dict[str, re.Pattern[str]] = {
    name: re.compile(pattern, re.IGNORECASE)
    for name, pattern in {
        "money": rf"{_CURRENCY}\s*\d|\d\s*{_CURRENCY}(?!\w)|\bfree\b|\bno (?:charge|cost|expense|fee)|\bat cost\b|"
        r"not charge|without (?:charge|deduction)|\d\s*%|per ?cent|\btwice\b|\bdoubl",
        "share": rf"\d\s*%|per ?cent|\b{_NUMBER} (?:in|of|out of) |\bpercentage points?\b|\bfactor\b|\bhalf\b",
        "time": rf"\b{_NUMBER}[\s)(-]*(?:\w+\)\s*)?{_UNIT}\b|\b{_MONTH}\b|\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\d{{1,2}}:\d\d|"
        rf"\bimmediate|\bwithout (?:undue )?delay|\bonce\b|\btwice\b|\bat any time\b|\b(?:each|every|per) {_UNIT}\b|\bsame day\b|"
        rf"\b(?:annual|monthly|weekly|daily|quarterly|yearly|hourly)|\bon (?:delivery|receipt|acceptance|demand|or before)\b|"
        rf"\bround the clock\b|\bnoon\b|\bmidnight\b|\bend of (?:the|each|a) |\b\d+(?:st|nd|rd|th)\b|\bdelivery date\b|"
        rf"\buntil\b|\bprior to\b|\bfirst day\b|\blast day\b|\bupon\b|\bpromptly\b",
        "number": rf"\b{_NUMBER}\b",
    }.items()
}
NUMERIC = frozenset(KINDS)


def holds(kind: str, text: str) -> bool:
    """Whether `text` holds something of a kind; clause numbers at its beginning do not count."""
    return bool(KINDS[kind].search(re.sub(r"^\W*(?:\w{1,9}\s)?[\w]*\d[\w.]*[.):]?\s", " ", text)))


ASKED: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("time", r"\bhow (?:long|soon|often|quickly|fast|early|late|frequently|far in advance|far from)\b"),
        ("time", r"(?:^|[,;:?]|\band|\bor|\buntil|\bby|\bsince|\bfrom) *when\b|\b(?:what time|which time|what date|which date|how many \w*\s?"
                 r"(?:days|hours|weeks|months|years|minutes))\b"),
        ("time", r"\b(?:what|which) (?:is |are )?(?:the |our |your )?(?:\w+ ){0,2}(?:deadline|period|duration|time limit|notice "
                 r"period|frequency|interval|start date|end date|due date|payment terms?|time frame|timeframe|term)\b(?! of the)"),
        ("share", r"\b(?:what|which) (?:\w+ ){0,3}?(?:percentage|percent|share|proportion|fraction|part)\b|\bhow many percent\b"),
        ("money", r"\b(?:what|which) (?:is |are )?(?:the |our |a )?(?:\w+ ){0,2}?(?:price|fee|cost|costs|amount|charge|charges|"
                  r"freight rate|penalty rate|discount|surcharge|rate|compensation)\b(?! (?:due|payable) (?:when|on))"),
        ("money", r"\bwhat (?:do|does|did|will|would|must|should) (?:\w+ ){1,6}(?:cost|charge|pay)\b|\bwhat (?:\w+ ){1,4}costs?\b"),
        ("number", r"\bhow (?:much|many|high|large|big|far|cold|warm|hot|old|heavy)\b|\bwhat number\b|\bwhat (?:is|was) the (?:most|least)"
                   r"\b|\bthe most\b.*\bpay\b"),
        ("number", r"\b(?:what|which) (?:\w+ ){0,3}?(?:range|temperature|humidity|quantity|factor|minimum|maximum|limit|cap|number|"
                   r"threshold|tolerance|target|bounds)\b"),
        ("time", r"\b(?:wann|wie lange|wie oft|bis wann|welche frist|wie schnell|quand|combien de temps|quel délai|"
                 r"cuándo|cuánto tiempo|qué plazo)\b"),
        ("number", r"\b(?:wie ?viele?|wie hoch|combien|cuánt[oa]s?|welcher prozentsatz|quel pourcentage|qué porcentaje)\b"),
    )
)


def asked(question: str) -> str | None:
    """The kind of value that a question asks for; None for "who", "where", "may we" and the like."""
    return next((kind for kind, pattern in ASKED if pattern.search(question)), None)
