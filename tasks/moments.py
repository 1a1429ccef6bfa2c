"""Moments as pages spell them. Pure."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

MAX_MOMENT = 100  # characters; a longer text is no moment
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_MONTH = rf"(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
# Spellings of one meaning: a year first, or a month by its English name. 3/4/2024 is
# a day in March or in April, and stays unread.
_DATES = (
    *(
        re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])", re.IGNORECASE)
        for pattern in (
            rf"{_MONTH},?\s+{_DAY},?\s+{_YEAR}",
            rf"{_DAY}\.?\s+{_MONTH},?\s+{_YEAR}",
            rf"{_YEAR}\s*[-/.]\s*(?P<month>\d\d?)\s*[-/.]\s*(?P<day>\d\d?)(?:T[\d:.+Z-]*)?",
            rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)",
        )
    ),
    re.compile(rf"{_YEAR}\s*年\s*(?P<month>\d\d?)\s*月\s*(?P<day>\d\d?)\s*日"),
    re.compile(rf"{_YEAR}\s*년\s*(?P<month>\d\d?)\s*월\s*(?P<day>\d\d?)\s*일"),
)
_IN_ADDRESS = re.compile(
    rf"/{_YEAR}[/-](?P<month>\d\d?|{'|'.join(_MONTHS)})[/-](?P<day>\d\d?)(?!\d)"
)
_TIME = re.compile(
    r"(?<!\d)(?P<hour>\d{1,2})[:時](?P<minute>\d\d)(?!\d)(?::(?P<second>\d\d))?(?:\.\d+)?"
    r"\s*(?:(?P<half>[ap])\.?m\.?(?![a-z]))?\s*(?P<zone>[A-Z]{1,4}\b|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
# Hours from UTC of the zones that RFC 5322 (4.3) knows, and the ones like them.
_ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7,
    "mdt": -6, "pst": -8, "pdt": -7, "et": -5, "pt": -8, "bst": 1, "cet": 1, "cest": 2,
    "jst": 9, "aest": 10, "aedt": 11,
}  # fmt: skip
_EPOCH = re.compile(r"\d{9,10}(?:\d{3})?")


def parse_moment(value: str) -> datetime | None:
    """Read a moment as UTC: ISO 8601, RFC 5322, seconds or milliseconds since 1970.

    One without a zone is taken as UTC and a day as its midnight; years outside of 1990
    to 2100 are placeholders (1970-01-01, 0001-01-01). None for anything else: nothing
    is guessed.
    """
    value = " ".join(value[:MAX_MOMENT].split())
    moment = None
    with suppress(ValueError, TypeError, OverflowError):
        moment = datetime.fromisoformat(_as_iso(value))
    if moment is None:
        with suppress(ValueError, TypeError, OverflowError, IndexError):
            moment = parsedate_to_datetime(value)
    if moment is None and _EPOCH.fullmatch(value):
        seconds = int(value[:10]) if len(value) > 10 else int(value)
        moment = datetime.fromtimestamp(seconds, UTC)
    return _sane(moment)


def find_moment(text: str) -> datetime | None:
    """Read the moment in a short line such as `Updated Dec. 16, 2016 4:21 pm EST`.

    Only spellings that have one meaning. None if there is none, or more than one day.
    """
    text = " ".join(text[: 2 * MAX_MOMENT].split())
    days: dict[tuple[int, int, int], re.Match[str]] = {}
    for pattern in _DATES:
        for found in pattern.finditer(text):
            days.setdefault(_day(found), found)
    if len(days) != 1:
        return None
    ((day, found),) = days.items()
    if "T" in found[0] and (moment := parse_moment(found[0])):
        return moment
    with suppress(ValueError, OverflowError):
        rest = f"{text[: found.start()]} {text[found.end() :]}"
        return _sane(_at(datetime(*day, tzinfo=UTC), rest))
    return None


def find_day(url: str) -> datetime | None:
    """Read the day in an address such as `/2019/nov/18/story`."""
    found = _IN_ADDRESS.search(url)
    with suppress(ValueError):
        return datetime(*_day(found), tzinfo=UTC) if found else None
    return None


def _day(found: re.Match[str]) -> tuple[int, int, int]:
    month = found["month"].lower()[:3]
    number = int(month) if month.isdigit() else _MONTHS.index(month) + 1
    return int(found["year"]), number, int(found["day"])


def _at(day: datetime, text: str) -> datetime:
    """Add the time of day that *text* names, if it names one."""
    found = _TIME.search(text)
    if not found:
        return day
    hour, zone = int(found["hour"]), (found["zone"] or "").lower()
    if found["half"]:
        hour = hour % 12 + (12 if found["half"].lower() == "p" else 0)
    moment = day.replace(
        hour=hour, minute=int(found["minute"]), second=int(found["second"] or 0)
    )
    if zone[:1] in {"+", "-"}:
        return moment.replace(tzinfo=datetime.strptime(zone, "%z").tzinfo)
    return moment.replace(tzinfo=timezone(timedelta(hours=_ZONES.get(zone, 0))))


def _sane(moment: datetime | None) -> datetime | None:
    if moment is None or not 1990 < moment.year < 2100:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC)


def _as_iso(value: str) -> str:
    """Mend two frequent slips: a blank before the zone, fractions of other lengths."""
    value = re.sub(r"(?<=\d) (?=[+-]\d\d:?\d\d$|Z$)", "", value.removesuffix(" UTC"))
    return re.sub(r"\.(\d+)", lambda digits: "." + digits[1][:6].ljust(6, "0"), value)
