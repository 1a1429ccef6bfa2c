"""What is measured, as rows of a table: a cost against the naive way, or a figure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.measure import Cost, median


@dataclass(frozen=True, slots=True)
class Row:
    """One work, the rounds of its cost, and how often less than naive is the goal.

    *naive* are the rounds to compare with; none for a work that naive does not do.
    """

    work: str
    ours: Sequence[Cost]
    naive: Sequence[Cost] = ()
    goal: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times less CPU ours takes than naive."""
        if not self.naive:
            return None
        return median(self.naive).cpu_seconds / median(self.ours).cpu_seconds

    @property
    def is_met(self) -> bool | None:
        """Tell whether the goal is met; None if there is none."""
        if self.goal is None or self.ratio is None:
            return None
        return self.ratio >= self.goal


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its unit, and what it should not exceed, or not fall below."""

    what: str
    value: float
    unit: str
    at_most: float | None = None
    at_least: float | None = None

    @property
    def is_met(self) -> bool | None:
        """Tell whether the goal is met; None if there is none."""
        if self.at_most is not None:
            return self.value <= self.at_most
        if self.at_least is not None:
            return self.value >= self.at_least
        return None


@dataclass(frozen=True, slots=True)
class Results:
    """All rows and figures of a benchmark."""

    rows: Sequence[Row] = ()
    figures: Sequence[Figure] = ()

    def __add__(self, other: Results) -> Results:
        """Return both one after the other."""
        return Results((*self.rows, *other.rows), (*self.figures, *other.figures))


def beyond(costs: Sequence[Cost], start: Sequence[Cost]) -> float:
    """Return the wall seconds that *costs* took longer than *start*."""
    return median(costs).wall_seconds - median(start).wall_seconds
