"""Numbers as people write them: thousands separators, decimal commas, currencies, units, brackets for minus."""

import re
from collections.abc import Iterable

CURRENCY = r"(?:US\$|[€$£¥]|USD|EUR|GBP|CHF|JPY|CNY|PLN|SEK|DKK|NOK|CAD|AUD|MXN|Fr\.)"
UNIT = (
    r"(?:%|°\s?[CF]|kgs?|kilograms?|g|grams?|tonnes?|t|lbs?|oz|km|m|cm|mm|mi|ft|in|l|ml|m3|m²|m³|cbm|h|hrs?|min|s|ms|"
    r"days?|Tage?|jours?|días?|pcs?|pieces?|units?|St(?:k|ück)?\.?|ea|ctns?|cartons?|pallets?|plts?|boxes|box)"
)
LARGEST = 1e100  # beyond it no amount or reading lies, and sums and products of columns leave the range of floats
PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,17})?")
NUMBER = re.compile(
    rf"(?P<open>\()?\s*(?P<sign>[-+])?\s*(?:{CURRENCY}\s*)?(?P<sign2>[-+])?"
    rf"(?P<digits>[0-9][0-9.,' ]{{0,40}}|[.,][0-9]{{1,20}})(?P<exponent>[eE][-+]?[0-9]{{1,3}})?"
    rf"\s*(?:{CURRENCY}|{UNIT})?(?P<minus>-)?\s*(?P<close>\))?",
    re.IGNORECASE,
)
SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " ", "\u2212": "-", "\u2019": "'", "\u2013": "-"})


def parse_number(text: str, decimal: str = ".") -> float | None:
    """The number that the whole text is, or None. `decimal` decides `1.234` and `1,234`, where both readings exist."""
    if PLAIN.fullmatch(text) and (decimal == "." or "." not in text):
        return float(text)
    if len(text) > 60:
        return None
    match = NUMBER.fullmatch(text.translate(SPACES).strip())
    if not match or bool(match["open"]) != bool(match["close"]):
        return None
    digits = _normal(match["digits"].strip(), decimal)
    if digits is None:
        return None
    value = float(digits + (match["exponent"] or ""))
    if value > LARGEST:
        return None
    negative = (match["sign"] == "-") + (match["sign2"] == "-") + bool(match["minus"]) + bool(match["open"])
    if negative > 1:
        return None
    return -value if negative else value


def decimal_mark(texts: Iterable[str]) -> str:
    """`.` or `,`: which of them these texts use as the decimal mark, by those that allow one reading only."""
    votes = {".": 0, ",": 0}
    for text in texts:
        mark = _certain_mark(text.strip())
        if mark:
            votes[mark] += 1
    return "," if votes[","] > votes["."] else "."


def _certain_mark(text: str) -> str:
    dot, comma = text.count("."), text.count(",")
    if not dot and not comma:
        return ""
    if dot and comma:
        return "." if text.rindex(".") > text.rindex(",") else ","
    mark = "." if dot else ","
    if dot + comma > 1:
        return "," if dot else "."
    whole, _, rest = text.partition(mark)
    fraction = re.match(r"[0-9]*", rest)
    if (
        fraction
        and len(fraction[0]) == 3
        and len(whole.lstrip("-+ $€£0")) <= 3
        and not whole.lstrip("-+").startswith("0")
    ):
        return ""
    return mark


def _normal(digits: str, decimal: str) -> str | None:
    """Python's spelling of the digits, or None if the separators make no sense."""
    if "," in digits and "." in digits:
        mark = "." if digits.rindex(".") > digits.rindex(",") else ","
    elif "," in digits or "." in digits:
        mark = _only_mark(digits, decimal)
    else:
        mark = "."
    other = "," if mark == "." else "."
    whole, _, fraction = digits.partition(mark) if digits.count(mark) <= 1 else (digits, "", "")
    if not fraction.isdigit() and fraction:
        return None
    ungrouped = _ungrouped(whole, other)
    return None if ungrouped is None else f"{ungrouped or '0'}.{fraction or '0'}"


def _only_mark(digits: str, decimal: str) -> str:
    """What the decimal mark is when only one kind of separator occurs."""
    mark = "," if "," in digits else "."
    if digits.count(mark) > 1:
        return "." if mark == "," else ","
    whole, _, fraction = digits.partition(mark)
    if len(fraction) == 3 and 1 <= len(whole) <= 3 and whole != "0" and mark != decimal:
        return decimal
    return mark


def _ungrouped(whole: str, separator: str) -> str | None:
    """The whole part without its thousands separators."""
    used = [mark for mark in (separator, "'", " ") if mark in whole]
    if not used:
        return whole if whole.isdigit() or not whole else None
    groups = whole.split(used[0])
    if len(used) > 1 or not 1 <= len(groups[0]) <= 3 or not all(group.isdigit() for group in groups):
        return None
    if len(groups[-1]) != 3 or any(len(group) not in (2, 3) for group in groups[1:-1]):
        return None
    return "".join(groups)
