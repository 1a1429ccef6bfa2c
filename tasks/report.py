"""The report: one HTML page of the published state, for people who ask no SQL."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

import jinja2

from tasks.values import dataclass
from tasks.warehouse.engine import statements_digest, words_asked
from tasks.warehouse.published import Published

if TYPE_CHECKING:
    from jinja2.bccache import Bucket

_TEMPLATES = Path(__file__).parent / "templates"
# What the page shows, by the name that the template uses.
_PARTS = (
    "published",
    "overview",
    "months",
    "providers",
    "topics",
    "rot_total",
    "rot",
    "rot_by_year",
    "failures",
    "runs",
)
# Those that read large tables whole, each with the statements it is made by. They are
# kept from run to run while nothing that these ask for changes; none asks for now().
_KEPT = {
    "overview": ("overview",),
    "providers": ("providers",),
    "topics": ("topics",),
    "rot_total": ("gather_rot", "rot_total"),
    "rot": ("gather_rot", "rot"),
    "rot_by_year": ("gather_rot", "rot_by_year"),
    "failures": ("failures",),
}
# The routes to a page and its loss, in the order in which bars stack them.
FATES = {
    "at_origin": "At its own address",
    "saved_by_amp": "Saved by AMP",
    "saved_by_archive": "Saved by an archive",
    "lost": "Lost",
}
# More bars than that are too thin to tell apart on a telephone: months become years.
_MOST_BARS = 120
# Up to so many months have room for their names.
_MOST_NAMED_MONTHS = 14
_MISSING = "\N{EN DASH}"
_MONTHS = """
January February March April May June July August September October November December
""".split()

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A piece of a chart; places and lengths are percentages of the chart's sides."""

    label: str
    count: int
    left: float
    width: float
    height: float = 100.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A label of an axis, at a percentage of its length; *under* is its second line."""

    place: float
    text: str
    under: str = ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars of a period each, *heights* and *periods* to read them by."""

    unit: str
    bars: tuple[Bar, ...]
    heights: tuple[Mark, ...]
    periods: tuple[Mark, ...]

    @property
    def peak(self) -> Bar:
        """The first of the highest bars."""
        return max(self.bars, key=lambda bar: bar.count)

    @property
    def shown(self) -> int:
        """How many articles the bars count together."""
        return sum(bar.count for bar in self.bars)


@dataclass(frozen=True, slots=True)
class Kept:
    """What the next report need not ask again, as JSON takes it."""

    statements: str = ""  # digest of those that it was made by
    articles: str = ""  # digest of what these ask of articles
    parts: Mapping[str, Rows] = field(default_factory=dict)


def write_report(
    warehouse: Published,
    target: Path,
    kept: Kept | None = None,
    changed: Collection[str] = (),
) -> Kept:
    """Write the report of the published file to *target*, in one piece.

    *kept* is what the last one returned, and *changed* are the tables that were changed
    since. Raises `OSError`; the report that was there stays then.
    """
    parts, keep = _gather(warehouse, kept or Kept(), set(changed))
    # `wirehouse report` may run beside a refresh: each writes a file of its own.
    fresh = target.with_name(f".{target.name}.{os.getpid()}.new")
    try:
        fresh.write_text(render_report(parts), encoding="utf-8")
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)
    return keep


def _gather(
    warehouse: Published, kept: Kept, changed: set[str]
) -> tuple[dict[str, Rows], Kept]:
    """Return the rows of each part, and what to keep of them."""
    statements = statements_digest("report", "views")
    is_known = kept.statements == statements
    articles = kept.articles
    if not is_known or "articles" in changed:
        articles = warehouse.rows("report/asked_of_articles")[0]["digest"]
    if articles == kept.articles:  # most runs change nothing else than heat
        changed.discard("articles")
    parts = {
        name: [_revived(row) for row in kept.parts[name]]
        for name, made_by in _KEPT.items()
        if is_known and not any(_asked(s) & changed for s in made_by)
    }
    asked = [name for name in _PARTS if name not in parts]
    if any("gather_rot" in _KEPT.get(name, ()) for name in asked):
        warehouse.rows("report/gather_rot")
    parts |= {name: warehouse.rows(f"report/{name}") for name in asked}
    keep = {name: [_stored(row) for row in parts[name]] for name in _KEPT}
    return parts, Kept(statements, articles, keep)


def _asked(statement: str) -> frozenset[str]:
    return words_asked(f"report/{statement}")


def _stored(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row.items()
    }


def _revived(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if value and name.endswith("_at") else value
        for name, value in row.items()
    }


def render_report(parts: Mapping[str, Rows]) -> str:
    """Return the page for the rows of each part."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        bytecode_cache=_Compiled(str(_TEMPLATES / "__pycache__")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(number=number, moment=moment, day=day)
    environment.globals.update(FATES=FATES, percent=percent, stack=stack)
    template = environment.get_template("report.html")
    return template.render(parts, timeline=timeline(parts["months"]))


class _Compiled(jinja2.FileSystemBytecodeCache):
    """The template's bytecode, kept where Python keeps its own, if that can be.

    To compile it took a tenth of the CPU of a run that finds nothing new.
    """

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what is kept for the template as it is, if it is whole."""
        with suppress(OSError, EOFError, UnpicklingError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for later runs, unless the program lies where nobody may write."""
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)


def timeline(months: Iterable[Mapping[str, Any]]) -> Timeline | None:
    """Return the bars of *months*, or of their years where the months are too many.

    Periods without articles have a bar of no height. What lies further back than the
    chart is wide has no bar.
    """
    counts = Counter(
        {row["year"] * 12 + row["month"] - 1: row["articles"] for row in months}
    )
    if not counts:
        return None
    in_years = max(counts) - min(counts) >= _MOST_BARS
    if in_years:
        years: Counter[int] = Counter()
        for month, count in counts.items():
            years[month // 12] += count
        counts = years
    last = max(counts)
    periods = range(max(min(counts), last - _MOST_BARS + 1), last + 1)
    top = max(counts[period] for period in periods)
    slot = 100 / len(periods)
    bars = (
        Bar(
            str(period) if in_years else _month(period),
            counts[period],
            round((index + 0.1) * slot, 3),
            round(0.8 * slot, 3),
            round(100 * counts[period] / top, 3),
        )
        for index, period in enumerate(periods)
    )
    labels = _year_marks(periods) if in_years else _month_marks(periods)
    unit = "year" if in_years else "month"
    return Timeline(unit, tuple(bars), _height_marks(top), tuple(labels))


def stack(row: Mapping[str, Any]) -> list[Bar]:
    """Return the bars of a provider's pages, side by side, one a fate that occurs."""
    bars = []
    left = 0.0
    for fate in FATES:
        width = 100 * row[fate] / row["tried"]
        if width:
            bars.append(Bar(fate, row[fate], round(left, 3), round(width, 3)))
        left += width
    return bars


def number(value: str | float | None, digits: int = 0) -> str:
    """Spell a number for people; a count that was never taken is a dash."""
    return _MISSING if value is None else f"{float(value):,.{digits}f}"


def moment(value: datetime) -> str:
    """Spell a moment to the minute, in UTC."""
    return f"{day(value)} {value.astimezone(UTC):%H:%M} UTC"


def day(value: datetime | None) -> str:
    """Spell the day of a moment, in UTC."""
    # Not by strftime, whose years before 1000 have as few digits as they need.
    return _MISSING if value is None else value.astimezone(UTC).date().isoformat()


def percent(part: int, whole: int) -> str:
    """Spell a share; only all is 100% and only none is 0%."""
    share = 100 * part / whole
    if 0 < share < 1:
        return "<1%"
    if 99 < share < 100:
        return ">99%"
    return f"{share:.0f}%"


def _month(period: int) -> str:
    return f"{_MONTHS[period % 12]} {period // 12}"


def _height_marks(top: int) -> tuple[Mark, ...]:
    """Return two to four round counts up to *top*, or one if it is that small."""
    magnitude = 10 ** max(0, len(str(top)) - 2)
    step = next(s * magnitude for s in (1, 2, 5, 10, 20, 50) if s * magnitude * 5 > top)
    return tuple(
        Mark(round(100 - 100 * count / top, 3), number(count))
        for count in range(step, top + 1, step)
    )


def _month_marks(periods: range) -> Iterable[Mark]:
    slot = 100 / len(periods)
    if len(periods) > _MOST_NAMED_MONTHS:
        januaries = range(-(-periods.start // 12) * 12, periods.stop, 12)
        for month in januaries:
            yield Mark(round((month - periods.start) * slot, 3), str(month // 12))
        return
    for index, month in enumerate(periods):
        is_first = index == 0 or month % 12 == 0
        place = round((index + 0.5) * slot, 3)
        year = str(month // 12) if is_first else ""
        yield Mark(place, _MONTHS[month % 12][:3], year)


def _year_marks(years: range) -> Iterable[Mark]:
    slot = 100 / len(years)
    step = next(s for s in (1, 2, 5, 10, 20) if s * 10 >= len(years))
    for index, year in enumerate(years):
        if year % step == 0:
            yield Mark(round(index * slot, 3), str(year))
