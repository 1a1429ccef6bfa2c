"""A server that is half there, ill, or another's: one line, or the right thing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from flows import serve, services
from flows.services import ServiceError, find_service, go_down, start_server
from tasks.settings import Settings
from tests.faulty import Faulty, failing, standing_in
from tests.hub import Hub
from tests.test_cli import wirehouse
from tests.test_services import free_port

IMPATIENT = (
    "from flows import serve; serve.ANSWER_SECONDS = 0.3;"
    "from flows.cli import main; main()"
)


def test_what_a_dead_service_left_behind_is_nobody(tmp_path: Path) -> None:
    """Its number may be that of another process by now, which nobody may end."""
    with subprocess.Popen(["sleep", "60"]) as stranger:  # noqa: S607 - any program
        (tmp_path / "prefect").mkdir()
        for name in ("server", "worker"):
            left = tmp_path / "prefect" / f"{name}.lock"
            left.write_text(json.dumps({"pid": stranger.pid, "port": 4471}))

        assert go_down(tmp_path) == []
        assert stranger.poll() is None
        stranger.kill()


def test_who_looks_for_a_service_is_not_taken_for_it(tmp_path: Path) -> None:
    """Two that look at the same moment are no service, whatever the file says."""
    with standing_in(tmp_path, "server"):
        pass
    stop = threading.Event()
    found = []

    def look() -> None:
        while not stop.is_set():
            found.append(find_service(tmp_path, "server"))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    stop.set()
    for thread in threads:
        thread.join()

    assert set(found) == {None}


def test_a_service_that_has_just_started_is_waited_for(tmp_path: Path) -> None:
    with standing_in(tmp_path, "worker") as lock:
        signed = lock.read_text()
        lock.write_text("")
        threading.Timer(0.3, lock.write_text, (signed,)).start()

        found = find_service(tmp_path, "worker")

    assert found is not None
    assert found.pid == os.getpid()


def test_a_service_that_never_says_who_it_is_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "SIGN_SECONDS", 0.1)
    with standing_in(tmp_path, "worker") as lock:
        lock.write_text("")

        with pytest.raises(ServiceError, match="does not say which process it is"):
            find_service(tmp_path, "worker")


def test_a_port_of_another_prefect_server_is_said(tmp_path: Path) -> None:
    with failing(Faulty()) as other:
        settings = Settings(data=tmp_path, prefect_port=other.port)

        with pytest.raises(ServiceError, match="is taken by another Prefect server"):
            start_server(settings, lambda _: None)


def test_an_address_without_a_server_answers_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serve, "ANSWER_SECONDS", 0.3)
    with failing(Faulty()) as server:
        assert serve.answers(server.address)
        assert not serve.answers(f"http://127.0.0.1:{server.port}/elsewhere")
        assert not serve.answers(f"https://127.0.0.1:{server.port}/api")
    assert not serve.answers("http://127.0.0.1:9/api")
    assert not serve.answers("no address")


@pytest.mark.parametrize("how", ["500", "garbage", "hang"])
def test_the_doctor_says_in_one_line_that_the_server_fails(
    tmp_path: Path, how: str
) -> None:
    Hub(tmp_path).write("a.md")
    with failing(Faulty(how)) as server:
        about = {"pid": os.getpid(), "port": server.port}
        with standing_in(tmp_path / "data", "server", about):
            told = subprocess.run(
                [sys.executable, "-c", IMPATIENT, "doctor"],
                cwd=tmp_path, capture_output=True, text=True, check=False,
            )  # fmt: skip

    assert (told.returncode, told.stderr) == (1, "")
    (line,) = [line for line in told.stdout.splitlines() if "Prefect server" in line]
    assert "it fails when it is asked for its runs" in line
    assert line.endswith("`wirehouse down`, then `wirehouse up`")


def test_the_doctor_says_that_the_server_does_not_answer(tmp_path: Path) -> None:
    about = {"pid": os.getpid(), "port": free_port()}
    with standing_in(tmp_path / "data", "server", about):
        told = wirehouse("doctor", cwd=tmp_path)

    assert f"process {os.getpid()} does not answer on port" in told.stdout
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("how", ["500", "garbage"])
def test_a_run_that_its_server_lets_not_begin_is_one_line(
    tmp_path: Path, how: str
) -> None:
    Hub(tmp_path).write("a.md")
    (tmp_path / "wirehouse.toml").write_text('sources = ["hub"]')
    with failing(Faulty(how)) as server:
        told = wirehouse("run", cwd=tmp_path, PREFECT_API_URL=server.address)

    assert (told.returncode, told.stdout) == (1, "")
    (line,) = told.stderr.splitlines()
    assert line.startswith(f"wirehouse: the Prefect server at 127.0.0.1:{server.port}")
    assert line.endswith("`wirehouse run --direct` does without it")


def test_what_another_prefect_of_the_user_is_told_is_not_for_ours(
    tmp_path: Path,
) -> None:
    """An address where nobody answers, a profile, a home, a database; odd names."""
    folder = tmp_path / "a hub's Übung"
    folder.mkdir()
    Hub(folder).write("a.md")
    (folder / "hub").rename(folder / os.fsdecode(b"h\xfcb"))
    home = tmp_path / "home"
    (home / ".prefect").mkdir(parents=True)
    (home / ".prefect" / "profiles.toml").write_text(
        'active = "far"\n[profiles.far]\nPREFECT_API_URL = "http://127.0.0.1:9/api"\n'
    )
    home.chmod(0o500)

    done = wirehouse(
        "run", "--no-fetch", "--no-images", "--source", os.fsdecode(b"h\xfcb"),
        cwd=folder,
        HOME=str(home),
        PREFECT_HOME=str(tmp_path / "elsewhere"),
        PREFECT_PROFILE="far",
        PREFECT_API_URL="http://name:secret@127.0.0.1:9/api",
        PREFECT_SERVER_DATABASE_CONNECTION_URL="sqlite+aiosqlite:////nowhere/x.db",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "1 loaded" in done.stdout
    assert "no Prefect server answers at 127.0.0.1:9 (PREFECT_API_URL)" in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "data" / "prefect" / "prefect.db").is_file()
    assert not (tmp_path / "elsewhere").exists()
    assert [path.name for path in home.rglob("*")] == [".prefect", "profiles.toml"]


def test_a_data_directory_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"d\xfc")
    folder.mkdir()
    Hub(folder).write("a.md")

    done = wirehouse("run", "--direct", "--source", "hub", cwd=folder)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.endswith("is no UTF-8, and DuckDB opens no such file")
