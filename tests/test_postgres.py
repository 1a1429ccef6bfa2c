"""`wirehouse up` with a password and a real PostgreSQL, which the test starts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.serve import ask
from flows.services import find_service
from tests.hub import Hub
from tests.test_cli import wirehouse
from tests.test_services import free_port

FOUND = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
BIN = FOUND[-1].parent if FOUND else None
pytestmark = pytest.mark.skipif(
    BIN is None, reason="PostgreSQL is not installed: apt-get install postgresql"
)


def postgres(*arguments: str | Path) -> str:
    """Run one of PostgreSQL's programs, as its own user: it refuses to be root."""
    program, *rest = arguments
    done = subprocess.run(
        [Path(str(BIN), program), *rest],
        user="postgres" if os.geteuid() == 0 else None,
        cwd="/tmp",  # noqa: S108 - which its user may enter
        check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return done.stdout


def who(port: str) -> tuple[str, ...]:
    """Return where a client finds the server, and as whom."""
    return ("-h", "127.0.0.1", "-p", port, "-U", "wirehouse")


@pytest.fixture
def database() -> Iterator[str]:
    """Return the port of a PostgreSQL with an empty database `prefect`."""
    folder, port = Path(tempfile.mkdtemp()), str(free_port())
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        data = folder / "data"
        postgres("initdb", "-D", data, "-U", "wirehouse", "-A", "trust", "--no-sync")
        options = f"-p {port} -k {folder} -h 127.0.0.1 -F"
        start = ("start", "-w", "-D", data, "-l", folder / "log", "-o", options)
        postgres("pg_ctl", *start)
        postgres(
            "createdb", "-h", "127.0.0.1", "-p", port, "-U", "wirehouse", "prefect"
        )
        yield port
    finally:
        postgres("pg_ctl", "stop", "-w", "-m", "immediate", "-D", folder / "data")
        shutil.rmtree(folder)


def test_a_server_on_postgres_keeps_its_runs_there_and_its_password(
    tmp_path: Path, database: str
) -> None:
    Hub(tmp_path).write("a.md")
    text = f'sources = ["hub"]\nprefect_port = {free_port()}\n'
    (tmp_path / "wirehouse.toml").write_text(text)
    address = f"postgresql+asyncpg://wirehouse@127.0.0.1:{database}/prefect"
    password = {"PREFECT_SERVER_API_AUTH_STRING": "wirehouse:secret"}
    try:
        up = wirehouse(
            "up", cwd=tmp_path, WIREHOUSE_PREFECT_DATABASE=address, **password
        )
        done = wirehouse("run", "--no-fetch", "--no-images", cwd=tmp_path, **password)
        shown = wirehouse("status", cwd=tmp_path, **password)
        server = find_service(tmp_path / "data", "server")
        stranger = ask((server and server.port) or 0, "POST", "/flows/count")
    finally:
        wirehouse("down", cwd=tmp_path)

    assert (up.returncode, done.returncode) == (0, 0), up.stderr + done.stderr
    assert "refresh · hub · 1 new, Completed at" in shown.stdout
    assert stranger is None  # who has no password is told nothing
    question = "select name from flow_run where state_name = 'Completed'"
    kept = postgres("psql", *who(database), "-At", "-c", question, "prefect")
    assert kept == "refresh · hub · 1 new\n"
    assert not (tmp_path / "data" / "prefect" / "prefect.db").exists()
