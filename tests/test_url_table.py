"""The WHATWG's table of addresses: every row of http(s) is spelled or refused so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tasks.urls import fetch_url, join_url, url_key

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
TABLE = SHARED / "sets/url/urltestdata.json"


def rows() -> list[dict[str, Any]]:
    """Return the rows of addresses that are http(s), or are to be none at all."""
    if not TABLE.is_file():
        pytest.skip("the WHATWG's table is not on this machine")
    table = json.loads(TABLE.read_text(encoding="utf-8"))
    return [row for row in table if isinstance(row, dict) and is_of_the_web(row)]


def is_of_the_web(row: dict[str, Any]) -> bool:
    if row.get("failure"):
        return str(row["base"] or row["input"]).strip().lower().startswith("http")
    return str(row["protocol"]) in {"http:", "https:"}


def read(row: dict[str, Any]) -> str | None:
    try:
        if row["base"]:
            return join_url(row["base"], row["input"])
        return fetch_url(row["input"])
    except ValueError:
        return None


def test_addresses_of_the_web_are_read_as_the_table_says() -> None:
    wrong = [
        (row["input"], row["base"], row.get("href"), found)
        for row in rows()
        if (found := read(row)) != (None if row.get("failure") else row["href"])
    ]

    assert wrong == []


def test_every_address_of_the_table_has_a_key_that_names_itself() -> None:
    for row in rows():
        href = row.get("href")
        if href and urlsplit(href).hostname:
            assert url_key(url_key(href)) == url_key(href)
