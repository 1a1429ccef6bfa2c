"""A warehouse of any size, made by SQL: what a hub of a million articles leaves.

All articles have a file, thirty edges, a try to fetch them and two topics; every fifth
has an image and a page. Ids are spread as ours are, so that nothing profits
from an order that a real warehouse has not.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from tasks.warehouse.engine import LARGE_GROUP_ROWS, ROW_GROUP_ROWS
from tasks.warehouse.working import open_warehouse
from tests.hub import MOMENT

EDGES_EACH = 30
LARGE = 150_000  # articles, whose file is large for `tasks.warehouse.engine`
ADDRESS = "https://p17.example/news/17"  # of one of the articles
_WORDS = (
    "harbour ferry light tide council bridge winter school market island garden train"
    " letter museum storm orchard river signal bakery archive"
).split()
_ARTICLE = "md5('article' || i)::uuid"
_DOCUMENT = "md5('document' || i)::uuid"
_SOURCE = "md5('source')::uuid"
_AT = "timestamptz '2020-01-01 00:00:00+00' + to_minutes((i * 7919 % 2000000)::bigint)"
_SEEN = "timestamptz '2025-06-01 00:00:00+00' + to_seconds((i % 86400)::bigint)"
# Seven words, others for each i: titles and texts that compress as texts do.
_TITLE = "concat_ws(' ', " + ", ".join(
    f"words[1 + (hash(i, {n}) % 20)::integer]" for n in range(7)
) + ", i)"  # fmt: skip
_TEXT = (
    "list_aggregate(list_transform(range(80),"
    " lambda n: words[1 + (hash(i, n) % 20)::integer]), 'string_agg', ' ')"
)
_TABLES = {
    "sources": f"select {_SOURCE}, 'folder', 'hub', '/hub', null, {_SEEN}, null, null"
    " from range(1) as numbers(i)",
    "providers": "select md5('provider' || i)::uuid, 'Provider ' || i,"
    " 'p' || i || '.example', 'p' || i || '.example' from range({providers}) as t(i)",
    "topics": "select md5('topic' || i)::uuid, 'Subject ' || i, 'subject-' || i,"
    " null, null, false from range(500) as t(i)",
    "documents": f"select {_DOCUMENT}, {_SOURCE}, '_news/' || i || '.md', '',"
    f" sha256('f' || i), 900, {_ARTICLE},"
    " json_object('title', title, 'heat', i % 100, 'category', 'news')::json,"
    f" 'Body of ' || i, {_SEEN}, {_SEEN}, null, 0 from told",
    "files": f"select {_SOURCE}, '_news/' || i || '.md', 'article', 'loaded',"
    " sha256('f' || i), 900, null from told",
    "articles": f"select {_ARTICLE}, url, url, null, null, null, title,"
    " title || ', and what came of it', 'news', 'article',"
    " md5('provider' || (hash(i, 'p') % {providers}))::uuid,"
    f" {_AT}, {_AT}, (i % 120)::integer, (i % 100)::integer, true, false, null, 'en',"
    f" null, null, '{{{{}}}}'::json, false, false, {_DOCUMENT}, {_SEEN}, {_SEEN}"
    " from told",
    "observations": f"select {_DOCUMENT}, {_SEEN}, title, (i % 100)::integer,"
    " (i % 120)::integer, true, '' from told",
    "versions": f"select {_DOCUMENT}, {_SEEN}, 0, '', title, (i % 100)::integer,"
    " (i % 120)::integer, true from told",
    "article_topics": f"select {_ARTICLE},"
    " md5('topic' || (hash(i, 't') + n) % 500)::uuid, n"
    " from told, range(2) as positions(n)",
    "images": "select md5('image' || i)::uuid, 'https://p.example/' || i || '.jpg',"
    " 800, 600, true, null, null, 'failed', 'answered 404 Not Found', null, null,"
    f" null, null, null, null, null, null, null, null, {_SEEN}, {_SEEN}, 1, null, null"
    " from told where i % 5 = 0",
    "article_images": f"select {_ARTICLE}, md5('image' || i)::uuid, 0 from told"
    " where i % 5 = 0",
    "related_edges": f"select {_ARTICLE},"
    " md5('article' || hash(i, n) % {articles})::uuid, 'related', min(n), min("
    f"{_SEEN}), null from told, range({EDGES_EACH}) as positions(n) group by i, 2",
    "captures": f"select md5('capture' || i)::uuid, {_ARTICLE}, url, 'origin', 1,"
    f" {_SEEN}, url, if(i % 5 = 0, 200, 404), if(i % 5 = 0, 'ok', 'http_error'),"
    " if(i % 5 = 0, '', 'answered 404 Not Found'), 120, 'text/html', null, null,"
    f" sha256('c' || i), 20000, null, null, null, {_SEEN} from told",
    "pages": f"select {_ARTICLE}, md5('capture' || i)::uuid, title, ['An Author'],"
    f" {_AT}, 'en', 'Site', url, null, {_TEXT}, 80, 'utf-8', 'header', [],"
    f" url, null, '{{{{}}}}'::json, {_SEEN} from told where i % 5 = 0",
    "links": f"select {_ARTICLE}, n, url || '/link/' || n, url || '/link/' || n,"
    " null, 'words' from told, range(3) as positions(n) where i % 5 = 0",
    "repairs": f"select 'articles', {_ARTICLE}, 'title', 'mojibake', 'a', 'b',"
    " null"
    " from told where i % 20 = 0",
}


def make_warehouse(path: Path, articles: int) -> None:
    """Make a working file of so many articles and thirty times as many edges."""
    with open_warehouse(path, MOMENT):
        pass
    words = "', '".join(_WORDS)
    with duckdb.connect() as file:
        # As if it had grown: what is there of it when it becomes large is little.
        grouped = LARGE_GROUP_ROWS if articles > LARGE else ROW_GROUP_ROWS
        how = f"row_group_size {grouped}"
        file.execute(f"attach '{path}' as made ({how}); use made")
        file.execute("set preserve_insertion_order = false")
        file.execute("set memory_limit = '4GB'")
        file.execute(
            f"create temp view told as select i, ['{words}'] as words,"
            f" 'https://p' || i % 97 || '.example/news/' || i as url, {_TITLE} as title"
            f" from range({articles}) as numbers(i)"
        )
        sizes = {"articles": articles, "providers": max(10, articles // 500)}
        for name, rows in _TABLES.items():
            file.execute(f"insert into {name} {rows.format(**sizes)}")
        file.execute("checkpoint")


if __name__ == "__main__":
    make_warehouse(Path(sys.argv[1]), int(sys.argv[2]))
