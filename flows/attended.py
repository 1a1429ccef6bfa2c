"""A refresh as a Prefect flow run in this process, with somebody waiting for it."""

from __future__ import annotations

import importlib
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flows.serve import HOST, answers, api_address, is_healthy, prepare_environment
from flows.services import (
    POOL,
    START_SECONDS,
    ServiceError,
    find_address,
    first_line,
    not_started,
)
from tasks.imports import for_good
from tasks.run import IncompleteError, Job
from tasks.sources.selection import printable

# Of Prefect's client, where somebody waits: with 20 s for each try, 66 s in all. What a
# run says meanwhile waits in threads of its own, and its end for a server to come back.
ATTENDED_RETRIES = "2"
STOP_SECONDS = 15.0  # a server that is told to end has little to finish


def run_attended(job: Job) -> dict[str, Any]:
    """Run the refresh flow against the server at hand, or one of its own.

    Raises `ServiceError` where that server is none that a run can begin with.
    """
    os.environ.setdefault("PREFECT_CLIENT_MAX_RETRIES", ATTENDED_RETRIES)
    with prefect_server(job.settings.data, job.say) as address:
        # Only now: Prefect reads its settings from the environment when imported.
        with for_good():
            from prefect import tags  # noqa: PLC0415

            from flows import scheduled  # noqa: PLC0415
            from flows.course import (  # noqa: PLC0415
                Course,
                asked,
                flush,
                let_go,
                taken,
            )

        # Prefect tells on the terminal of each line that its server did not take.
        logging.raiseExceptions = False
        course = Course()
        token, place = asked.set(job), taken.set(course)
        try:
            options = scheduled.RefreshOptions(
                mode=_mode(job),
                with_pages=job.with_pages,
                with_images=job.with_images,
                sources=[printable(place.label) for place in job.settings.sources],
            )
            with tags(POOL):
                return dict(scheduled.refresh(options))
        except IncompleteError as error:
            if error.summary is None:
                raise
            return error.summary
        except Exception as error:
            course.is_heard = course.is_heard and error is course.error
            if not course.has_begun:
                raise _unusable(address, error) from error
            if course.error is not None:  # whatever became of telling it
                raise course.error from None
            if course.summary is None:
                raise
            job.say("the Prefect server is gone, its page ends early; all is published")
            return course.summary
        finally:
            course.patience.close()
            asked.reset(token)
            taken.reset(place)
            is_heard = course.is_heard and answers(address)
            flush() if is_heard else let_go()


def _unusable(address: str, error: Exception) -> ServiceError:
    msg = (
        f"the Prefect server at {urlsplit(address).netloc.rpartition('@')[2]} fails"
        f" ({first_line(error)}): `wirehouse run --direct` does without it"
    )
    return ServiceError(msg)


def _mode(job: Job) -> Any:
    if job.full:
        return "full"
    return "retry_failed" if job.retry_failed else "incremental"


@contextmanager
def prefect_server(data: Path, say: Callable[[str], None]) -> Iterator[str]:
    """Give the address of a Prefect API: that is there, or is for this block alone.

    One that is there is named by `PREFECT_API_URL`, or was started by `wirehouse up`.
    Raises `ServiceError` when our own does not answer within `START_SECONDS`.
    """
    prepare_environment(data)
    if address := _named_server(say) or find_address(data):
        os.environ["PREFECT_API_URL"] = address
        yield address
        return
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    os.environ["PREFECT_API_URL"] = api_address(port)
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own module, by our interpreter
            [sys.executable, "-m", "flows.serve", "child", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the run, which then ends the server
        )
        try:
            # In the second that this takes, the server takes the first of its own.
            with for_good():
                importlib.import_module("flows.scheduled")
            _wait_until_healthy(server, port, home / "server.log")
            yield os.environ["PREFECT_API_URL"]
        finally:
            os.environ.pop("PREFECT_API_URL", None)
            _stop(server)


def _named_server(say: Callable[[str], None]) -> str | None:
    """Return what the user's environment names, if it answers."""
    named = os.environ.get("PREFECT_API_URL")
    if not named or answers(named):
        return named
    where = urlsplit(named).netloc.rpartition("@")[2]
    say(f"no Prefect server answers at {where} (PREFECT_API_URL): going on without it")
    return None


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_healthy(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if is_healthy(port):
            return
        time.sleep(0.1)
    raise not_started(log)


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
