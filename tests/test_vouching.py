"""Files that rows name are looked for, and read, before a state is published."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import duckdb

from tasks.models import StoredCapture
from tasks.vouching import damaged_captures, missing_files
from tests.hub import Hub
from tests.test_captures import GZIPPED, HTML, kept, response

SHA256 = hashlib.sha256(HTML).hexdigest()


def test_an_image_file_that_is_not_there_is_missed(tmp_path: Path) -> None:
    (tmp_path / "images" / "ab").mkdir(parents=True)
    (tmp_path / "images" / "ab" / "abc.png").touch()
    (tmp_path / "images" / "stray").touch()

    found = missing_files(tmp_path, ["images/ab/abc.png", "images/ab/other.png"])

    assert found == ["images/ab/other.png"]


def test_without_a_cache_every_image_is_missed(tmp_path: Path) -> None:
    assert missing_files(tmp_path, ["images/ab/a.png"]) == ["images/ab/a.png"]


def stored(folder: Path) -> StoredCapture:
    (place,) = kept(folder, response(GZIPPED))
    return StoredCapture("u", place.file, place.offset, place.length, SHA256)


def test_a_capture_that_fits_its_row_is_whole(tmp_path: Path) -> None:
    assert damaged_captures(tmp_path, [stored(tmp_path)]) == []


def test_a_capture_with_another_body_than_its_row_says_is_damaged(
    tmp_path: Path,
) -> None:
    other = replace(stored(tmp_path), body_sha256="0" * 64)

    assert damaged_captures(tmp_path, [other]) == ["u"]


def test_a_capture_that_is_cut_or_gone_is_damaged(tmp_path: Path) -> None:
    capture = stored(tmp_path)
    file = tmp_path / capture.warc_file
    end = capture.warc_offset + capture.warc_length
    file.write_bytes(file.read_bytes()[: end - 20])
    cut = damaged_captures(tmp_path, [capture])
    file.unlink()

    assert cut == damaged_captures(tmp_path, [capture]) == ["u"]


def test_a_run_tells_which_image_and_capture_are_gone_and_what_to_do(hub: Hub) -> None:
    hub.write("a.md", images=[{"url": "https://news.example/i.png"}])
    hub.run()
    with duckdb.connect(str(hub.data / "warehouse" / "working.duckdb")) as file:
        file.execute(
            "update images set status = 'cached', sha256 = 'f00',"
            " path = 'images/f0/f00.png'"
        )
        file.execute(
            "insert into image_versions by name select image_id, now() as"
            " first_seen_at, 'f00' as sha256, 'image/png' as mime_type,"
            " 1 as size_bytes from images"
        )
        file.execute(
            "insert into captures by name select uuid() as capture_id, article_id,"
            " url, 'origin' as via, 1 as attempt, now() as requested_at, url as"
            " final_url, 'ok' as outcome, '' as reason, 1 as elapsed_ms,"
            " 'none.warc.gz' as warc_file, 0 as warc_offset, 9 as warc_length,"
            " 'f00' as body_sha256, now() as next_fetch_at from articles"
        )
    said: list[str] = []

    summary = hub.run(say=said.append)

    assert summary["status"] == "complete"
    assert summary["audits"] == {"images_without_file": 1, "captures_damaged": 1}
    assert any("images/f0/f00.png; see `wirehouse images --verify`" in s for s in said)
    assert any("https://news.example/a; see `wirehouse doctor`" in s for s in said)
