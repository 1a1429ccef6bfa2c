"""The fetching benchmark: every way gets every page; parts of the results stay."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.benchmarks import results
from tests.benchmarks.fetching import LATENCIES, WIDE, Bench, Work, figures, tables
from tests.benchmarks.site import PAGE_BYTES, addresses, answers, robots_addresses


def test_each_way_gets_every_page(tmp_path: Path) -> None:
    """Takes seconds: it starts some twenty processes, as the benchmark does."""
    crawls = Bench(tmp_path, None).run(["aiohttp", "httpx"], 12, 2, 1)

    ways = ("aiohttp", "httpx", "ours")
    asked = {Work(way, latency, 12) for way in ways for latency in LATENCIES}
    asked |= {Work(way, 0.0, 12, WIDE) for way in ways}
    asked |= {Work(way, 0.0, 0) for way in ways}
    assert set(crawls) == {*asked, Work("ours", 0.0, 24)}
    assert all(crawl.kept == [work.pages] for work, crawl in crawls.items())
    told = tables(list(crawls.values()), figures(crawls, 12, 2))
    assert "| ours " in told
    assert "CPU per page, by aiohttp's, 0 ms " in told
    assert "CPU per page, by aiohttp's, 0 ms, 200 at once " in told
    assert "Scrapy" not in told


def test_pages_are_as_large_as_is_said_and_compress_as_pages_do() -> None:
    bodies = [whole.partition(b"\r\n\r\n")[2] for whole in answers()]
    sizes = [len(gzip.decompress(body)) for body in bodies]

    assert len(set(bodies)) == len(bodies)
    assert all(PAGE_BYTES <= size < 1.02 * PAGE_BYTES for size in sizes)
    assert 3 < sum(sizes) / sum(map(len, bodies)) < 5


def test_hosts_take_turns_and_each_has_one_robots_txt() -> None:
    pages = addresses(500, 8080)

    robots = robots_addresses(pages)

    assert len(set(pages)) == 500
    assert pages[0] == "http://www.site000.example:8080/2024/03/00000.html"
    assert pages[0].split("/")[2] == pages[200].split("/")[2]
    assert len(set(robots)) == len(robots) == 200


def test_a_part_of_the_page_is_written_anew_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "PAGE", tmp_path / "RESULTS.md")

    results.write_part("# One\n\nFirst.\n", [("date", "today")], "\n| a |\n")
    results.write_part("# Two\n\nSecond.\n", [], "")
    results.write_part("# One\n\nThird.\n", [("date", "later")], "\n| b |\n")

    assert (tmp_path / "RESULTS.md").read_text() == (
        "# One\n\nThird.\n\n- date: later\n\n| b |\n\n# Two\n\nSecond.\n"
    )
