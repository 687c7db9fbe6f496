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
_ORDINAL = r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|fifteenth|twentieth|last)"
_CURRENCY = r"(?:eur|euros?|usd|gbp|chf|sek|nok|dkk|pln|dollars?|pounds?|pence|cents?|[€$£¥])"

_TIMES = (
    rf"\b{_NUMBER}[\s)(-]*(?:\w+\)\s*)?{_UNIT}\b",
    rf"\b{_MONTH}\b|\b\d{{1,2}}[./-]\d{{1,2}}[./-]\d{{2,4}}|\b\d{{1,2}}:\d\d",
    rf"\b(?:\d+(?:st|nd|rd|th)|{_ORDINAL})\b (?:day|week|{_MONTH}|of|business|working|calendar)",
    rf"\b(?:each|every|per) {_UNIT}\b|\b(?:annual|month|week|dai|quarter|year|hour)ly\b|\bannual",
    r"\bimmediate|\bwithout (?:undue )?delay|\bonce\b|\btwice\b|\bat any time\b|\bsame day\b|\bround the clock\b",
)
_OCCASIONS = (
    r"\bon (?:delivery|receipt|acceptance|demand|or before)\b|\bdelivery date\b|\bnoon\b|\bmidnight\b",
    r"\bend of (?:the|each|a) |\buntil\b|\bprior to\b|\b(?:first|last) day\b|\bupon\b|\bpromptly\b",
)
_MONEY = (rf"{_CURRENCY}\s*\d|\d\s*{_CURRENCY}(?!\w)|\d\s*%|per ?cent|\btwice\b|\bdoubl|special drawing rights",)
_FREE = (r"\bfree\b|\bno (?:charge|cost|expense|fee)|\bat cost\b|not charge|without (?:charge|deduction)",)
_RANGES = (
    rf"\b{_NUMBER}\b[^.;]{{0,12}}?(?:\band\b|\bto\b|–|—|-|\bbis\b|\bà\b|\by\b)\s*[-−]?\s*\b{_NUMBER}\b|[±]\s*\d",
    r"(?:more|less|greater|lower|higher|fewer|above|below|over|under) (?:than )?\D{0,5}\d|at (?:least|most)|\bup to\b",
)
_FORMULAS = (r"=|×|\bx\b|\bmultipl|\bdivided\b|\btimes\b|\d\s*%|\bper\b|\bfor (?:each|every)\b|\bplus\b|\bproportion",)
_SHARES = (rf"\d\s*%|per ?cent|\b{_NUMBER} (?:in|of|out of) |\bpercentage points?\b|\bfactor\b|\bhalf\b",)


def _any_of(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


KINDS = {
    "money": _any_of(_MONEY),
    "share": _any_of(_SHARES),
    "time": _any_of(_TIMES),
    "duration": _any_of((_TIMES[0],)),
    "range": _any_of(_RANGES),
    "formula": _any_of(_FORMULAS),
    "number": _any_of((rf"\b{_NUMBER}\b",)),
    "cap": _any_of(
        (
            r"\b(?:not|never|no event|nor)\b[^.;]{0,40}?\bexceed|\bup to\b|\bat most\b",
            r"\bmaximum\b|\bcapped\b|\blimited to\b",
        )
    ),
    "address": _any_of(
        (
            r"\b\d+[a-z]? (?:[A-Z0-9][\w.]* ){1,4}(?:street|st|avenue|ave|road|rd|lane|drive|boulevard|blvd|square)\b",
            r"\b[A-Z]{2} \d{5}\b|\b[A-Z]{1,2}\d{1,2}[A-Z]? \d[A-Z]{2}\b",
            r"(?:stra(?:ß|ss)e|gasse|weg|platz) \d+|\brue \w+",
        )
    ),
    "floor": _any_of((r"\bat least\b|\b(?:no|not) (?:less|fewer) than\b|\bminimum\b",)),
}


HINTS = {"money": _any_of(_FREE), "time": _any_of(_OCCASIONS)}
REFERENCES = re.compile(
    r"\b(?:annex|appendix|schedule|exhibit|article|section|clause|paragraph)s?\s+(?:\d[\d.]*|[A-Z])\b(?:\s*(?:and|to)\s*\d[\d.]*)?",
    re.IGNORECASE,
)


def holds(kind: str, text: str) -> bool:
    """Whether `text` holds something of a kind; a clause number at its beginning does not count."""
    return bool(KINDS[kind].search(_without_references(text)))


def hints(kind: str, text: str) -> bool:
    """Whether `text` says the like without a value: that something is free, or due on delivery."""
    return kind in HINTS and bool(HINTS[kind].search(text))


def _without_references(text: str) -> str:
    """Without its own number at the beginning and without "Schedule 1", "clause 3.2" and the like."""
    text = re.sub(r"^\W*(?:\w{1,9}\s)?[\w]*\d[\w.]*[.):]?\s", " ", text)
    return REFERENCES.sub(" ", text)


_WHAT = r"\b(?:what|which) "
_WHAT_IS = r"\b(?:what|which) (?:is |are )?(?:the |our |your |a )?(?:\w+ ){0,2}?"
ASKED: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "duration",
        _any_of(
            (
                r"\bhow long\b|\bhow many \w*\s?(?:days|hours|weeks|months|years|minutes)\b|\bhow far in advance\b",
                _WHAT_IS + r"(?:period|duration|notice period|retention period)\b",
                r"\b(?:wie lange?|combien de temps|cuánto tiempo)\b",
            )
        ),
    ),
    (
        "time",
        _any_of(
            (
                r"\bhow (?:soon|often|quickly|fast|early|late|frequently|far from)\b",
                r"(?:^|[,;:?]|\band|\bor|\buntil|\bby|\bsince|\bfrom) *when\b|\b(?:what|which) (?:time|date|day)\b",
                r"\bhow many \w*\s?(?:days|hours|weeks|months|years|minutes)\b",
                _WHAT_IS
                + r"(?:deadline|period|duration|time limit|notice period|frequency|interval|start date|end date)\b",
                _WHAT_IS + r"(?:due date|payment terms?|time ?frame)\b",
                r"\b(?:wann|wie oft|welche frist|wie schnell|quand|quel délai)\b",
                r"\b(?:cuándo|qué plazo)\b",
            )
        ),
    ),
    (
        "formula",
        _any_of(
            (
                r"\bhow (?:is|are|do|does|will|was) .*\b(?:calculat|comput|work(?:ed)? out|determin|figur)",
                r"\b(?:what|which) (?:is the )?(?:formula|calculation)\b|\bwie .*\bberechnet\b|\bcomment .*\bcalcul",
            )
        ),
    ),
    (
        "range",
        _any_of(
            (_WHAT + r"(?:\w+ ){0,3}?(?:range|ranges|bounds|limits|tolerance|band)\b", r"\bbetween (?:which|what)\b")
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
                r"\bhow (?:much|expensive)\b.*\b(?:cost|charged?|pay|paid|owe|bill(?:ed)?|fee|price|worth|money)\b",
            )
        ),
    ),
    (
        "number",
        _any_of(
            (
                r"\bhow (?:much|many|high|large|big|far|cold|warm|hot|old|heavy)\b|\bwhat number\b",
                r"\bwhat (?:is|was) the (?:most|least)\b|\bthe most\b.*\bpay\b",
                _WHAT + r"(?:\w+ ){0,3}?(?:temperature|humidity|quantity|factor|minimum|maximum)\b",
                _WHAT + r"(?:\w+ ){0,3}?(?:limit|cap|number|threshold|target)\b",
                r"\b(?:wie ?viele?|wie hoch|combien|cuánt[oa]s?|welcher prozentsatz|quel pourcentage|qué porcentaje)\b",
            )
        ),
    ),
)


def asked(question: str) -> str | None:
    """The kind of value that a question asks for; None for "who", "where", "may we" and the like."""
    return next((kind for kind, pattern in ASKED if pattern.search(question)), None)
