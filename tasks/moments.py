"""Moments as pages spell them. Pure."""

from __future__ import annotations

import re
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

MAX_MOMENT = 100  # characters; a longer text is no moment
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
# How months begin in English, German, French, Spanish, Galician, Italian, Portuguese,
# Dutch, the languages of Scandinavia, Icelandic, Finnish, Estonian, Latvian, Polish,
# Czech, Slovenian, Hungarian, Romanian, Turkish, Indonesian, Greek, Russian, Ukrainian,
# Bulgarian, Macedonian, Serbian, Hebrew, Arabic, Persian, Urdu and Hindi. Of two
# beginnings of a word the longer one counts. Tests hold them against Babel's names.
_MONTH_BEGINNINGS = {
    beginning.casefold(): number
    for number, beginnings in enumerate(
        """
        jan ene xan gen ian sty led oca jaan tam ιαν янв ян јан січ ינו يناير
        ژانو جنور जन |
        feb fév fev lut úno şub veebr hel φεβ фев феб лют פבר فبراير شباط فور
        فرور फर फ़र |
        mar mär maa mrt már bře μαρ μάρ мар бер מרץ مارس آذار مارچ मार्च |
        apr avr abr ápr kwi dub nis huh απρ апр квіт אפר أبريل ابريل نيسان آوریل
        اپریل अप्रै |
        may mai maj maí mag máj kvě mei touko μαΐ μάι май мая мај трав מאי
        مايو أيار مه مئ मई |
        jun juin juuni jūn xuñ giu jún cze červn červen čvn kes iun haz ιουν
        ιούν июн юни јун черв יונ يونيو حزيران ژوئن جون जून |
        jul juil juuli jūl xul lug júl lip červenc červenec čvc hein iul tem
        ιουλ ιούλ июл юли јул лип יול يوليو تموز ژوئی جول जुल |
        aug aoû aou ago avg ágú sie srp elo ağu agu αυγ αύγ авг серп אוג أغسطس
        آب اوت اگست अग |
        sep set wrz zář sze syys eyl σεπ сен сеп вер ספט سبتمبر أيلول سپتامبر
        ستمبر सित |
        oct okt out ott paź říj loka eki οκτ окт жовт אוק أكتوبر اکتبر اکتوبر
        अक्टू |
        nov nóv lis marras kas noi νοε νοέ нов ноя ное листоп лист נוב نوفمبر
        نوامبر نومبر नव |
        dec dez dic déc des gru pro joulu det ara δεκ дек дец груд דצמ ديسمبر
        دسامبر دسمبر दिस
        """.split("|"),
        start=1,
    )
    for beginning in beginnings.split()
}
_LONGEST_BEGINNING = max(map(len, _MONTH_BEGINNINGS))
_MONTH = r"(?P<month>[^\s\d.,:;|/()]{2,14})\.?"
_OF = r"(?:\s+(?:de|del|of|di))?"  # 4 de marzo de 2024
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|er|º|ª|°)?"
_YEAR = r"(?P<year>(?:19|20)\d\d)"
# Spellings of one meaning: a year first, a month by its name, a day before dots.
_DATES = (
    *(
        re.compile(rf"(?<![^\W_]){pattern}(?![^\W_])", re.IGNORECASE)
        for pattern in (
            rf"{_MONTH},?\s+{_DAY},?\s+{_YEAR}",
            rf"{_DAY}\.?{_OF}\s+{_MONTH},?{_OF}\s+{_YEAR}",
            rf"{_YEAR}\.?\s+{_MONTH}\s+{_DAY}",
            rf"{_DAY}\s+tháng\s+(?P<month>\d\d?)(?:,|\s+năm)?\s+{_YEAR}",
            rf"(?P<day>\d\d?)\.\s?(?P<month>\d\d?)\.\s?{_YEAR}",
            rf"{_YEAR}\s*[-/.]\s*(?P<month>\d\d?)\s*[-/.]\s*(?P<day>\d\d?)(?:T[\d:.+Z-]*)?",
            rf"{_YEAR}(?P<month>\d\d)(?P<day>\d\d)",
        )
    ),
    re.compile(rf"{_YEAR}\s*年\s*(?P<month>\d\d?)\s*月\s*(?P<day>\d\d?)\s*日"),
    re.compile(rf"{_YEAR}\s*년\s*(?P<month>\d\d?)\s*월\s*(?P<day>\d\d?)\s*일"),
)
MONTHS = 12
_SLASHED = re.compile(rf"(?<![\d/])(?P<first>\d\d?)/(?P<second>\d\d?)/{_YEAR}(?![\d/])")
_IN_ADDRESS = re.compile(
    rf"/{_YEAR}[/-](?P<month>\d\d?|{'|'.join(_MONTHS)})[/-](?P<day>\d\d?)(?!\d)"
)
_TIME = re.compile(
    r"(?<!\d)(?P<hour>\d{1,2})(?:[:時h]|\.(?=\d\d\s+Uhr))(?P<minute>\d\d)(?!\d)(?::(?P<second>\d\d))?(?:\.\d+)?"
    r"\s*(?:(?P<half>[ap])\.?m\.?(?![a-z]))?\s*(?P<zone>[A-Z]{1,4}\b|[+-]\d\d:?\d\d)?",
    re.IGNORECASE,
)
# Hours from UTC of the zones that RFC 5322 (4.3) knows, and the ones like them.
_ZONES = {
    "z": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7,
    "mdt": -6, "pst": -8, "pdt": -7, "et": -5, "pt": -8, "bst": 1, "cet": 1, "cest": 2,
    "jst": 9, "aest": 10, "aedt": 11,
}  # fmt: skip
# What is told after it is a later moment than what is told before.
_UPDATED = re.compile(
    r"\b(?:updated|modified|revised|aktualisiert|geändert|mise? à jour|modifié"
    r"|actualizad[oa]|aggiornat[oa]|atualizad[oa]|bijgewerkt|uppdaterad|oppdatert"
    r"|opdateret|aktualizac|güncelle|обновлен|оновлен)|更新",
    re.IGNORECASE,
)
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
        moment = datetime.fromisoformat(_as_iso(value).upper())
    if moment is None:
        with suppress(ValueError, TypeError, OverflowError, IndexError):
            moment = parsedate_to_datetime(value)
    if moment is None and _EPOCH.fullmatch(value):
        seconds = int(value[:10]) if len(value) > 10 else int(value)
        moment = datetime.fromtimestamp(seconds, UTC)
    return _sane(moment)


def find_moment(text: str, *, is_day_first: bool | None = None) -> datetime | None:
    """Read the moment in a short line such as `Updated Dec. 16, 2016 4:21 pm EST`.

    Only spellings that have one meaning; 3/4/2024 has one if *is_day_first* is known.
    None if there is none, or more than one day.

    >>> [find_moment("3/4/2024", is_day_first=known) for known in (None, True)]
    [None, datetime.datetime(2024, 4, 3, 0, 0, tzinfo=datetime.timezone.utc)]
    """
    text = " ".join(text[: 2 * MAX_MOMENT].split())
    if not text.isascii():
        text = "".join(str(unicodedata.digit(c, c)) for c in text)
    updated = _UPDATED.search(text)
    first = _moment_in(text[: updated.start()], is_day_first) if updated else None
    return first or _moment_in(text, is_day_first)


def _moment_in(text: str, is_day_first: bool | None) -> datetime | None:  # noqa: FBT001 - private
    days: dict[tuple[int, int, int], re.Match[str]] = {}
    for pattern in _DATES:
        for found in pattern.finditer(text):
            day = _day(found)
            if day:
                days.setdefault(day, found)
    for found in _SLASHED.finditer(text):
        numbers = int(found["first"]), int(found["second"])
        is_first = numbers[0] > MONTHS if max(numbers) > MONTHS else is_day_first
        if is_first is not None:
            of_month, month = numbers if is_first else numbers[::-1]
            days.setdefault((int(found["year"]), month, of_month), found)
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
    day = _day(found) if found else None
    with suppress(ValueError):
        return datetime(*day, tzinfo=UTC) if day else None
    return None


def _day(found: re.Match[str]) -> tuple[int, int, int] | None:
    month = _month(found["month"])
    return (int(found["year"]), month, int(found["day"])) if month else None


def _month(name: str) -> int | None:
    """Return the number of a month, in digits or by its name.

    >>> [_month(name) for name in ("3", "Mar", "März", "марта", "marraskuuta", "noon")]
    [3, 3, 3, 3, 11, None]
    """
    if name.isdigit():
        return int(name)
    name = name.casefold().removeprefix("ב")  # "in" of Hebrew
    beginnings = (name[:length] for length in range(_LONGEST_BEGINNING, 1, -1))
    return next(filter(None, map(_MONTH_BEGINNINGS.get, beginnings)), None)


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
