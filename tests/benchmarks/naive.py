"""The peer of the reading benchmarks: what one writes first.

python-frontmatter per file, rows gathered in dicts so that each key is loaded once, and
`executemany` into tables with primary keys. Run as `python -m tests.benchmarks.naive
DATABASE HUB…`; prints the number of files.
"""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from pathlib import Path
from typing import Any

import duckdb
import frontmatter

TABLES = {
    "articles": (
        "article_id uuid primary key, url varchar, title varchar, excerpt varchar,"
        " published_at timestamptz, quality integer, heat integer, provider_id uuid"
    ),
    "documents": (
        "document_id uuid primary key, path varchar, sha256 varchar, article_id uuid,"
        " front_matter json"
    ),
    "providers": "provider_id uuid primary key, name varchar, domain varchar",
    "topics": "topic_id uuid primary key, name varchar",
    "article_topics": (
        "article_id uuid, topic_id uuid, primary key (article_id, topic_id)"
    ),
    "images": "image_id uuid primary key, url varchar, width integer, height integer",
    "article_images": (
        "article_id uuid, image_id uuid, primary key (article_id, image_id)"
    ),
    "related_edges": (
        "source_article_id uuid, target_article_id uuid, position integer,"
        " primary key (source_article_id, target_article_id)"
    ),
}
Rows = dict[str, dict[Any, tuple[Any, ...]]]


def main(database: Path, hubs: list[Path]) -> int:
    """Load all articles of *hubs* and return how many files there were."""
    rows: Rows = {name: {} for name in TABLES}
    files = [file for hub in hubs for file in sorted(hub.glob("_news/**/*.md"))]
    for file in files:
        content = file.read_bytes()
        fields: dict[str, Any] = frontmatter.loads(content.decode()).metadata
        article_id = add_article(rows, fields)
        document_id = name_of(str(file))
        rows["documents"][document_id] = (
            document_id,
            str(file),
            hashlib.sha256(content).hexdigest(),
            article_id,
            json.dumps(fields, default=str),
        )
        for position, entry in enumerate(fields.get("related") or []):
            target_id = add_article(rows, entry)
            edge = (article_id, target_id)
            rows["related_edges"].setdefault(edge, (*edge, position))
    connection = duckdb.connect(str(database))
    for name, columns in TABLES.items():
        connection.execute(f"create table {name} ({columns})")
        values = list(rows[name].values())
        if values:
            marks = ", ".join("?" * len(values[0]))
            connection.executemany(f"insert into {name} values ({marks})", values)
    connection.close()
    return len(files)


def add_article(rows: Rows, fields: Any) -> uuid.UUID:
    """Add the rows of one article, or of one entry of `related`."""
    url = fields.get("webUrl") or fields.get("originalUrl") or ""
    article_id = name_of(url)
    provider = fields.get("provider") or {}
    provider_id = name_of(f"{provider.get('domain')} {provider.get('name')}")
    rows["providers"][provider_id] = (
        provider_id,
        provider.get("name"),
        provider.get("domain"),
    )
    rows["articles"].setdefault(
        article_id,
        (
            article_id,
            url,
            fields.get("title"),
            fields.get("excerpt"),
            fields.get("publishedDateTime"),
            fields.get("quality"),
            fields.get("heat"),
            provider_id,
        ),
    )
    for topic in fields.get("topics") or []:
        topic_id = name_of(str(topic))
        rows["topics"][topic_id] = (topic_id, str(topic))
        rows["article_topics"][article_id, topic_id] = (article_id, topic_id)
    for image in fields.get("images") or []:
        image_id = name_of(image["url"])
        size = (image.get("width"), image.get("height"))
        rows["images"][image_id] = (image_id, image["url"], *size)
        rows["article_images"][article_id, image_id] = (article_id, image_id)
    return article_id


def name_of(text: str) -> uuid.UUID:
    """Name a thing by its text."""
    return uuid.uuid5(uuid.NAMESPACE_URL, text)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), [Path(hub) for hub in sys.argv[2:]]))
