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

_TIMES = (
    rf"\b{_NUMBER}[\s)(-]*(?:\w+\)\s*)?{_UNIT}\b",
    rf"\b{_MONTH}\b|\b\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\b\d{{1,2}}:\d\d|\b\d+(?:st|nd|rd|th)\b",
    rf"\b(?:each|every|per) {_UNIT}\b|\b(?:annual|month|week|dai|quarter|year|hour)ly\b|\bannual",
    r"\bimmediate|\bwithout (?:undue )?delay|\bonce\b|\btwice\b|\bat any time\b|\bsame day\b|\bround the clock\b",
    r"\bon (?:delivery|receipt|acceptance|demand|or before)\b|\bdelivery date\b|\bnoon\b|\bmidnight\b",
    r"\bend of (?:the|each|a) |\buntil\b|\bprior to\b|\b(?:first|last) day\b|\bupon\b|\bpromptly\b",
)
_MONEY = (
    rf"{_CURRENCY}\s*\d|\d\s*{_CURRENCY}(?!\w)",
    r"\bfree\b|\bno (?:charge|cost|expense|fee)|\bat cost\b|not charge|without (?:charge|deduction)",
    r"\d\s*%|per ?cent|\btwice\b|\bdoubl",
)
_SHARES = (rf"\d\s*%|per ?cent|\b{_NUMBER} (?:in|of|out of) |\bpercentage points?\b|\bfactor\b|\bhalf\b",)


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


KINDS = {
    "money": _any_of(_MONEY),
    "share": _any_of(_SHARES),
    "time": _any_of(_TIMES),
    "number": _any_of((rf"\b{_NUMBER}\b",)),
}


def holds(kind: str, text: str) -> bool:
    """Whether `text` holds something of a kind; a clause number at its beginning does not count."""
    return bool(KINDS[kind].search(re.sub(r"^\W*(?:\w{1,9}\s)?[\w]*\d[\w.]*[.):]?\s", " ", text)))


_WHAT = r"\b(?:what|which) "
_WHAT_IS = r"\b(?:what|which) (?:is |are )?(?:the |our |your |a )?(?:\w+ ){0,2}?"
ASKED: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "time",
        _any_of(
            (
                r"\bhow (?:long|soon|often|quickly|fast|early|late|frequently|far in advance|far from)\b",
                r"(?:^|[,;:?]|\band|\bor|\buntil|\bby|\bsince|\bfrom) *when\b|\b(?:what|which) (?:time|date|day)\b",
                r"\bhow many \w*\s?(?:days|hours|weeks|months|years|minutes)\b",
                _WHAT_IS
                + r"(?:deadline|period|duration|time limit|notice period|frequency|interval|start date|end date)\b",
                _WHAT_IS + r"(?:due date|payment terms?|time ?frame)\b",
                r"\b(?:wann|wie lange|wie oft|welche frist|wie schnell|quand|combien de temps|quel délai)\b",
                r"\b(?:cuándo|cuánto tiempo|qué plazo)\b",
            )
        ),
    ),
    (
        "share",
        _any_of(
            (_WHAT + r"(?:\w+ ){0,3}?(?:percentage|percent|share|proportion|fraction|part)\b", r"\bhow many percent\b")
        ),
    ),
    (
        "money",
        _any_of(
            (
                _WHAT_IS + r"(?:price|fee|costs?|amount|charges?|freight rate|penalty rate|discount|surcharge|rate)\b",
                r"\bwhat (?:do|does|did|will|would|must|should) (?:\w+ ){1,6}(?:cost|charge|pay)\b",
                r"\bwhat (?:\w+ ){1,4}costs?\b",
            )
        ),
    ),
    (
        "number",
        _any_of(
            (
                r"\bhow (?:much|many|high|large|big|far|cold|warm|hot|old|heavy)\b|\bwhat number\b",
                r"\bwhat (?:is|was) the (?:most|least)\b|\bthe most\b.*\bpay\b",
                _WHAT + r"(?:\w+ ){0,3}?(?:range|temperature|humidity|quantity|factor|minimum|maximum)\b",
                _WHAT + r"(?:\w+ ){0,3}?(?:limit|cap|number|threshold|tolerance|target|bounds)\b",
                r"\b(?:wie ?viele?|wie hoch|combien|cuánt[oa]s?|welcher prozentsatz|quel pourcentage|qué porcentaje)\b",
            )
        ),
    ),
)


def asked(question: str) -> str | None:
    """The kind of value that a question asks for; None for "who", "where", "may we" and the like."""
    return next((kind for kind, pattern in ASKED if pattern.search(question)), None)
