"""Front matter is read as PyYAML reads it, and hostile YAML costs one rejection."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tasks.frontmatter import FrontMatterError, read_front_matter
from tasks.guardedyaml import (
    MAX_ALIASES,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_MERGES,
    MAX_VALUES,
    read_yaml,
)
from tasks.lineyaml import to_json
from tests.pace import is_within

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))


def fields(yaml_text: str) -> dict[str, Any]:
    return read_front_matter(f"---\n{yaml_text}\n---\n").fields


def outcome(yaml_text: str) -> dict[str, Any] | FrontMatterError:
    try:
        return read_yaml(yaml_text)
    except FrontMatterError as error:
        return error


def as_pyyaml(yaml_text: str) -> Any:
    """Load with libyaml, which differs from PyYAML's own parser in corners."""
    return yaml.load(yaml_text, Loader=yaml.CSafeLoader)


def refusal(text: str) -> FrontMatterError:
    with pytest.raises(FrontMatterError) as caught:
        read_front_matter(text)
    return caught.value


# What is read


def test_front_matter_and_body_are_taken_apart() -> None:
    found = read_front_matter("---\na: 1\n---\n\n# Title\n\n---\n\nend\n")

    assert found.fields == {"a": 1}
    assert found.body == "# Title\n\n---\n\nend"


@pytest.mark.parametrize(
    "text",
    [
        "---\na: 1\n---",
        "--- \t\na: 1\n---  \n",
        "\n\n---\na: 1\n---\n",
        "---\na: 1\n# ---\n---\n",
        "---\na: 1\n...\n---\n",
    ],
    ids=["no last line end", "spaces", "blank lines above", "comment", "dots inside"],
)
def test_small_liberties_are_taken_in_good_part(text: str) -> None:
    assert read_front_matter(text).fields == {"a": 1}


@pytest.mark.parametrize(
    ("yaml_text", "plain"),
    [
        ("a: 2020-06-11T23:41:00Z", {"a": "2020-06-11T23:41:00+00:00"}),
        ("a: 2020-06-11 23:41:00", {"a": "2020-06-11T23:41:00"}),
        ("a: 2020-06-11", {"a": "2020-06-11"}),
        ("a: yes\nb: off\nc: ~", {"a": True, "b": False, "c": None}),
        ("a: 010\nb: 0x10\nc: 1:30\nd: 1_000", {"a": 8, "b": 16, "c": 90, "d": 1000}),
        ("a: 1.5\nb: .inf\nc: .nan", {"a": 1.5, "b": "inf", "c": "nan"}),
        ("a: !!binary aGFsbG8=", {"a": "aGFsbG8="}),
        ("a: !!set {x, y, 1}", {"a": [1, "x", "y"]}),
        ("a: !!omap [{b: 1}, {a: 2}]", {"a": [["b", 1], ["a", 2]]}),
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("a: &x {p: 1}\nb: {<<: *x, q: 2}", {"a": {"p": 1}, "b": {"p": 1, "q": 2}}),
        ('a: "\\uFEFFx\\0"', {"a": "\ufeffx\0"}),
        ("a: 1\na: 2", {"a": 2}),
    ],
)
def test_values_come_out_plain(yaml_text: str, plain: dict[str, Any]) -> None:
    assert fields(yaml_text) == plain
    assert json.loads(to_json(plain)) == plain


@pytest.mark.parametrize(
    ("yaml_text", "name"),
    [
        ("content: 1", "content"),
        ("handler: 1", "handler"),
        ("metadata: 1", "metadata"),
        ("1: 1", "1"),
        ("1.5: 1", "1.5"),
        ("true: 1", "true"),
        ("null: 1", "null"),
        (".nan: 1", "nan"),
        ("2020-06-11: 1", "2020-06-11"),
        ("!!binary aGFsbG8=: 1", "aGFsbG8="),
        ("'': 1", ""),
        ("ключ: 1", "ключ"),
    ],
)
def test_any_key_is_a_name(yaml_text: str, name: str) -> None:
    assert fields(yaml_text) == {name: 1}


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.datetimes(timezones=st.none() | st.just(UTC))
    | st.dates()
    | st.binary(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(deadline=None)
@given(st.dictionaries(st.text(), VALUES, min_size=1, max_size=5))
def test_the_json_says_what_pyyaml_says(value: dict[str, Any]) -> None:
    yaml_text = yaml.safe_dump(value, allow_unicode=True)

    found = read_yaml(yaml_text)

    assert json.loads(to_json(found)) == found == as_json(as_pyyaml(yaml_text))


def as_json(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case bytes():
            return base64.b64encode(value).decode()
        case dict():
            return {key: as_json(item) for key, item in value.items()}
        case list():
            return [as_json(item) for item in value]
    return value


@settings(deadline=None)
@given(
    st.text(alphabet=st.sampled_from("ab: -\n[]{}&*!<>|'\"#%?0,.") | st.characters())
)
@example("a: \ud800")
def test_any_text_is_read_or_refused_as_pyyaml_would(yaml_text: str) -> None:
    found = outcome(yaml_text)

    if isinstance(found, FrontMatterError):
        assert "\n" not in found.reason
        assert found.line is None or 1 <= found.line <= yaml_text.count("\n") + 1
    else:
        assert json.loads(to_json(found)) == found
        assert isinstance(as_pyyaml(yaml_text), dict)


# What is refused, and where


NO_OPENING = "has no front matter: its first line is not '---'"
NO_MAP = "not a map of fields"
NO_CLOSING = "has front matter that no line '---' closes"


@pytest.mark.parametrize(
    ("text", "reason", "line"),
    [
        ("", NO_OPENING, 1),
        ("# Title\n\ntext", NO_OPENING, 1),
        ("title\n---\na: 1\n---\n", NO_OPENING, 1),
        ("----\na: 1\n----\n", NO_OPENING, 1),
        ("--- a: 1\n---\n", NO_OPENING, 1),
        ("---\na: 1\n", NO_CLOSING, None),
        ("---\na: 1\n ---\n", NO_CLOSING, None),
        ("---\na: 1\n...\nbody\n", NO_CLOSING, 3),
        ("---\n---\n", "has empty front matter", 2),
        ("---\n# nothing\n---\n", "has empty front matter", 2),
        ("---\nnull\n---\n", "has empty front matter", 2),
        ("---\n- a\n---\n", f"has front matter that is a list, {NO_MAP}", 2),
        ("---\na\n---\n", f"has front matter that is plain text, {NO_MAP}", 2),
        ("---\n5\n---\n", f"has front matter that is the value 5, {NO_MAP}", 2),
        ("---\n1: a\n'1': b\n---\n", "has two keys that read '1'", None),
        ("---\na: {true: 1, 'true': 2}\n---\n", "has two keys that read 'true'", None),
    ],
)  # fmt: skip
def test_what_is_no_map_of_fields_is_refused(
    text: str, reason: str, line: int | None
) -> None:
    error = refusal(text)

    assert (error.reason, error.line) == (reason, line)


def test_dots_in_place_of_dashes_are_pointed_at() -> None:
    assert refusal("---\na: 1\n...\nb\n").detail == "'...' does not close it"


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("---\na: 1\nb: [1\nc: 2\n---\n", 4, "did not find expected ',' or ']'"),
        ("\n\n\n---\na: 1\nb: 'x' y\n---\n", 6, "did not find expected key"),
        ("---\na: b: c\n---\n", 2, "mapping values are not allowed in this context"),
        ("---\na: 1\n\tb: 2\n---\n", 3, "a tab character that violates indentation"),
        ("---\na: 1\n\nb: ä\x07\n---\n", 4, "the character U+0007 is not allowed"),
        ("---\na: 'x\u2028 y'\nb: *c\n---\n", 3, "found undefined alias"),
        ("---\na: !x 1\n---\n", 2, "a constructor for the tag '!x'"),
        ("---\na: !!python/name:os.system\n---\n", 2, "a constructor for the tag"),
        ("---\na: 1\n? [b]\n: 1\n---\n", 3, "found unhashable key"),
    ],
)  # fmt: skip
def test_a_mistake_is_shown_with_its_line_of_the_file(
    text: str, line: int, problem: str
) -> None:
    error = refusal(text)

    assert (error.reason, error.line) == ("is not valid YAML", line)
    assert problem in error.detail


def test_a_file_of_yaml_alone_counts_from_its_first_line() -> None:
    assert read_yaml("---\na: 1\n") == {"a": 1}
    with pytest.raises(FrontMatterError) as caught:
        read_yaml("a: 1\nb: 'x' y\n")
    assert caught.value.line == 2
    with pytest.raises(FrontMatterError, match="not valid YAML"):
        read_yaml("a: 1\n---\nb: 2\n")


@pytest.mark.parametrize(
    "value",
    [
        "2020-02-30",
        "2020-13-01T00:00:00Z",
        "0000-01-01",
        "2020-01-01T25:00:00Z",
        "!!timestamp soon",
        "!!int soon",
        "!!float {}",
        "!!bool perhaps",
        "!!int ''",
    ],
)
def test_a_value_that_cannot_be_is_refused(value: str) -> None:
    error = refusal(f"---\na: 1\nb:\n- c: {value}\n---\n")

    assert error.reason in {"holds a value that YAML cannot build", "is not valid YAML"}
    assert error.detail
    assert error.line == 4


# What is meant to do harm: each in a process of its own, which must live

CLASSIC = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)
)
MERGING = "a0: &a0 {k: 1}\n" + "".join(
    f"a{n}: &a{n} {{{{{{}}: [*a{n - 1}, *a{n - 1}]}}}}\n" for n in range(1, 45)
)
BOMBS = {
    "30,000 brackets": "a: " + "[" * 30_000,
    "100,000 brackets": "a: " + "[" * 100_000,
    "100,000 brackets and their ends": "a: " + "[" * 100_000 + "]" * 100_000,
    "30,000 braces": "a: " + "{a: " * 30_000,
    "deep sequence": "a:\n  " + "- " * 30_000 + "x",
    "deep mapping": "".join(f"{' ' * n}a:\n" for n in range(3_000)),
    "question marks": "? " * 30_000 + "a",
    "billion laughs": CLASSIC,
    "wide laughs": "a: &a [" + "1, " * 50_000 + "1]\nb: [" + "*a, " * 90 + "*a]",
    "merge keys": MERGING.replace("{}", "<<"),
    "merge keys by tag": MERGING.replace("{}", "!!merge x"),
    "merge keys by long tag": MERGING.replace("{}", "!<tag:yaml.org,2002:merge> x"),
    "one anchor, many uses": "a: &a x\nb: [" + "*a, " * 100_000 + "*a]",
    "a list in itself": "a: &a [*a]",
    "a map in itself": "a: &a {b: *a}",
    "a merge of itself": "a: &a {<<: *a, b: *a}",
    "5,000 digits": "a: " + "9" * 5_000,
    "5,000 hexadecimal digits": "a: 0x" + "f" * 5_000,
    "5,000 binary digits": "a: 0b" + "1" * 5_000,
    "a million sixties": "a: 1" + ":59" * 1_000_000,
    "a million spaced sixties": 'a: !!int "1' + " :59" * 1_000_000 + '"',
    "a million values": "a: [" + "1," * 1_000_000 + "1]",
    "a million lines": "a:\n" + "- 1\n" * 1_000_000,
}
MOST_VALUES = f"holds more than {MAX_VALUES:,} values"
REASONS = (
    f"nests more than {MAX_DEPTH} levels deep",
    "repeats an anchor too often",
    f"has more than {MAX_MERGES} merge keys '<<'",
    f"{MOST_VALUES} once anchors are spelt out",
    f"holds a number of more than {MAX_DIGITS:,} digits",
    MOST_VALUES,
    "is not valid YAML",
)
CHILD = """
import resource, sys, time
from pathlib import Path
from tasks.frontmatter import FrontMatterError, read_front_matter
resource.setrlimit(resource.RLIMIT_AS, (1_000_000_000, 1_000_000_000))
for path in sys.argv[1:]:
    start = time.process_time()
    try:
        read_front_matter(f"---\\n{Path(path).read_text()}\\n---\\n")
        reason = "was read"
    except FrontMatterError as error:
        reason = error.reason
    print(Path(path).name, time.process_time() - start, reason, sep="|", flush=True)
"""


@pytest.fixture(scope="module")
def ends(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, str]]:
    """Read each bomb in a child process; tell its CPU seconds and its reason."""
    folder = tmp_path_factory.mktemp("bombs")
    for name, content in BOMBS.items():
        (folder / name).write_text(content)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *(str(folder / name) for name in BOMBS)],
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    lines = [line.split("|") for line in done.stdout.splitlines()]
    return {name: (float(seconds), reason) for name, seconds, reason in lines}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_a_moment(
    ends: dict[str, tuple[float, str]], name: str
) -> None:
    seconds, reason = ends[name]

    assert reason in REASONS
    assert is_within(seconds, 3)


@pytest.mark.parametrize(
    "yaml_text",
    [
        "a: " + "[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1),
        "a: &a x\nb: [" + ", ".join(["*a"] * MAX_ALIASES) + "]",
        "a: &a {x: 1}\n" + "".join(f"b{n}: {{<<: *a}}\n" for n in range(MAX_MERGES)),
        "a: " + "9" * MAX_DIGITS,
        "a: '" + "9" * 5_000 + "'",
        "a: " + "1" * 5_000 + "x",
        "a: |\n" + "  - [ {\n" * 5_000,
        "a: " + "x, " * 100_000,
    ],
    ids=[
        "deep",
        "aliases",
        "merges",
        "number",
        "digits in quotes",
        "digits of a word",
        "brackets in text",
        "commas in text",
    ],
)
def test_what_stays_within_the_limits_is_read(yaml_text: str) -> None:
    assert fields(yaml_text) == as_json(as_pyyaml(yaml_text))


@pytest.mark.parametrize(
    ("yaml_text", "line"),
    [
        ("x: 1\na: " + "[" * 200, 3),
        ("x: 1\n\na: &a x\nb:\n" + "- *a\n" * 200, 5 + MAX_ALIASES + 1),
        ("x: y\u2028z\na: " + "9" * 5_000, 3),
    ],
    ids=["depth", "aliases", "digits"],
)
def test_the_line_of_an_excess_is_told(yaml_text: str, line: int) -> None:
    assert refusal(f"---\n{yaml_text}\n---\n").line == line


# The sets that every developer has at hand

needs_sets = pytest.mark.skipif(
    not (SHARED / "sets" / "yaml").is_dir(),
    reason="needs the YAML sets, see SHARED_SETS",
)


@needs_sets
def test_every_case_of_the_yaml_test_suite_ends_as_pyyaml_ends_it() -> None:
    lines = (SHARED / "sets/yaml/cases.jsonl").read_text("utf-8").splitlines()
    for line in lines:
        case = json.loads(line)
        try:
            expected = as_pyyaml(case["yaml"])
        except (yaml.YAMLError, ValueError):
            expected = None
        found = outcome(case["yaml"])

        assert isinstance(found, dict) == isinstance(expected, dict), case


@needs_sets
def test_every_bomb_of_the_sets_is_refused() -> None:
    bombs = [p for p in (SHARED / "sets/yaml").rglob("*") if "bomb" in p.name]
    bombs = [path for path in bombs if path.is_file()]

    for path in bombs:
        done = subprocess.run(
            [sys.executable, "-c", CHILD, str(path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=20,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.rstrip().rpartition("|")[2] in REASONS

    assert bombs
