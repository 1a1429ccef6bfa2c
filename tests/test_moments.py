"""The months that pages name, held against those that Unicode's CLDR knows."""

from __future__ import annotations

import pytest
from babel import Locale

from tasks.moments import find_moment

LANGUAGES = (
    "en de fr es gl it pt nl sv nb nn da is fi et lv pl cs sl hu ro tr id el ru uk bg"
    " mk sr sr_Latn he ar fa ur hi"
).split()


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_month_is_known_by_every_name_that_its_language_has_for_it(
    language: str,
) -> None:
    months = Locale.parse(language).months
    names = [
        (name.rstrip("."), number)
        for of_use in months.values()
        for width in ("wide", "abbreviated")
        for number, name in of_use[width].items()
        if not any(map(str.isdigit, name))
    ]

    found = {name: find_moment(f"4 {name} 2024") for name, _ in names}

    assert names
    assert [
        (name, number)
        for name, number in names
        if (moment := found[name]) is None or moment.month != number
    ] == []
