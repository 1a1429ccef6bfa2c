"""Loading: whose word counts, what changes, and that the order never matters."""

from __future__ import annotations

import random
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest

from tasks.models import Changes, FoundFile, Source
from tasks.stages.sources import BATCH_BYTES, BATCH_FILES, file_batches
from tasks.warehouse import engine, working
from tests.hub import Hub, related
from tests.tables import dump

SAMPLE = Path(__file__).parents[1] / "data" / "sample"

ARTICLE = "select title, is_stub from articles where url_key like '%/{}'"
EDGES = """
select source.title, target.title, related_edges.position,
    related_edges.removed_at is null
from related_edges
join articles as source on source.article_id = source_article_id
join articles as target on target.article_id = target_article_id
order by all
"""


@pytest.mark.parametrize(
    ("sizes", "batches"),
    [
        ([], []),
        ([0], [1]),
        ([BATCH_BYTES * 400, 1], [1, 1]),
        ([1] * (BATCH_FILES * 2 + 1), [BATCH_FILES, BATCH_FILES, 1]),
        ([BATCH_BYTES // 2] * 5, [2, 2, 1]),
        ([BATCH_BYTES, 1, BATCH_BYTES - 1, 0, 1], [1, 3, 1]),
    ],
)
def test_a_batch_holds_so_many_files_and_bytes(
    sizes: list[int], batches: list[int]
) -> None:
    files = tuple(
        FoundFile(f"{number:05}.md", "", "article", size, None)
        for number, size in enumerate(sizes)
    )
    source = Source(UUID(int=1), "folder", "hub", "/")

    cut = file_batches(Changes(source, files, (), len(files), 0, 0))

    assert [len(batch) for batch in cut] == batches
    assert [file for batch in cut for file in batch] == list(files)


def test_loading_twice_changes_nothing(hub: Hub) -> None:
    hub.write("a.md", topics=["Sea"], related=related("b", "c"))
    hub.write("b.md", images=[{"url": "https://images.example/1.png"}])

    first = hub.run()
    before = dump(hub.data / "news.duckdb")
    second = hub.run()

    assert (first["loaded"], first["unchanged"]) == (2, 0)
    assert (second["loaded"], second["unchanged"]) == (0, 2)
    assert dump(hub.data / "news.duckdb") == before


def test_reading_everything_again_changes_nothing(hub: Hub) -> None:
    hub.write("a.md", topics=["Sea"], related=related("b", "c"))
    hub.run()
    before = dump(hub.data / "news.duckdb")

    again = hub.run(full=True)

    assert again["loaded"] == 1
    assert dump(hub.data / "news.duckdb") == before


def test_own_file_beats_a_newer_mention(hub: Hub) -> None:
    hub.write("a.md", title="own", publishedDateTime="2020-01-01")
    mention = related("a", publishedDateTime="2024-01-01", excerpt="mentioned")
    hub.write("b.md", related=mention)

    hub.run()

    assert hub.ask(ARTICLE.format("a")) == [("own", False)]


def test_stub_grows_into_an_article_and_keeps_its_id_and_edges(hub: Hub) -> None:
    hub.write("a.md", related=related("b"))
    hub.run()
    (stub,) = hub.ask("select article_id from articles where is_stub")

    hub.write("b.md", title="grown")
    hub.run()

    (grown,) = hub.ask("select article_id from articles where title = 'grown'")
    assert grown == stub
    assert hub.ask(ARTICLE.format("b")) == [("grown", False)]
    assert hub.ask(EDGES) == [("a", "grown", 0, True)]


@pytest.mark.parametrize(
    ("first", "second", "winner"),
    [
        ({"publishedDateTime": "2021-01-01"}, {}, "first"),
        ({}, {"publishedDateTime": "2021-01-01"}, "second"),
        (
            {"publishedDateTime": "2022-01-01"},
            {"publishedDateTime": "2021-01-01"},
            "first",
        ),
        ({}, {}, "second"),
    ],
    ids=["only first dated", "only second dated", "newer wins", "later path wins"],
)
def test_among_files_of_one_article_the_newest_counts(
    hub: Hub, first: dict[str, Any], second: dict[str, Any], winner: str
) -> None:
    url = "https://news.example/same"
    hub.write("1.md", title="first", webUrl=url, topics=["One"], **first)
    hub.write("2.md", title="second", webUrl=url + "#top", topics=["Two"], **second)

    summary = hub.run()

    assert summary["loaded"] == 2
    assert hub.ask(ARTICLE.format("same")) == [(winner, False)]
    topics = hub.ask("select name from topics join article_topics using (topic_id)")
    assert topics == [("One" if winner == "first" else "Two",)]


def test_when_the_file_that_counted_goes_the_other_speaks(hub: Hub) -> None:
    url = "https://news.example/same"
    hub.write("1.md", title="older", webUrl=url, related=related("x"))
    hub.write("2.md", title="newer", webUrl=url, related=related("y"))
    hub.run()

    hub.remove("2.md")
    summary = hub.run()

    assert summary["removed"] == 1
    assert hub.ask(ARTICLE.format("same")) == [("older", False)]
    assert hub.ask(EDGES) == [("older", "x", 0, True), ("older", "y", 0, False)]


def test_when_the_mention_that_counted_goes_another_speaks(hub: Hub) -> None:
    hub.write("1.md", related=related("x", excerpt="first"))
    hub.write("2.md", related=related("x", excerpt="second"))
    hub.run()

    hub.write("2.md", related=[])
    hub.run()

    assert hub.ask("select excerpt from articles where title = 'x'") == [("first",)]


def test_removed_file_is_marked_and_its_edges_end(hub: Hub) -> None:
    hub.write("a.md", related=related("b"))
    hub.run()

    hub.remove("a.md")
    hub.run()

    assert hub.ask("select path from documents where removed_at is not null") == [
        ("_news/a.md",)
    ]
    assert hub.ask(ARTICLE.format("a")) == [("a", False)]
    assert hub.ask(EDGES) == [("a", "b", 0, False)]


def test_what_could_not_be_looked_at_is_not_gone(hub: Hub) -> None:
    folder = hub.write_text("_news/deep/a.md", "---\nwebUrl: https://x.example/\n---\n")
    hub.run()

    folder.parent.rename(hub.folder / "elsewhere")
    (hub.folder / "_news" / "deep").symlink_to(hub.folder / "elsewhere")
    summary = hub.run()

    assert (summary["removed"], summary["rejected"]) == (0, 1)
    assert hub.ask("select count(*) from documents where removed_at is null") == [(1,)]


def test_file_that_comes_back_is_read_again_and_its_edges_stand_again(hub: Hub) -> None:
    hub.write("a.md", related=related("b"))
    hub.run()
    hub.remove("a.md")
    hub.run()

    hub.write("a.md", related=related("b"))
    summary = hub.run()

    assert summary["loaded"] == 1
    assert hub.ask("select count(*) from documents where removed_at is null") == [(1,)]
    assert hub.ask(EDGES) == [("a", "b", 0, True)]


def test_renamed_file_keeps_the_article(hub: Hub) -> None:
    file = hub.write("a.md", title="kept")
    hub.run()
    (before,) = hub.ask("select article_id from articles")

    file.rename(file.with_name("z.md"))
    hub.run()

    assert hub.ask("select article_id from articles") == [before]
    paths = hub.ask("select path, removed_at is null from documents order by path")
    assert paths == [("_news/a.md", False), ("_news/z.md", True)]


def test_file_that_now_describes_another_article_relates_nothing_as_the_old_one(
    hub: Hub,
) -> None:
    hub.write("a.md", related=related("b"))
    hub.run()

    hub.write(
        "a.md", title="moved", webUrl="https://news.example/m", related=related("c")
    )
    hub.run()

    assert hub.ask(EDGES) == [("a", "b", 0, False), ("moved", "c", 0, True)]


def test_edge_listed_twice_is_one_at_its_first_place(hub: Hub) -> None:
    hub.write("a.md", related=related("b", "c", "b"))

    summary = hub.run()

    assert summary["related_entries"] == 3
    assert hub.ask(EDGES) == [("a", "b", 0, True), ("a", "c", 1, True)]


def test_taxonomy_names_topics_and_their_parents(hub: Hub) -> None:
    hub.write("a.md", topics=["ai", "Sea"])
    hub.write_text(
        "_data/topics/ai.yaml", "name: AI\nparent: Tech\nkeywords: [robots]\n"
    )
    hub.write_text("_data/topics/tech.yaml", "name: Tech\n")
    hub.write_text("_data/topics/bad.yaml", "name: [\n")

    summary = hub.run()

    topics = "select name, keywords, parent_topic_id is null from topics order by name"
    assert hub.ask(topics) == [
        ("AI", ["robots"], False),
        ("Sea", None, True),
        ("Tech", [], True),
    ]
    assert summary["rejected"] == 0
    assert hub.ask("select stage, subject from rejections") == [
        ("taxonomy", "_data/topics/bad.yaml")
    ]


def test_rejected_file_is_one_row_until_it_is_mended(hub: Hub) -> None:
    hub.write_text("_news/bad.md", "---\ntitle: no address\n---\n")
    first = hub.run()
    second = hub.run()
    standing = "select count(*) from rejections where resolved_at is null"
    assert (first["rejected"], second["rejected"]) == (1, 1)
    assert hub.ask(standing) == [(1,)]

    hub.write("bad.md")
    third = hub.run()

    assert (third["loaded"], third["rejected"]) == (1, 0)
    assert hub.ask(standing) == [(0,)]
    assert hub.ask("select count(*) from rejections") == [(1,)]


def test_parquet_says_what_the_published_file_says(hub: Hub) -> None:
    """Also after a run that loaded nothing but met a new rejection and a new topic."""
    hub.write("a.md", topics=["ai"])
    hub.run()

    hub.write_text("_news/bad.md", "no front matter")
    hub.write_text("_data/topics/ai.yaml", "name: AI\n")
    hub.run()

    for name in ("rejections", "topics", "articles", "runs"):
        rows = pq.read_table(hub.data / "parquet" / name).num_rows
        assert hub.ask(f"select count(*) from {name}") == [(rows,)]  # noqa: S608
    topics = pq.read_table(hub.data / "parquet" / "topics").column("name")
    assert topics.to_pylist() == ["AI"]


def test_parquet_is_written_only_where_rows_changed(hub: Hub) -> None:
    hub.write("a.md", topics=["ai"])
    hub.run()
    folder = hub.data / "parquet"
    before = {f.parent.name: f.stat().st_mtime_ns for f in folder.glob("*/*.parquet")}

    hub.write("a.md", topics=["ai"], heat=1)
    hub.run(moment=_later(1))

    after = {f.parent.name: f.stat().st_mtime_ns for f in folder.glob("*/*.parquet")}
    written = {name for name, moment in after.items() if moment != before[name]}
    assert {"documents", "articles", "observations", "runs"} <= written
    assert not {"topics", "article_topics", "images", "captures"} & written


@pytest.fixture
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of more than two rows are several files as Parquet."""
    monkeypatch.setattr("tasks.warehouse.ranges.RANGE_ROWS", 2)
    monkeypatch.setattr("tasks.warehouse.ranges.LARGE_ROWS", 2)


@pytest.mark.usefixtures("small_ranges")
def test_of_a_large_table_only_the_rows_that_changed_are_written_as_parquet(
    hub: Hub,
) -> None:
    names = ["a.md", "b.md", "c.md", "d.md", "e.md"]
    for name in names:
        hub.write(name)
    hub.run()
    folder = hub.data / "parquet" / "documents"
    before = {file.name: file.stat().st_ino for file in folder.glob("*.parquet")}

    hub.write("c.md", title="new")
    hub.run(moment=_later(1))

    after = {file.name: file.stat().st_ino for file in folder.glob("*.parquet")}
    assert (len(before), len(after)) == (3, 3)
    assert len(before.items() & after.items()) == 2
    # A reader between two of the files meets no mixture: names tell of their contents.
    assert len(before.keys() & after.keys()) == 2


@pytest.mark.usefixtures("small_ranges")
def test_parquet_in_ranges_says_what_the_published_file_says(hub: Hub) -> None:
    """Whatever a run did: added, changed, removed; ended well, or not known how."""
    draw = random.Random(0)  # noqa: S311 - the same changes each time
    for day in range(6):
        for name in ["a", *draw.sample("bcdefgh", 3)]:
            hub.write(f"{name}.md", title=f"{day}", topics=draw.sample("uvwxyz", 2))
        if day == 3:
            (hub.data / "warehouse" / "checked.json").unlink()
        if day == 4:
            hub.remove("a.md")
        hub.run(moment=_later(day))

        for name in ("documents", "articles", "article_topics", "files", "topics"):
            rows = pq.read_table(hub.data / "parquet" / name).to_pylist()
            assert hub.ask(f"select count(*) from {name}") == [(len(rows),)]  # noqa: S608
        for name, column in (("articles", "title"), ("article_topics", "topic_id")):
            rows = pq.read_table(hub.data / "parquet" / name).column(column).to_pylist()
            told = hub.ask(f"select {column} from {name}")  # noqa: S608
            assert sorted(map(str, rows)) == sorted(str(value) for (value,) in told)


def test_parquet_that_a_killed_run_left_behind_is_written_anew(hub: Hub) -> None:
    """Killed between the published file and this table: the next run loads nothing."""
    hub.write("a.md", title="old")
    hub.run()
    behind = hub.data / "behind"
    shutil.copytree(hub.data / "parquet" / "articles", behind)
    hub.write("a.md", title="new")
    hub.run()
    shutil.rmtree(hub.data / "parquet" / "articles")
    behind.rename(hub.data / "parquet" / "articles")

    hub.run()

    titles = pq.read_table(hub.data / "parquet" / "articles").column("title")
    assert titles.to_pylist() == ["new"]


def test_parquet_shows_what_a_run_loaded_that_never_published(hub: Hub) -> None:
    """The next one writes nothing to these tables, and must find out all the same."""

    def stop_once_all_is_read(line: str) -> None:
        if line.endswith("files read"):
            raise KeyboardInterrupt

    hub.write("a.md", title="old")
    hub.run()
    hub.write("a.md", title="new")
    with pytest.raises(KeyboardInterrupt):
        hub.run(say=stop_once_all_is_read)

    hub.run()

    titles = pq.read_table(hub.data / "parquet" / "articles").column("title")
    assert titles.to_pylist() == ["new"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"run": null}', "\0\0"])
def test_damaged_note_on_what_is_in_order_is_made_anew(hub: Hub, content: str) -> None:
    hub.write("a.md")
    hub.run()
    note = hub.data / "warehouse" / "checked.json"
    note.write_text(content)

    hub.run()

    (run_id,) = hub.ask("select run_id from runs order by run_number desc limit 1")[0]
    assert str(run_id) in note.read_text()


def test_a_load_that_gives_back_all_memory_it_can_loads_the_same(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "FORGET_BYTES", 0)
    monkeypatch.setattr(engine, "KEPT", "1KB")  # less than it can ever do
    for name in "ab":
        hub.write(f"{name}.md", related=related("c"))
        hub.run()

    assert hub.ask("select count(*) from articles") == [(3,)]
    assert hub.ask("select count(*) from related_edges") == [(2,)]


def test_a_batch_in_many_pieces_is_loaded_as_one_in_one(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(SAMPLE, hub.folder, dirs_exist_ok=True)
    one, many = tmp_path / "one", tmp_path / "many"
    hub.run(data=one)

    monkeypatch.setattr("tasks.stages.articles.PIECE_BYTES", 1)
    hub.run(data=many)

    assert dump(many / "news.duckdb") == dump(one / "news.duckdb")


def test_what_memory_does_not_hold_is_laid_beside_the_file(tmp_path: Path) -> None:
    path = tmp_path / "working.duckdb"
    with working.open_warehouse(path, datetime.now(UTC)) as warehouse:
        setting = "select current_setting('temp_directory')"
        ((folder,),) = warehouse._connection.execute(setting).fetchall()

    assert Path(folder).parent == tmp_path


def test_every_statement_that_writes_tells_to_which_table() -> None:
    folder = Path(engine.__file__).parents[1] / "sql"
    verbs = r"\b(?:insert|merge|update|delete|truncate|drop|alter)\b(?! when| set)"
    for file in folder.glob("*.sql"):
        text = re.sub("--.*", "", file.read_text(encoding="utf-8"))
        text = re.sub("when (?:not )?matched.*", "", text, flags=re.DOTALL)
        text = re.sub("on conflict.*", "", text, flags=re.DOTALL)
        found = engine.tables_written(file.stem)
        assert len(found) == len(re.findall(verbs, text)), file.name


def test_file_that_breaks_keeps_its_last_good_state(hub: Hub) -> None:
    hub.write("a.md", title="good")
    hub.run()

    hub.write_text("_news/a.md", "---\ntitle: [\n---\n")
    summary = hub.run()

    assert (summary["loaded"], summary["rejected"]) == (0, 1)
    assert hub.ask(ARTICLE.format("a")) == [("good", False)]


def test_observation_is_made_only_of_what_a_reader_sees(hub: Hub) -> None:
    hub.write("a.md", heat=1, excerpt="one")
    hub.run()
    hub.write("a.md", heat=1, excerpt="two")
    hub.run(moment=_later(1))
    hub.write("a.md", heat=2, excerpt="two")
    hub.run(moment=_later(2))

    heats = hub.ask("select heat from observations order by observed_at")

    assert heats == [(1,), (2,)]


def test_counts_reconcile(hub: Hub) -> None:
    hub.write("a.md")
    hub.write_text("_news/bad.md", "no front matter")
    (hub.folder / "_news" / "link.md").symlink_to("/etc/passwd")
    for _ in range(2):
        summary = hub.run()

        fates = summary["loaded"] + summary["unchanged"] + summary["rejected"]
        assert summary["files"] == fates == 3


@pytest.mark.parametrize("seed", range(3))
def test_many_small_changes_end_where_one_full_load_does(
    hub: Hub, tmp_path: Path, seed: int
) -> None:
    """What is current is a function of the files alone, however they came to be."""
    draw = random.Random(seed)  # noqa: S311 - a test's choices are no secret
    for _ in range(6):
        for _ in range(4):
            _change_something(hub, draw)
        hub.run()

    hub.run(tmp_path / "fresh")

    changed, fresh = (dump(d / "news.duckdb") for d in (hub.data, tmp_path / "fresh"))
    assert _standing(changed, "documents") == fresh["documents"]
    gone = {_id(row) for row in changed["documents"]} - {
        _id(row) for row in fresh["documents"]
    }
    by_id = {_id(row): row for row in changed["articles"]}
    for row in fresh["articles"]:
        # An article keeps the word of its own file, even of one that is gone.
        if _id(by_id[_id(row)], "document_id") not in gone:
            assert by_id[_id(row)] == row
    assert _standing(changed, "related_edges") == fresh["related_edges"]


def _change_something(hub: Hub, draw: random.Random) -> None:
    name = f"{draw.randrange(6)}.md"
    if draw.random() < 0.2 and (hub.folder / "_news" / name).exists():
        hub.remove(name)
        return
    hub.write(
        name,
        webUrl=f"https://news.example/{draw.randrange(4)}",
        title=f"title {draw.randrange(100)}",
        publishedDateTime=f"202{draw.randrange(3)}-01-01",
        topics=[f"t{draw.randrange(3)}"],
        related=[
            {
                "webUrl": f"https://news.example/{draw.randrange(8)}",
                "title": f"mention {draw.randrange(5)}",
                "publishedDateTime": f"202{draw.randrange(3)}-01-01",
            }
            for _ in range(draw.randrange(4))
        ],
    )


def _standing(tables: dict[str, list[str]], name: str) -> list[str]:
    return [row for row in tables[name] if "removed_at=set" not in row]


def _id(row: str, column: str = "") -> str:
    start = row.index(f"{column}=") if column else row.index("=") - len(column)
    return row[start:].partition("=")[2].partition(" ")[0]


def _later(hours: int) -> Any:
    from datetime import timedelta

    from tests.hub import MOMENT

    return MOMENT + timedelta(hours=hours)
