"""How near an extraction comes to its gold: the metrics of the sets, in our words."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SHINGLE = 4  # tokens; article-extraction-benchmark (Scrapinghub, 2020) compares these
# Pages name a local day, golds a moment in UTC: they may be a zone's width apart.
WIDEST_ZONE = timedelta(hours=14)
_TOKEN = re.compile(r"\w+")
_BETWEEN_NAMES = re.compile(
    r"\s*(?:[,;|&、，／]|\band\b|\bund\b|\bet\b)\s*", re.IGNORECASE  # noqa: RUF001
)  # fmt: skip
_BEFORE_NAMES = re.compile(r"^(?:by|von|par|por)\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Precision, recall and F1, each between 0 and 1."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def text_overlap(pairs: Iterable[tuple[str, str]]) -> Overlap:
    """Compare (gold, found) texts by shingles; precision and recall are means of pages.

    So a long page counts as much as a short one, and F1 is that of the means.
    """
    overlaps = [_overlap(_shingles(gold), _shingles(found)) for gold, found in pairs]
    return Overlap(
        statistics.mean(overlap.precision for overlap in overlaps),
        statistics.mean(overlap.recall for overlap in overlaps),
    )


def same_title(gold: str, found: str | None) -> bool:
    """Tell whether both are the same but for blanks."""
    return gold.split() == (found or "").split()


def same_authors(gold: str, found: Sequence[str]) -> bool:
    """Tell whether both name the same people, in any order and case."""
    return _names([gold]) == _names(found)


def same_day(gold: str, found: str | None) -> bool:
    """Tell whether both can be one day, the page's zone being unknown."""
    if not found:
        return False
    one, other = _moment(gold), _moment(found)
    return one.date() == other.date() or abs(one - other) <= WIDEST_ZONE


def same_image(gold: str, found: str | None) -> bool:
    """Tell whether both are one address, http or https."""
    return gold.partition("://")[2] == (found or "").partition("://")[2]


def _shingles(text: str) -> Counter[tuple[str, ...]]:
    tokens = _TOKEN.findall(text)
    starts = range(max(1, len(tokens) - SHINGLE + 1))
    return Counter(tuple(tokens[start : start + SHINGLE]) for start in starts)


def _overlap(
    gold: Counter[tuple[str, ...]], found: Counter[tuple[str, ...]]
) -> Overlap:
    shared = (gold & found).total()
    return Overlap(shared / found.total(), shared / gold.total())


def _names(values: Iterable[str]) -> set[str]:
    names = (
        _BEFORE_NAMES.sub("", " ".join(part.split())).casefold()
        for value in values
        for part in _BETWEEN_NAMES.split(value)
    )
    return {name for name in names if name}


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return (
        moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    )
