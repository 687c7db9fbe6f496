"""A point in time as people write it after "until" or "by", resolved against a clock. Four languages, no guessing."""

import calendar
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

from escalation_agent.lexicon import Lexicon

END_OF_DAY = time(23, 59)
ZONES: Mapping[str, int] = {"utc": 0, "gmt": 0, "z": 0, "cet": 1, "mez": 1, "cest": 2, "mesz": 2}
ZONE = re.compile(r"\s?(utc|gmt|cet|cest|mez|mesz)\b", re.IGNORECASE)
STAMP = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?(?!\d)", re.IGNORECASE
)
PAST_TOLERANCE = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Moment:
    """`at` is None where the words can mean more than one time; `end` is where the words end in the text."""

    at: datetime | None
    end: int


class MomentGrammar:
    """Reads moments of one language. `now` is aware; its zone is the writer's."""

    def __init__(self, lexicon: Lexicon) -> None:
        source = {key: lexicon.source("deadline", key) for key in ("clock", "noon", "midnight", "ordinal", "of")}
        self._day_first = lexicon.code != "en"
        self._months = [re.compile(item, re.IGNORECASE) for item in lexicon.value("deadline", "months")]
        weekdays = lexicon.value("deadline", "weekdays")
        self._article = re.compile(lexicon.value("deadline", "article"), re.IGNORECASE)
        self._connector = re.compile(rf"{lexicon.value('deadline', 'connector')}\s*", re.IGNORECASE)
        months = lexicon.source("deadline", "months")
        self._time = re.compile(_time(source), re.IGNORECASE)
        self._date = re.compile(_date(source, months), re.IGNORECASE)
        names = {key: lexicon.source("deadline", key) for key in ("overmorrow", "tomorrow", "today", "month_end")}
        self._name = re.compile(
            "(?:"
            + "|".join(
                [f"(?P<{key}>{value})" for key, value in names.items()]
                + [f"(?P<weekday{i}>{value})\\.?" for i, value in enumerate(weekdays)]
            )
            + r")(?!\w)",
            re.IGNORECASE,
        )

    def read(self, text: str, start: int, now: datetime) -> Moment | None:
        """The moment that the text names at `start`, or None."""
        start += len(text[start:]) - len(text[start:].lstrip())
        stamp = STAMP.match(text, start)
        if stamp:
            return _stamped(stamp, now)
        first = self._article.match(text, start)
        start = first.end() if first else start
        return self._day_then_time(text, start, now) or self._time_then_day(text, start, now)

    def _day_then_time(self, text: str, start: int, now: datetime) -> Moment | None:
        found = self._day(text, start, now)
        if found is None:
            return None
        day, end, weekday = found
        clock = self._clock(text, self._skip(text, end))
        if clock is None:
            at = None if day is None else datetime.combine(day, END_OF_DAY, now.tzinfo)
            return Moment(at, end)
        hour, end, zone = clock
        if day is None or hour is None:
            return Moment(None, end)
        at = datetime.combine(day, hour, zone or now.tzinfo)
        return Moment(at + timedelta(days=7) if weekday and at <= now else at, end)

    def _time_then_day(self, text: str, start: int, now: datetime) -> Moment | None:
        clock = self._clock(text, start)
        if clock is None:
            return None
        hour, end, zone = clock
        found = self._day(text, self._skip(text, end), now)
        if found is not None:
            day, end, _ = found
            at = None if day is None or hour is None else datetime.combine(day, hour, zone or now.tzinfo)
            return Moment(at, end)
        at = None if hour is None else datetime.combine(now.date(), hour, zone or now.tzinfo)
        # "By 9:00" said at 10:00 may mean tomorrow, or be a reproach.
        return Moment(at if at and at > now else None, end)

    def _skip(self, text: str, end: int) -> int:
        match = self._connector.match(text, end)
        return match.end() if match else end

    def _clock(self, text: str, start: int) -> tuple[time | None, int, timezone | None] | None:
        match = self._time.match(text, start)
        if match is None:
            return None
        zone = ZONE.match(text, match.end())
        offset = timezone(timedelta(hours=ZONES[zone.group(1).lower()])) if zone else None
        return _hour(match), zone.end() if zone else match.end(), offset

    def _day(self, text: str, start: int, now: datetime) -> tuple[date | None, int, bool] | None:
        """The day (None: more than one is meant), its end in the text, and whether only a weekday was named."""
        name = self._name.match(text, start)
        if name is None:
            match = self._date.match(text, start)
            return None if match is None else (self._dated(match, now.date()), match.end(), False)
        key = name.lastgroup or ""
        if key.startswith("weekday"):
            after = re.compile(r",?\s+").match(text, name.end())
            match = self._date.match(text, after.end()) if after else None
            if match:
                return self._dated(match, now.date()), match.end(), False
            ahead = (int(key[-1]) - now.weekday()) % 7
            return now.date() + timedelta(days=ahead), name.end(), True
        return _named_day(key, now.date()), name.end(), False

    def _dated(self, match: re.Match[str], today: date) -> date | None:
        found = {key.rstrip("1234"): value for key, value in match.groupdict().items() if value}
        if "iso" in found:
            return _day_or_none(*map(int, found["iso"].split("-")))
        day = int(found["d"])
        if "mon" in found:
            month = next(i for i, name in enumerate(self._months, 1) if name.fullmatch(found["mon"].rstrip(".")))
        elif "n" in found:
            day, month = self._ordered(day, int(found["n"]), "." in match.group())
        else:
            return _next_of_month(day, today)
        year = found.get("y")
        if year:
            return _day_or_none(int(year) + (2000 if len(year) == 2 else 0), month, day)
        return _coming(month, day, today)

    def _ordered(self, first: int, second: int, dotted: bool) -> tuple[int, int]:
        """Day and month; month 0 where 3/4 may be either in English."""
        if self._day_first or dotted or first > 12 or first == second:
            return first, second
        return (second, first) if second > 12 else (first, 0)


def _time(source: Mapping[str, str]) -> str:
    half = r"[ap]\.?\s?m\b\.?"
    return (
        rf"(?:(?P<h1>\d{{1,2}})\s?[:h]\s?(?P<m1>\d{{2}})(?!\d)(?:\s?(?P<half1>{half}))?(?:\s?{source['clock']}(?!\w))?"
        rf"|(?P<h2>\d{{1,2}})\.(?P<m2>\d{{2}})\s?(?:{source['clock']}(?!\w)|(?P<half2>{half}))"
        rf"|(?P<h3>\d{{1,2}})\s?(?P<half3>{half})"
        rf"|(?P<h4>\d{{1,2}})\s?(?:h|{source['clock']})(?!\w)(?:\s?(?P<m4>\d{{2}})(?!\d|\s?\w))?"
        rf"|(?<=las )(?P<h5>\d{{1,2}})(?![\d:./])"
        rf"|(?P<noon>{source['noon']})(?!\w)|(?P<midnight>{source['midnight']})(?!\w))"
    )


def _date(source: Mapping[str, str], months: str) -> str:
    ordinal = rf"(?:{source['ordinal']})"
    return (
        r"(?:(?P<iso1>\d{4}-\d{2}-\d{2})(?!\d)"
        rf"|(?P<d2>\d{{1,2}}){ordinal}?\s?(?:{source['of']})?(?P<mon2>{months})\b\.?"
        r"(?:,?\s(?:del? )?(?P<y2>\d{4})(?!\d))?"
        rf"|(?P<mon3>{months})\b\.?\s(?P<d3>\d{{1,2}}){ordinal}?(?:,?\s(?P<y3>\d{{4}}))?(?![\d:])"
        r"|(?P<d1>\d{1,2})[./](?P<n1>\d{1,2})(?:[./](?P<y1>\d{4}|\d{2})|\.)?(?![\d%])(?!\s?(?:uhr|h\b|[ap]\.?m))"
        rf"|(?P<d4>\d{{1,2}}){ordinal}(?!\w)|(?:(?<=le )|(?<=el )|(?<=au ))(?P<d5>\d{{1,2}})(?![\d:./]|\s?h\b))"
    )


def _stamped(match: re.Match[str], now: datetime) -> Moment:
    try:
        at = datetime.fromisoformat(match.group().upper())
    except ValueError:
        return Moment(None, match.end())
    return Moment(at if at.tzinfo else at.replace(tzinfo=now.tzinfo), match.end())


def _hour(match: re.Match[str]) -> time | None:
    found = {key.rstrip("12345"): value for key, value in match.groupdict().items() if value}
    if "noon" in found:
        return time(12)
    if "midnight" in found:
        return END_OF_DAY
    hour, minute = int(found["h"]), int(found.get("m", 0))
    half = found.get("half", "").lower()[:1]
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour == 24 and minute == 0:
        return END_OF_DAY
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _named_day(key: str, today: date) -> date:
    if key == "month_end":
        return today.replace(day=calendar.monthrange(today.year, today.month)[1])
    return today + timedelta(days={"today": 0, "tomorrow": 1, "overmorrow": 2}[key])


def _next_of_month(day: int, today: date) -> date | None:
    """The coming 15th; None where the month has no such day."""
    if day >= today.day:
        return _day_or_none(today.year, today.month, day)
    later = today.replace(day=1) + timedelta(days=32)
    return _day_or_none(later.year, later.month, day)


def _coming(month: int, day: int, today: date) -> date | None:
    """This year's date, or next year's once it lies half a year back; None for one that has just passed."""
    this = _day_or_none(today.year, month, day)
    if this is None or this >= today:
        return this
    return _day_or_none(today.year + 1, month, day) if today - this > PAST_TOLERANCE else None


def _day_or_none(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
