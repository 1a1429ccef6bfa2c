"""How well and how fast bytes become text, and what repairs do to good and bad text.

Run as `python -m tests.benchmarks text SETS`.

SETS is a folder with `encoding` (html5lib's sniffing cases, a corpus of files named by
their encoding, ftfy's cases), `text` (naughty strings, UTF-8 stress tests) and `html`
(the gold texts of zyte). Speed is bytes per CPU second on one core, the best of rounds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import ftfy
import webencodings

from tasks.text import decode, repair
from tests.benchmarks.extraction import read_set
from tests.benchmarks.measure import one_core
from tests.benchmarks.results import lay_out, machine_facts, packages, write_part

ROUNDS = 5
PREAMBLE = """\
# Bytes to text, and repairs

Written by `python -m tests.benchmarks text SETS --write`; not to be edited.

- html5lib: its cases of encoding sniffing whose text is right. Those without a label
  are ASCII, the same in UTF-8 and windows-1252. Wrong on purpose: a label over bytes
  that are UTF-8, and one that stands behind the first 1,024 bytes
- undeclared: files of the corpus named by encoding that are read right without a
  label, of those in encodings that the WHATWG knows
- MB/s: per CPU second on one core, the best of the rounds
- repairs: those of ftfy's cases that end as ftfy means them to, typographic quotes
  aside; of the good ones (negative, the paragraphs of zyte's gold texts) those that
  change
"""
# Folders of the corpus whose name is no label of the WHATWG's.
_LABELS = {
    "cp932": "shift_jis",
    "cp949": "euc-kr",
    "gb2312": "gbk",
    "iso8859_1": "windows-1252",
    "iso8859_9": "windows-1254",
    "mac_cyrillic": "x-mac-cyrillic",
    "tis_620": "windows-874",
    "utf_16": "utf-16le",  # with their marks
    "utf_16_be": "utf-16be",
    "utf_16_le": "utf-16le",
}


def main(words: Sequence[str]) -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks text")
    parser.add_argument("sets", type=Path, metavar="SETS", help="folder of the sets")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--write", action="store_true", help="write this part of the page of results"
    )
    asked = parser.parse_args(words)
    rows = [*_decoding(asked.sets), *_speed(asked.sets, asked.rounds)]
    rows += [*_repairs(asked.sets)]
    told = lay_out(("", "measured", "goal"), rows)
    print(told)
    if asked.write:
        facts = [*machine_facts(), ("packages", packages(("ftfy", "faust-cchardet")))]
        write_part(PREAMBLE, facts, f"\n{told}\n")


def wrong_sniffings(sets: Path) -> list[tuple[str, str]]:
    """Return file and encoding of html5lib's cases that are read wrongly."""
    wrong = []
    for case in _lines(sets / "encoding/html5lib/cases.jsonl"):
        content = bytes.fromhex(case["data_hex"])
        if decode(content).text != webencodings.decode(content, case["encoding"])[0]:
            wrong.append((case["src"], case["encoding"]))
    return wrong


def undeclared(sets: Path) -> Iterator[tuple[Path, bytes, str]]:
    """Yield the corpus's files in encodings of the WHATWG, each with its encoding."""
    for folder in sorted((sets / "encoding/char-dataset").iterdir()):
        label = _LABELS.get(folder.name, folder.name.replace("_", "-"))
        named = webencodings.lookup(label)
        if folder.is_dir() and named and named.name != "replacement":
            for path in sorted(folder.iterdir()):
                yield path, path.read_bytes(), named.name


def undetected(sets: Path) -> list[str]:
    """Return the files that are read wrongly without any label."""
    return [
        f"{path.parent.name}/{path.name}"
        for path, content, encoding in undeclared(sets)
        if decode(content, prescan=False).text != decode(content, encoding).text
    ]


def badly_repaired(sets: Path, name: str) -> list[str]:
    """Return the originals of ftfy's cases of that file that do not end as meant."""
    cases = json.loads((sets / f"encoding/ftfy/{name}.json").read_text("utf-8"))
    return [
        case["original"]
        for case in cases
        if repair(case["original"]).text != case.get("fixed-encoding", case["fixed"])
        # Quotes are straight in what ftfy's cases mean, and stay as they are here.
        and ftfy.fix_text(repair(case["original"]).text) != case["fixed"]
    ]


def gold_paragraphs(sets: Path) -> Iterator[str]:
    """Yield the lines of zyte's gold texts that hold anything."""
    for case in read_set(sets / "html/zyte"):
        yield from filter(None, case.gold["text"].split("\n"))


def changed_gold(sets: Path) -> list[tuple[str, str]]:
    """Return what of the gold texts a repair changes, before and after."""
    repaired = ((line, repair(line).text) for line in gold_paragraphs(sets))
    return [(line, text) for line, text in repaired if line != text]


def _decoding(sets: Path) -> Iterator[tuple[str, ...]]:
    cases = len(list(_lines(sets / "encoding/html5lib/cases.jsonl")))
    right = cases - len(wrong_sniffings(sets))
    yield "html5lib", f"{right} of {cases}", "≥ 80 of 82"
    files = len(list(undeclared(sets)))
    right = files - len(undetected(sets))
    yield "undeclared", f"{right} of {files}, {right / files:.1%}", "≥ 97 %"


def _speed(sets: Path, rounds: int) -> Iterator[tuple[str, ...]]:
    legacy = [c for _, c, encoding in undeclared(sets) if encoding != "utf-8"]
    gold = "\n".join(gold_paragraphs(sets)).encode() * 20
    kinds: tuple[tuple[str, list[bytes], int], ...] = (
        ("undeclared, MB/s", legacy, 10),
        ("valid UTF-8, MB/s", [gold], 100),
    )
    for name, contents, goal in kinds:
        decoding = _decoder(contents)
        with one_core():
            seconds = min(_cpu(decoding) for _ in range(rounds))
        size = sum(map(len, contents)) / 1e6
        yield name, f"{size / seconds:.0f}", f"≥ {goal}"


def _repairs(sets: Path) -> Iterator[tuple[str, ...]]:
    for name in ("in-the-wild", "synthetic", "language-names", "negative"):
        cases = json.loads((sets / f"encoding/ftfy/{name}.json").read_text("utf-8"))
        wrong = badly_repaired(sets, name)
        yield f"ftfy {name}", f"{len(cases) - len(wrong)} of {len(cases)}", "as ftfy"
    lines = sum(1 for _ in gold_paragraphs(sets))
    yield "gold paragraphs changed", f"{len(changed_gold(sets))} of {lines}", "0"


def _decoder(contents: Sequence[bytes]) -> Callable[[], None]:
    def decode_all() -> None:
        for content in contents:
            decode(content, prescan=False)

    return decode_all


def _cpu(work: Callable[[], None]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _lines(path: Path) -> Iterator[dict[str, str]]:
    return map(json.loads, path.read_text("utf-8").splitlines())
