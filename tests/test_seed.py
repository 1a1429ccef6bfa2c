"""The document that this project was created from loads whole."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tasks.settings import Settings, SourceSettings

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))

pytestmark = pytest.mark.skipif(
    not (SHARED / "seed").is_dir(), reason="needs the seed, see SHARED_SETS"
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The published file of the seed alone."""
    data = tmp_path_factory.mktemp("seed")
    place = SourceSettings(location=str(SHARED / "seed"), name="seed")
    settings = Settings(sources=(place,), data=data)
    job = Job(settings, with_pages=False, with_images=False, say=lambda _: None)
    summary = run_direct(refresh, job)
    assert (summary["files"], summary["loaded"]) == (1, 1)
    return duckdb.connect(str(data / "news.duckdb"), read_only=True)


def _one(tables: duckdb.DuckDBPyConnection, statement: str) -> dict[str, Any]:
    result = tables.execute(statement)
    (row,) = result.fetchall()
    return dict(zip([column[0] for column in result.description], row, strict=True))


def _fields(tables: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    import json

    (text,) = _one(tables, "select front_matter from documents").values()
    return dict(json.loads(text))


def test_its_own_fields_are_columns(tables: duckdb.DuckDBPyConnection) -> None:
    article = _one(tables, "from articles where not is_stub")

    written = _fields(tables)
    for column, name in {
        "title": "title",
        "excerpt": "excerpt",
        "category": "category",
        "url": "webUrl",
        "type": "type",
        "quality": "quality",
        "heat": "heat",
        "is_published": "published",
    }.items():
        assert article[column] == written[name], name
    assert article["published_at"] == datetime(2020, 6, 11, 23, 41, tzinfo=UTC)
    assert article["extra"] == "{}"


def test_secured_is_kept_byte_for_byte(tables: duckdb.DuckDBPyConnection) -> None:
    article = _one(tables, "from articles where not is_stub")
    parts = [article["secured_ciphertext"], article["secured_iv"]]

    written = ";".join(base64.b64encode(part).decode() for part in parts)

    assert written == _fields(tables)["secured"]


def test_its_relations_are_rows(tables: duckdb.DuckDBPyConnection) -> None:
    written = _fields(tables)
    topics = tables.execute(
        """
        select name from article_topics join topics using (topic_id) order by position
        """
    ).fetchall()
    image = _one(
        tables,
        """
        select images.* from images
        join article_images using (image_id)
        join articles using (article_id)
        where not is_stub
        """,
    )
    provider = _one(
        tables,
        """
        select name, domain from providers
        join articles using (provider_id)
        where not is_stub
        """,
    )

    assert [row[0] for row in topics] == written["topics"]
    assert provider == written["provider"]
    declared = written["images"][0]
    assert image["url"] == declared["url"]
    assert image["declared_width"] == declared["width"]
    assert image["declared_height"] == declared["height"]
    assert image["declared_is_cached"] == declared["isCached"]
    assert image["title"] == declared["title"]


def test_its_related_articles_are_stubs_with_every_field(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    for position, entry in enumerate(_fields(tables)["related"]):
        stub = _one(
            tables,
            f"""
            select articles.*, providers.name as provider_name, providers.domain,
                images.url as image_url, images.declared_width,
                images.declared_height, images.declared_is_cached
            from related_edges
            join articles on article_id = target_article_id
            join providers using (provider_id)
            join article_images using (article_id)
            join images using (image_id)
            where related_edges.position = {position}
            """,  # noqa: S608 - a number
        )
        assert stub["is_stub"]
        assert stub["title"] == entry["title"]
        assert stub["url"] == entry["webUrl"]
        assert stub["amp_url"] == entry.get("ampWebUrl")
        assert stub["cdn_amp_url"] == entry.get("cdnAmpWebUrl")
        assert stub["quality"] == entry["quality"]
        assert stub["published_at"].isoformat() == entry["publishedDateTime"]
        assert {"name": stub["provider_name"], "domain": stub["domain"]} == entry[
            "provider"
        ]
        image = entry["images"][0]
        assert stub["image_url"] == image["url"]
        assert stub["declared_width"] == image["width"]
        assert stub["declared_height"] == image["height"]
        assert stub["declared_is_cached"] == image["isCached"]


def test_its_broken_excerpt_is_mended_and_the_change_is_on_record(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    repair = _one(tables, "from repairs")
    stub = _one(tables, "select excerpt from articles where excerpt like '%tracking%'")

    assert "government\u2019s" in stub["excerpt"]
    assert (repair["column_name"], repair["rule"]) == ("excerpt", "mojibake")
    assert "government\u00e2\u20ac\u2122s" in repair["before"]
