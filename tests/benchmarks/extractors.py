"""Extractors that are compared, each run by itself: ours and those of others.

Run as `python extractors.py NAME PAGES`, by any Python that has that extractor alone;
knows nothing of the project but its `read_page`. PAGES is a file of lines
`{"file": …, "url": …}`; answers with lines of what was found, then with one of the CPU
seconds. The extractor is warm when the clock starts: it has read the first page.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

Extract = Callable[[bytes, str], dict[str, Any]]


def _wirehouse() -> Extract:
    from tasks.pages import read_page

    def extract(content: bytes, url: str) -> dict[str, Any]:
        page: Any = read_page(content, url)
        return {
            "text": getattr(page, "text", ""),
            "title": getattr(page, "title", None),
            "authors": getattr(page, "authors", ()),
            "date": str(getattr(page, "published_at", None) or ""),
            "image": getattr(page, "lead_image_url", None),
            "flags": getattr(page, "flags", ()),
        }

    return extract


def _trafilatura() -> Extract:
    import trafilatura

    def extract(content: bytes, url: str) -> dict[str, Any]:
        found: Any = trafilatura.bare_extraction(
            content, url=url, include_comments=False, with_metadata=True
        )
        if found is None:
            return {}
        return {
            "text": found.text,
            "title": found.title,
            "authors": [found.author] if found.author else [],
            "date": found.date,
            "image": found.image,
        }

    return extract


def _newspaper4k() -> Extract:
    newspaper = import_module("newspaper")

    def extract(content: bytes, url: str) -> dict[str, Any]:
        article = newspaper.Article(url, fetch_images=False)
        article.download(input_html=content.decode("utf-8", "replace"))
        article.parse()
        return {
            "text": article.text,
            "title": article.title,
            "authors": article.authors,
            "date": str(article.publish_date or ""),
            "image": article.top_image,
        }

    return extract


def _resiliparse() -> Extract:
    extract_plain_text = import_module(
        "resiliparse.extract.html2text"
    ).extract_plain_text

    def extract(content: bytes, url: str) -> dict[str, Any]:
        html = content.decode("utf-8", "replace")
        return {"text": extract_plain_text(html, main_content=True)}

    return extract


EXTRACTORS: dict[str, Callable[[], Extract]] = {
    "wirehouse": _wirehouse,
    "trafilatura": _trafilatura,
    "newspaper4k": _newspaper4k,
    "resiliparse": _resiliparse,
}


def main() -> None:
    """Read the pages that the command line names."""
    name, listed = sys.argv[1:]
    extract = EXTRACTORS[name]()
    lines = Path(listed).read_text(encoding="utf-8").splitlines()
    pages = [
        (Path(page["file"]).read_bytes(), page["url"])
        for page in map(json.loads, lines)
    ]
    _answer(extract, *pages[0])
    start = time.process_time()
    found = [_answer(extract, *page) for page in pages]
    seconds = time.process_time() - start
    for page in found:
        print(json.dumps(page))
    print(json.dumps({"cpu_seconds": seconds}))


def _answer(extract: Extract, content: bytes, url: str) -> dict[str, Any]:
    try:
        return extract(content, url)
    except Exception as error:  # noqa: BLE001 - a page that it cannot read found nothing
        return {"error": f"{type(error).__name__}: {error}"}


if __name__ == "__main__":
    main()
