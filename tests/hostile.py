"""Files that were made to hang, kill or fool whoever reads them."""

from __future__ import annotations

import base64
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.test_frontmatter import BOMBS

MOST = 4_900_000  # bytes: what `read.max_file_bytes` lets in, nearly
ADDRESS = "webUrl: https://n.example/{}\n"
MOJIBAKE = "Ã¢â€šÂ¬ cafÃ© â€œquotedâ€¦ &amp;rsquo; \u200b\u00ad ﬁ \uff21 "


def _fill(unit: str, most: int = MOST) -> str:
    return unit * (most // len(unit.encode()))


def _numbered(line: str, count: int) -> str:
    return "".join(line.format(number) for number in range(count))


# Front matter below an address, by what is hostile about it.
FIELDS: dict[str, Callable[[], str]] = {
    "a line of words": lambda: "title: " + _fill("x"),
    "a line of spaces": lambda: "title: a" + _fill(" ") + "b",
    "a line of quotes": lambda: "title: '" + _fill("''") + "'",
    "a line of backslashes": lambda: 'title: "' + _fill("\\\\") + '"',
    "a quote without end": lambda: 'title: "' + _fill("\\n"),
    "a line of colons": lambda: "title: " + _fill("a:"),
    "a line of hashes": lambda: "title: x" + _fill(" #"),
    "100,000 keys": lambda: _numbered("k{0}: {0}\n", 100_000),
    "one key 900,000 times": lambda: "a: 1\n" * 900_000,
    "one key of megabytes": lambda: _fill("k") + ": 1",
    "an indentation of megabytes": lambda: "a:\n" + " " * MOST + "b: 1",
    "steps of indentation": lambda: "".join(" " * n + "a:\n" for n in range(3_000)),
    "other line ends": lambda: "title: a\u2028b\x85c\r\nx: y\rz: 1\u2029\u2028",
    "huge secured": lambda: "secured: " + base64.b64encode(b"x" * 3_600_000).decode(),
    "huge secured with iv": lambda: "secured: " + _fill("AAAA") + ";AAAA",
    "an address of megabytes": lambda: "originalUrl: https://n.example/" + _fill("a"),
    "an address of www": lambda: (
        "originalUrl: https://" + _fill("www.", 200_000) + "example/"
    ),
    "an address of dots": lambda: "originalUrl: https://n.example/" + _fill("../"),
    "an address of addresses": lambda: (
        "originalUrl: https://" + _fill("cdn.ampproject.org/c/s/")
    ),
    "an address of parameters": lambda: (
        "originalUrl: https://n.example/?" + _fill("utm_source=a&b=c&")
    ),
    "a domain of megabytes": lambda: "provider: {domain: " + _fill("a.") + "}",
    "the last moment": lambda: "publishedDateTime: 9999-12-31T23:59:59-23:59",
    "the first moment": lambda: "publishedDateTime: 0001-01-01T00:00:00+23:59",
    "a date of megabytes": lambda: "publishedDateTime: " + _fill("1 Jan "),
    "an odd tag of a date": lambda: "a: !!timestamp " + _fill("1"),
    "an odd tag": lambda: "a: !ruby/object:Gem::Installer {i: x}",
    "a number in quotes": lambda: "quality: '" + _fill("9") + "'",
    "a million marks": lambda: "title: a" + "\u0301\u0316" * 500_000,
    "mojibake": lambda: "title: " + _fill("ÃƒÂ"),
    "entities within entities": lambda: "title: é&" + _fill("amp;", 240_000) + "lt;",
    "joiners": lambda: "title: " + _fill("a\u200d"),
    "control characters": lambda: 'title: "' + _fill("\\x01") + '"',
    "100,000 related": lambda: (
        "related:\n" + _numbered("- webUrl: https://n.example/{0}\n", 100_000)
    ),
    "15,000 faulty related": lambda: (
        "related:\n" + _numbered("- webUrl: x{}\n", 15_000)
    ),
    "100,000 images": lambda: (
        "images: [" + _numbered("https://n.example/{}.jpg,", 100_000) + "]"
    ),
    "100,000 topics": lambda: "topics:\n" + _numbered("- t{}\n", 100_000),
    "100,000 anchors": lambda: _numbered("a{0}: &a{0} 1\n", 90_000),
    "a sum of aliases": lambda: (
        "a: &a [" + "1," * 1_000 + "1]\nb: &b [" + "*a," * 98 + "*a]"
    ),
    "fractions of a second": lambda: "a: 2020-01-01T00:00:00." + "0" * MOST,
    "keys of the library": lambda: "content: 1\nhandler: 2\nmetadata: 3",
    "keys that are lists": lambda: _numbered("? [k{}]\n: v\n", 30_000),
    "lone surrogates": lambda: 'title: "\\uD800"\nexcerpt: "\\uDFFF\\uD83D"',
    "a NUL": lambda: "title: a\0b",
    "5,000 digits": lambda: "quality: " + "9" * 5_000,
    **{name: (lambda text=text: text) for name, text in BOMBS.items()},  # type: ignore[misc]
}
# Whole files.
FILES: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "zeros": lambda: bytes(MOST),
    "every byte": lambda: bytes(range(256)) * 19_000,
    "a body of mojibake": lambda: (
        b"---\nwebUrl: https://n.example/body\n---\n" + _fill(MOJIBAKE).encode()
    ),
    "dashes that close nothing": lambda: (
        b"---\na: 1\n" + (b"---" + b" " * 5_000 + b"x\n") * 970
    ),
    "dots that close nothing": lambda: b"---\na: 1\n" + b"...\n" * 1_200_000,
    "escapes of ISO-2022": lambda: b"---\na: " + b"\x1b$B" * 1_600_000,
    "torn UTF-16": lambda: "---\nwebUrl: x\ntitle: \U0001f600".encode("utf-16")[:-1],
    "one megabyte too many": lambda: bytes(6_000_000),
}


def contents(shared: Path) -> Iterator[tuple[str, bytes]]:
    """Name and give the content of each hostile file, those of the sets included."""
    for name, make in FIELDS.items():
        text = f"---\n{ADDRESS.format(len(name))}{make()}\n---\nbody\n"
        yield name, text.encode()
    for name, make_file in FILES.items():
        yield name, make_file()
    cases = shared / "sets/yaml/cases.jsonl"
    if cases.is_file():
        for line in cases.read_text("utf-8").splitlines():
            case = json.loads(line)
            text = case["yaml"]
            yield f"suite {case['id']}", f"---\n{text}\n---\n".encode()
            below = ADDRESS.format(case["id"]) + text
            yield f"suite {case['id']} below", f"---\n{below}\n---\n".encode()
        for bomb in (*cases.parent.glob("*.md"), *cases.parent.glob("*.yaml")):
            yield f"set {bomb.name}", bomb.read_bytes()
            yield f"set {bomb.name} whole", b"---\n" + bomb.read_bytes() + b"\n---\n"


def make_hub(hub: Path, shared: Path) -> set[str]:
    """Write a hub of hostile files and of what is no file; return all their paths.

    A folder that lies too deep is one path, whatever is in it.
    """
    news = hub / "_news"
    news.mkdir(parents=True)
    paths = set()
    for number, (name, content) in enumerate(contents(shared)):
        file = f"{number:04} {name.replace('/', ' ')}.md"
        (news / file).write_bytes(content)
        paths.add(f"_news/{file}")
    os.mkfifo(news / "pipe.md")
    (news / "out.md").symlink_to("/etc/passwd")
    (news / "loop.md").symlink_to("loop.md")
    (news / "round").symlink_to(".")
    with socket.socket(socket.AF_UNIX) as listening:
        descriptor = os.open(news, os.O_RDONLY)
        listening.bind(f"/proc/self/fd/{descriptor}/socket.md")  # paths may be long
        os.close(descriptor)
    with (news / "sparse.md").open("wb") as file_of_holes:
        file_of_holes.truncate(20_000_000_000)
    deep = news / ("d/" * 400)
    deep.mkdir(parents=True)
    (deep / "deep.md").write_bytes(b"---\nwebUrl: https://n.example/deep\n---\n")
    (news / os.fsdecode(b"caf\xe9-\xff.md")).write_bytes(b"---\na: [\n---\n")
    names = "pipe.md out.md loop.md round socket.md sparse.md".split()
    paths |= {f"_news/{name}" for name in names}
    return paths | {"_news/" + "d/" * 20 + "d", r"_news/caf\xe9-\xff.md"}
