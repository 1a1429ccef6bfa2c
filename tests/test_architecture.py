"""The house stands as ARCHITECTURE.md draws it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = sorted(
    path
    for folder in ("tasks", "flows")
    for path in (ROOT / folder).rglob("*.py")
    if path.name != "__init__.py"
)
# Who may speak to whom: each library with the only places that may import it.
DOORS = {
    "prefect": ("flows/", "tasks/steps.py"),
    "httpx": ("tasks/web/",),
    "aiohttp": ("tasks/web/",),
    "duckdb": ("tasks/warehouse/",),
    "_duckdb": ("tasks/warehouse/",),
    "trafilatura": ("tasks/pages.py",),
    "PIL": ("tasks/images.py", "tasks/hashing.py"),
    "ftfy": ("tasks/text.py",),
    "cchardet": ("tasks/text.py",),
    "ada_url": ("tasks/urls.py", "tasks/web/targets.py"),
    "yaml": ("tasks/guardedyaml.py", "tasks/lineyaml.py"),
    "frontmatter": ("tasks/guardedyaml.py",),
    "requests": (),
    "urllib.request": (),
}
# Rooms that only compute: no files, no network, no clock, no process.
PURE = (
    "articles avif bylines clock coding dataurls due frontmatter guardedyaml hashing"
    " history imageformats lineyaml linkeddata markup metadata models moments pages"
    " rows sources/changes sources/selection standins summary svg text urls values warc"
    " web/answers web/guard web/mementos web/phrases web/soft_errors web/targets"
).split()
WORLDLY = frozenset({"os", "pathlib", "subprocess", "socket", "shutil", "time"})


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", ROOMS, ids=_name)
def test_a_library_is_imported_only_in_its_room(path: Path) -> None:
    for module in _imports(path):
        for library, doors in DOORS.items():
            if module == library or module.startswith(library + "."):
                assert _name(path).startswith(tuple(doors) or ("nowhere",)), module


@pytest.mark.parametrize("name", PURE)
def test_a_pure_room_knows_no_input_and_output(name: str) -> None:
    imported = {m.partition(".")[0] for m in _imports(ROOT / "tasks" / f"{name}.py")}

    assert not imported & WORLDLY


@pytest.mark.parametrize("path", ROOMS, ids=_name)
def test_no_room_reaches_up(path: Path) -> None:
    """Models, then pure rooms, then input and output, then steps, then flows."""
    name = _name(path)
    reached = set(_imports(path))
    if name.startswith("tasks/"):
        assert not any(module.startswith("flows") for module in reached)
    if name.removeprefix("tasks/").removesuffix(".py") in PURE:
        own = {m.removeprefix("tasks.") for m in reached if m.startswith("tasks.")}
        allowed = {pure.replace("/", ".") for pure in PURE} | {"settings", "web.faults"}
        assert own <= allowed


def test_every_room_but_the_plug_board_stands_without_prefect() -> None:
    rooms = [
        _name(path).removesuffix(".py").replace("/", ".")
        for path in ROOMS
        if path.parts[-2] != "flows"
    ]
    program = (
        "import sys, importlib; sys.modules['prefect'] = None\n"
        f"for room in {rooms!r}: importlib.import_module(room)"
    )

    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_architecture_names_every_room() -> None:
    drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")

    missing = [_name(path) for path in ROOMS if f"`{_name(path)}`" not in drawn]

    assert missing == []


def test_architecture_says_why_each_dependency_is_there() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    drawn = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    names = [
        line.split(">")[0].split("=")[0] for line in project["project"]["dependencies"]
    ]

    assert [name for name in names if f"| {name} |" not in drawn] == []


def test_every_statement_has_its_promise_on_top() -> None:
    for path in (ROOT / "tasks" / "sql").rglob("*.sql"):
        assert path.read_text(encoding="utf-8").startswith("-- "), path


def test_the_lock_files_name_no_package_index_and_have_hashes() -> None:
    for name in ("requirements.lock", "bootstrap.lock"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        assert not [line for line in lines if "://" in line or "index" in line.lower()]
        assert any("--hash=sha256:" in line for line in lines)
