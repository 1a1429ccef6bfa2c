"""Archives: read where they lie; whatever is wrong with one, it is told in words."""

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from tasks.models import Listing, Source, SourceFile
from tasks.settings import SourceSettings
from tasks.sources.archive import ArchiveSource
from tasks.sources.location import SourceError
from tasks.sources.selection import Selection
from tasks.sources.unpacking import Limits
from tests.hub import run_sources
from tests.tables import dump

SOURCE_ID = UUID("00000000-0000-5000-8000-000000000001")
LIMITS = Limits(max_files=100, max_bytes=1_000_000, max_file_bytes=1_000)
KINDS = ["a.zip", "a.tar", "a.tar.gz", "a.tgz"]
Files = dict[str, bytes]


def opened(
    path: Path, limits: Limits = LIMITS, folder: str = "", **selection: object
) -> ArchiveSource:
    source = Source(SOURCE_ID, "archive", "test", str(path))
    chosen = Selection(**selection)  # type: ignore[arg-type]
    return ArchiveSource(source, path, folder, chosen, limits)


def found(path: Path, folder: str = "") -> Listing:
    with closing(opened(path, folder=folder)) as source:
        return source.find({}, None, full=False)


def contents(path: Path) -> dict[str, bytes | str]:
    """Return the bytes of each file found, or why they cannot be had."""
    with closing(opened(path)) as source:
        files = source.find({}, None, full=False).files
        results = zip(files, source.read(files), strict=True)
        return {
            file.path: got.content if isinstance(got, SourceFile) else got.reason
            for file, got in results
        }


def refused(path: Path) -> dict[str, str]:
    return {r.subject: r.reason for r in found(path).rejections}


def write(path: Path, files: Files) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def write_member(path: Path, name: str, kind: bytes, **facts: object) -> Path:
    with tarfile.open(path, "w") as tar:
        info = tarfile.TarInfo(name)
        info.type = kind
        for fact, value in facts.items():
            setattr(info, fact, value)
        tar.addfile(info)
    return path


# What is in it


@pytest.mark.parametrize("name", KINDS)
def test_files_are_found_by_the_rules_of_folders(tmp_path: Path, name: str) -> None:
    files = {
        "_news/b.md": b"b",
        "./_news/2020/a.md": b"a",
        "_news/.hidden/c.md": b"c",
        "_news/no.txt": b"nothing",
        "_news/yes.txt": b"---\n",
        "_data/topics/t.yaml": b"t",
        "README.md": b"r",
    }

    path = write(tmp_path / name, files)

    assert contents(path) == {
        "_data/topics/t.yaml": b"t",
        "_news/2020/a.md": b"a",
        "_news/b.md": b"b",
        "_news/yes.txt": b"---\n",
    }
    assert refused(path) == {}


@pytest.mark.parametrize("name", KINDS)
def test_an_archive_of_one_folder_is_read_from_within_it(
    tmp_path: Path, name: str
) -> None:
    path = write(tmp_path / name, {"hub-1a2b3c/_news/a.md": b"a", "hub-1a2b3c/x": b""})

    assert contents(path) == {"_news/a.md": b"a"}
    assert [file.path for file in found(path, "hub-1a2b3c/_news").files] == ["a.md"]
    assert [file.path for file in found(path, "_news").files] == ["a.md"]
    with pytest.raises(SourceError, match="has no folder 'nope'"):
        found(path, "nope")


@pytest.mark.parametrize("name", KINDS)
def test_a_fingerprint_tells_when_bytes_change(tmp_path: Path, name: str) -> None:
    first, same, other = (
        [f.fingerprint for f in found(write(tmp_path / name, {"a.md": text})).files]
        for text in (b"one", b"one", b"two")
    )

    assert first == same != other


@pytest.mark.parametrize("name", KINDS)
def test_a_file_that_is_too_large_is_a_rejection(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"a.md": b"x" * 1_000, "b.md": b"x" * 1_001})

    assert contents(path) == {
        "a.md": b"x" * 1_000,
        "b.md": "is larger than 1,000 bytes, see read.max_file_bytes",
    }


# Names


@pytest.mark.parametrize("name", KINDS)
def test_names_that_lead_out_are_rejections(tmp_path: Path, name: str) -> None:
    outside = ["/etc/passwd.md", "../a.md", "a/../../b.md"]

    path = write(tmp_path / name, {**dict.fromkeys(outside, b"x"), "c.md": b"c"})

    assert contents(path) == {"c.md": b"c"}
    words = "has a name that leads out of the archive"
    assert refused(path) == dict.fromkeys(outside, words)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", KINDS)
def test_what_is_there_twice_is_refused(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"a.md": b"1", "./a.md": b"2", "b.md": b"b"})

    assert contents(path) == {"b.md": b"b"}
    assert list(refused(path)) == ["a.md"]


def test_names_in_utf_8_are_read_whether_declared_or_not(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {"灯台.md": b"1", "é.md": b"2"})
    raw = path.read_bytes()
    for place in (raw.find(b"PK\3\4"), raw.rfind(b"PK\3\4")):
        raw = raw[: place + 7] + b"\0" + raw[place + 8 :]  # no word of UTF-8
    at = -1
    while (at := raw.find(b"PK\1\2", at + 1)) >= 0:
        raw = raw[: at + 9] + b"\0" + raw[at + 10 :]
    path.write_bytes(raw)

    assert contents(path) == {"é.md": b"2", "灯台.md": b"1"}


def test_names_that_are_not_utf_8_are_spelled_with_their_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        tar.addfile(tarfile.TarInfo(os.fsdecode(b"caf\xe9.md")))

    assert contents(path) == {r"caf\xe9.md": b""}


def test_long_names_are_read(tmp_path: Path) -> None:
    name = "d/" * 15 + "x" * 200 + ".md"
    for kind in ("a.zip", "a.tar"):
        assert list(contents(write(tmp_path / kind, {name: b"x", "y": b""}))) == [name]


# What is no file


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (tarfile.SYMTYPE, "is a symbolic link; links are not followed"),
        (tarfile.LNKTYPE, "is a hard link within the archive, which is not followed"),
        (tarfile.CHRTYPE, "is a device or pipe, not a file"),
        (tarfile.BLKTYPE, "is a device or pipe, not a file"),
        (tarfile.FIFOTYPE, "is a device or pipe, not a file"),
    ],
)
def test_what_is_no_file_in_a_tar_is_a_rejection(
    tmp_path: Path, kind: bytes, words: str
) -> None:
    path = write_member(tmp_path / "a.tar", "a.md", kind, linkname="/etc/passwd")

    assert refused(path) == {"a.md": words}
    assert found(path).files == []


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        (stat.S_IFLNK, "is a symbolic link; links are not followed"),
        (stat.S_IFIFO, "is a device or pipe, not a file"),
    ],
)
def test_what_is_no_file_in_a_zip_is_a_rejection(
    tmp_path: Path, mode: int, words: str
) -> None:
    path = tmp_path / "a.zip"
    info = zipfile.ZipInfo("a.md")
    info.external_attr = (mode | 0o644) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(info, "/etc/passwd")

    assert refused(path) == {"a.md": words}


def test_encrypted_and_oddly_packed_members_are_rejections(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.md", "a")
        archive.writestr("b.md", "b", zipfile.ZIP_BZIP2)
        archive.writestr("c.md", "c")
    raw = bytearray(path.read_bytes())
    raw[6] |= 1
    raw[raw.find(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(raw))

    assert contents(path) == {
        "a.md": "is encrypted",
        "b.md": "is packed in another way than deflate",
        "c.md": b"c",
    }


def test_a_member_whose_sum_is_wrong_is_a_rejection(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.md", b"1234567")
        archive.writestr("b.md", b"good")
    path.write_bytes(path.read_bytes().replace(b"1234567", b"1234568"))

    assert contents(path) == {
        "a.md": "is damaged within the archive: Bad CRC-32 for file 'a.md'",
        "b.md": b"good",
    }


# Damage


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("kept", [0.0, 0.3, 0.6, 0.9])
def test_an_archive_that_is_cut_off_is_an_error_and_no_half_list(
    tmp_path: Path, name: str, kept: float
) -> None:
    files = {f"{number}.md": os.urandom(600) for number in range(30)}
    path = write(tmp_path / name, files)
    raw = path.read_bytes()
    # A tar is padded with zeros, which nobody needs.
    end = len(raw) if name != "a.tar" else len(raw.rstrip(b"\0"))

    path.write_bytes(raw[: int(end * kept)])

    with pytest.raises(SourceError, match=r"is damaged .*: put a whole one in its"):
        opened(path)


@pytest.mark.parametrize("block", [0, 2, 4])
def test_a_tar_cut_off_between_two_members_is_an_error(
    tmp_path: Path, block: int
) -> None:
    path = write(tmp_path / "a.tar", {f"{n}.md": b"x" for n in range(5)})
    path.write_bytes(path.read_bytes()[: 512 * block])

    with pytest.raises(SourceError, match="is damaged"):
        opened(path)


def test_a_tar_with_rubbish_between_its_members_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tar", {f"{n}.md": b"x" for n in range(5)})
    raw = bytearray(path.read_bytes())
    raw[1024:1536] = os.urandom(512)
    path.write_bytes(bytes(raw))

    with pytest.raises(SourceError, match="is damaged"):
        opened(path)


def test_a_gzip_whose_sum_is_wrong_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path / "a.tgz", {"a.md": b"x"})
    raw = bytearray(path.read_bytes())
    raw[-6] ^= 1
    path.write_bytes(bytes(raw))

    with pytest.raises(SourceError, match=r"is damaged .*CRC"):
        opened(path)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("content", [b"", b"rubbish" * 1000])
def test_what_is_no_archive_is_an_error(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(SourceError, match="is damaged"):
        opened(tmp_path / name)


# Bombs


def _many(path: Path) -> None:
    write(path, {f"{n}.png": b"" for n in range(101)})


def _large(path: Path) -> None:
    write(path, {"a.png": bytes(1_100_000)} if path.suffix != ".zip" else {
        f"{number:03}.md": bytes(11_000) for number in range(95)
    })  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_many, "holds more than 100 files, see read.max_archive_files"),
        (_large, "unpacks to more than 1,000,000 bytes, see read.max_archive_bytes"),
    ],
)
def test_too_much_is_an_error(
    tmp_path: Path, name: str, make: Callable[[Path], None], words: str
) -> None:
    make(tmp_path / name)

    with pytest.raises(SourceError, match=words):
        found(tmp_path / name)


def test_a_member_larger_than_it_says_is_not_read_beyond_that(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.md", bytes(10**7))
    raw = bytearray(path.read_bytes())
    for at in (raw.find(b"PK\3\4") + 22, raw.find(b"PK\1\2") + 24):
        raw[at : at + 4] = struct.pack("<I", 10)
    path.write_bytes(bytes(raw))

    assert contents(path)["a.md"] == (
        "is damaged within the archive: Bad CRC-32 for file 'a.md'"
    )


def test_a_header_without_end_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tgz"
    info = tarfile.TarInfo("x")
    info.type = tarfile.XHDTYPE
    info.size = 2_000_000
    with gzip.open(path, "wb") as file:
        file.write(info.tobuf(tarfile.USTAR_FORMAT) + bytes(2_000_000))

    with pytest.raises(SourceError, match="has a header of more than 1,048,576 bytes"):
        opened(path)


def test_headers_upon_headers_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    info = tarfile.TarInfo("x")
    info.type = tarfile.GNUTYPE_LONGNAME
    info.size = 512
    path.write_bytes((info.tobuf(tarfile.GNU_FORMAT) + b"a" * 512) * 900)

    with pytest.raises(SourceError, match="is damaged"):
        opened(path)


def test_a_sparse_member_is_a_rejection(tmp_path: Path) -> None:
    sparse = tmp_path / "a.md"
    with sparse.open("wb") as file:
        file.truncate(10**6)
        file.write(b"x")
    path = write_member(tmp_path / "a.tar", "a.md", tarfile.GNUTYPE_SPARSE)

    assert refused(path) == {"a.md": "is a sparse file"}


# Run after run


@pytest.mark.parametrize("name", KINDS)
def test_only_what_changed_is_read_and_a_damaged_archive_leaves_the_last_state(
    tmp_path: Path, name: str
) -> None:
    article = "---\nwebUrl: https://news.example/{}\ntitle: {}\n---\n"
    texts = {n: article.format(n, n).encode() for n in "abc"}
    path = tmp_path / name
    place = SourceSettings(location=str(path), name="hub")
    other = tmp_path / "other"
    other.mkdir()
    places = (place, SourceSettings(location=str(other)))
    write(path, {f"{n}.md": text for n, text in texts.items()})
    first = run_sources(tmp_path / "data", *places)
    again = run_sources(tmp_path / "data", *places)

    texts["b"] = article.format("b", "changed").encode()
    del texts["c"]
    write(path, {f"{n}.md": text for n, text in texts.items()})
    changed = run_sources(tmp_path / "data", *places)
    state = dump(tmp_path / "data" / "news.duckdb")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole.rstrip(b"\0")) // 3])
    damaged = run_sources(tmp_path / "data", *places)

    assert [(s["loaded"], s["unchanged"], s["removed"]) for s in (first, again)] == [
        (3, 0, 0),
        (0, 3, 0),
    ]
    assert (changed["loaded"], changed["unchanged"], changed["removed"]) == (1, 1, 1)
    assert damaged["status"] == "incomplete"
    after = dump(tmp_path / "data" / "news.duckdb")
    assert {**after, "rejections": []} == {**state, "rejections": []}
    path.write_bytes(whole)
    assert run_sources(tmp_path / "data", *places)["unchanged"] == 2
