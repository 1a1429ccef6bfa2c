"""Pages as many systems write them, in many languages and encodings.

`samples/pages` holds our own pages in the manner of content-management systems, wire
services, ministries and local papers, and `expected.json` what each of them says.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tasks.models import Page
from tasks.pages import read_page

PAGES = Path(__file__).parent / "samples" / "pages"
EXPECTED = json.loads((PAGES / "expected.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", EXPECTED)
def test_a_page_is_read_as_it_is_meant(name: str) -> None:
    expected = EXPECTED[name]
    content = (PAGES / f"{name}.html").read_bytes()

    page = read_page(content, expected["url"], expected["content_type"])

    assert isinstance(page, Page)
    assert _facts(page, expected) == {key: expected[key] for key in _FACTS}
    assert [part for part in expected["text"] if part not in page.text] == []
    assert [part for part in expected["others"] if part in page.text] == []


def test_every_page_is_expected() -> None:
    assert {page.stem for page in PAGES.glob("*.html")} == set(EXPECTED)


_FACTS = (
    "title",
    "authors",
    "published",
    "modified",
    "image",
    "language",
    "site",
    "canonical",
    "encoding",
)


def _facts(page: Page, expected: dict[str, Any]) -> dict[str, Any]:
    """Return what was read as `expected.json` writes it; None for any authors."""
    return {
        "title": page.title,
        "authors": None if expected["authors"] is None else sorted(page.authors),
        "published": _as_said(page.published_at, expected["published"]),
        "modified": _as_said(page.modified_at, expected["modified"]),
        "image": page.lead_image_url,
        "language": page.language,
        "site": page.site_name,
        "canonical": page.canonical_url,
        "encoding": page.encoding,
    }


def _as_said(moment: datetime | None, said: str | None) -> str | None:
    """Return as much of *moment* as is expected: a day, a minute, a second."""
    return moment.isoformat()[: len(said or "") or None] if moment else None
