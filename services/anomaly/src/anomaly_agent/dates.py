"""Days and times as people write them, as seconds since 1970 (UTC where a zone is given)."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

TIME = (
    r"(?:[T ,]+(?P<hour>[0-9]{1,2})[:.h](?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<part>[0-9]{1,9}))?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?\s*(?P<zone>Z|UTC|[-+][0-9]{2}:?[0-9]{2})?)?"
)
WEEKDAY = r"(?:[^\W\d_]{2,10}\.?,?\s+)?"
SHAPES = (
    re.compile(r"(?P<year>[0-9]{4})(?P<mark>[-/.])(?P<month>[0-9]{1,2})(?P=mark)(?P<day>[0-9]{1,2})" + TIME),
    re.compile(
        r"(?P<first>[0-9]{1,2})(?P<mark>[-/.])(?P<second_>[0-9]{1,2})(?P=mark)(?P<year>[0-9]{4}|[0-9]{2})" + TIME
    ),
    re.compile(
        WEEKDAY + r"(?P<day>[0-9]{1,2})[-/. ]{1,3}(?:de )?(?P<name>[^\W\d_]{3,10})\.?[-/., ]{1,3}(?:de )?"
        r"(?P<year>[0-9]{4}|[0-9]{2})" + TIME
    ),
    re.compile(
        WEEKDAY + r"(?P<name>[^\W\d_]{3,10})\.? (?P<day>[0-9]{1,2})(?:st|nd|rd|th)?,? (?P<year>[0-9]{4})" + TIME
    ),
    re.compile(
        r"(?P<year>[12][0-9]{3})(?P<month>[0-9]{2})(?P<day>[0-9]{2})T(?P<hour>[0-9]{2})(?P<minute>[0-9]{2})"
        r"(?P<second>[0-9]{2})?(?P<zone>Z)?(?P<part>)(?P<half>)"
    ),
)
SLASHED = SHAPES[1]
MONTHS = tuple(
    frozenset(names.split())
    for names in (
        "january januar janvier enero",
        "february februar février fevrier febrero",
        "march märz maerz mrz mars marzo",
        "april avril abril",
        "may mai mayo",
        "june juni juin junio",
        "july juli juillet julio",
        "august août aout agosto",
        "september septembre septiembre",
        "october oktober octobre octubre",
        "november novembre noviembre",
        "december dezember décembre decembre diciembre",
    )
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_date(text: str, day_first: bool = False) -> float | None:
    """Seconds since 1970, or None when the text is no date or names a day that does not exist.

    `day_first` decides `3/4/2024`; days with points are always day first, as in `3.4.2024`.
    """
    match = _match(text)
    if match is None:
        return None
    try:
        return _moment(match, day_first)
    except (ValueError, OverflowError):
        return None


def looks_like_date(text: str) -> bool:
    """Whether the text has the shape of a date, even of an impossible one such as 31-Feb-2024."""
    return _match(text) is not None


def prefers_day_first(texts: Iterable[str]) -> bool:
    """Whether the days with slashes or dashes among the texts can be read as day first only."""
    day, month = 0, 0
    for text in texts:
        match = SLASHED.fullmatch(text.strip()) if len(text) < 40 else None
        if match and match["mark"] != ".":
            day += int(match["first"]) > 12 >= int(match["second_"])
            month += int(match["second_"]) > 12 >= int(match["first"])
    return day > month


def _match(text: str) -> re.Match[str] | None:
    text = text.strip()
    if not 6 <= len(text) <= 48 or not any(character.isdigit() for character in text):
        return None
    for shape in SHAPES:
        match = shape.fullmatch(text)
        if match and ("name" not in match.groupdict() or _month(match["name"])):
            return match
    return None


def _moment(match: re.Match[str], day_first: bool) -> float:
    groups = match.groupdict()
    year = int(groups["year"])
    if year < 100:
        year += 2000 if year < 69 else 1900
    if "first" in groups:
        first, second = int(groups["first"]), int(groups["second_"])
        # A column may mix both orders; a day that exists in one of them only is read that way.
        turned = second > 12 or (first <= 12 and not day_first and groups["mark"] != ".")
        month, day = (first, second) if turned else (second, first)
    else:
        day = int(groups["day"])
        month = _month(groups["name"]) if "name" in groups else int(groups["month"])
    moment = datetime(year, month, day, *_clock(groups), tzinfo=_zone(groups.get("zone")))
    return (moment - EPOCH) / timedelta(seconds=1) + float(f"0.{groups.get('part') or 0}")


def _clock(groups: dict[str, str]) -> tuple[int, int, int]:
    hour, half = int(groups.get("hour") or 0), (groups.get("half") or "").lower()
    if half:
        if not 1 <= hour <= 12:
            raise ValueError("not an hour of a 12-hour clock")
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    return hour, int(groups.get("minute") or 0), int(groups.get("second") or 0)


def _zone(text: str | None) -> timezone:
    if not text or text in ("Z", "UTC"):
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[-2:])))


@lru_cache(maxsize=4096)
def _month(word: str) -> int:
    """1..12, or 0 for a word that is no month's name in English, German, French or Spanish, nor the start of one."""
    word = word.lower()
    for number, names in enumerate(MONTHS, start=1):
        if any(name.startswith(word) for name in names):
            return number
    return 0


def written(moment: float) -> str:
    """`2024-03-01`, with the time of day unless it is midnight."""
    stamp = EPOCH + timedelta(seconds=moment)
    return stamp.strftime("%Y-%m-%d" if moment % 86400 == 0 else "%Y-%m-%d %H:%M:%S")
