"""The hubs of the benchmarks are what the page of results says of them."""

from __future__ import annotations

import sys
from pathlib import Path
from uuid import UUID

import pytest

from tasks.articles import parse_article
from tasks.models import Article, SourceFile
from tests.benchmarks.hubs import FILES, change_some, copy_hubs, make_hub
from tests.benchmarks.measure import measure


def read(hub: Path) -> list[Article]:
    articles = []
    for file in sorted(hub.glob("_news/*.md")):
        found = parse_article(SourceFile(UUID(int=1), file.name, "", file.read_bytes()))
        assert isinstance(found, Article), found
        articles.append(found)
    return articles


def contents(hub: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in hub.glob("_news/*.md")}


def test_a_hub_of_three_times_the_files_has_three_times_the_addresses(
    tmp_path: Path,
) -> None:
    hub = make_hub(tmp_path / "hub")
    once, thrice = read(hub), read(copy_hubs([hub], tmp_path, 3)[0])

    own, related = (
        [{a.article_id for a in articles} for articles in (once, thrice)],
        [
            {m.article_id for a in articles for m in a.related}
            for articles in (once, thrice)
        ],
    )

    assert [len(ids) for ids in own] == [FILES, 3 * FILES]
    assert len(related[1]) == 3 * len(related[0])


def test_copies_share_providers_and_images(tmp_path: Path) -> None:
    hub = make_hub(tmp_path / "hub")
    once, thrice = read(hub), read(copy_hubs([hub], tmp_path, 3)[0])

    def shared(articles: list[Article]) -> set[object]:
        mentions = [mention for article in articles for mention in article.related]
        return {m.provider for m in mentions} | {m.images for m in mentions}

    assert shared(once) == shared(thrice)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("https://n.example/a/", "https://n.example/a/-c01"),
        ("https://n.example/a?id=7#top", "https://n.example/a-c01?id=7#top"),
        ("https://n.example", "https://n.example/-c01"),
    ],
)
def test_a_copy_has_its_number_at_the_end_of_each_path(
    tmp_path: Path, before: str, after: str
) -> None:
    (tmp_path / "hub/_news").mkdir(parents=True)
    for key in ("webUrl: {}", '  - webUrl: "{}"', "    cdnAmpWebUrl: '{}'"):
        line = key.format(before)
        (tmp_path / "hub/_news/a.md").write_text(line)

        (hub,) = copy_hubs([tmp_path / "hub"], tmp_path / str(len(key)), 2)

        assert contents(hub)["a.md"].decode() == line
        assert contents(hub)["a-c01.md"].decode() == key.format(after)


def test_one_file_in_a_hundred_changes_its_heat_and_stays_an_article(
    tmp_path: Path,
) -> None:
    hub = make_hub(tmp_path / "hub")
    before = contents(hub)
    heats = {article.path: article.heat for article in read(hub)}

    count = change_some([hub], 0)

    changed = {
        name for name, content in contents(hub).items() if content != before[name]
    }
    hotter = {a.path for a in read(hub) if a.heat == (heats[a.path] or 0) + 1}
    assert count == len(changed) == FILES // 100
    assert hotter == changed


def test_a_secret_changes_where_there_is_no_heat(tmp_path: Path) -> None:
    (tmp_path / "_news").mkdir()
    file = tmp_path / "_news/a.md"
    file.write_text('secured: "xyz;w=="\n')

    change_some([tmp_path], 0)
    first = file.read_text()
    change_some([tmp_path], 1)

    assert first == 'secured: "Ayz;w=="\n'
    assert file.read_text() == 'secured: "Byz;w=="\n'


def test_what_a_process_costs_is_counted_with_its_children() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])"

    cost = measure([sys.executable, "-c", child])

    assert cost.cpu_seconds >= 0.3
    assert cost.wall_seconds >= 0.3
    assert cost.peak_mib > 1


def test_a_process_that_fails_ends_the_benchmark_with_its_words() -> None:
    with pytest.raises(RuntimeError, match="no such hub"):
        measure([sys.executable, "-c", "raise SystemExit('no such hub')"])
