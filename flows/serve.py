"""What is a process of its own: the Prefect server, quiet and private, and its worker.

A server of a run lives as long as its standard input is open, so it cannot outlive the
run, however the run ends; the server and worker of `wirehouse up` stay.
"""

from __future__ import annotations

import asyncio
import base64
import http.client
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tasks.imports import for_good
from tasks.settings import load_settings

HOST = "127.0.0.1"
ANSWER_SECONDS = 5.0  # for what a healthy server answers within milliseconds
GRACE_SECONDS = 20.0  # a run that is told to end keeps what it has within seconds

LOOK_SECONDS = 2  # between two looks at what automations wait for in vain

# Nothing leaves this machine, and nothing is printed that is not for the user.
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_API_REQUEST_TIMEOUT": "20",  # seconds, of each try
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FLOW_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",  # a line for each event not sent
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_API_HOST": HOST,
    # Runs older than 90 days go, with their logs and artifacts: one takes 0.2 MB.
    "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    # What is due while the server is down is late afterwards, and skipped one by one.
    "PREFECT_SERVER_SERVICES_SCHEDULER_MAX_RUNS": "12",
    "PREFECT_SERVER_EVENTS_PROACTIVE_GRANULARITY": f"PT{LOOK_SECONDS}S",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "true",  # it draws the lineage; see CONTENT_POLICY
}

# What is written to their logs: a service that fails must say so somewhere.
TALK = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FLOW_RUNS_LEVEL": "INFO",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL": "INFO",
    "PREFECT_WORKER_ENABLE_CANCELLATION": "true",
}

# A run needs no types of blocks, which are 1.2 CPU s of the first start on a database;
# the server that stays knows by its memo whether they are in it, and by that alone.
BRIEF = {
    "PREFECT_SERVER_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
}

# Where Prefect keeps its state, and whose settings it takes. Ours is in the data
# directory, whatever another Prefect of the same user is told by these.
FOREIGN = (
    "PREFECT_API_DATABASE_",
    "PREFECT_PROFILE",  # and PREFECT_PROFILES_PATH
    "PREFECT_SERVER_DATABASE_",
    "PREFECT_SERVER_UI_API_URL",
    "PREFECT_UI_",
)

# What a page of the UI may load and speak to (Content Security Policy): this server.
# The new UI asks an outside host for its configuration even where analytics are off.
CONTENT_POLICY = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:"


def prepare_environment(data: Path) -> None:
    """Set what Prefect reads when it is imported; must come before that.

    What the user has set is left alone, but for what would lead to another Prefect's
    state.
    """
    for name in tuple(os.environ):
        if name.startswith(FOREIGN):
            del os.environ[name]
    os.environ["PREFECT_HOME"] = str((data / "prefect").resolve())
    if password := os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        os.environ.setdefault("PREFECT_API_AUTH_STRING", password)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def is_healthy(port: int) -> bool:
    """Tell whether the Prefect server at *port* of this machine answers."""
    return answers(api_address(port))


def answers(address: str) -> bool:
    """Tell whether there is a Prefect server at the *address* of an API."""
    return _ask(address, "GET", "/health", None) is True


def ask(port: int, method: str, path: str, body: object = None) -> Any:
    """Ask the Prefect server at *port* of this machine, without importing Prefect.

    Returns None if it does not answer, or not what was asked for.
    """
    return _ask(api_address(port), method, path, body)


def api_address(port: int) -> str:
    """Return the address of the API of the server at *port* of this machine."""
    return f"http://{HOST}:{port}/api"


def _ask(address: str, method: str, path: str, body: object) -> Any:
    place = urlsplit(address)
    is_safe = place.scheme == "https"
    kind = http.client.HTTPSConnection if is_safe else http.client.HTTPConnection
    connection = kind(place.netloc.rpartition("@")[2], timeout=ANSWER_SECONDS)
    try:
        headers = {"Content-Type": "application/json", **_authorization()}
        connection.request(method, place.path + path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        return json.loads(content) if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _authorization() -> dict[str, str]:
    """Return the header that a server with a password asks for (RFC 7617)."""
    names = ("PREFECT_API_AUTH_STRING", "PREFECT_SERVER_API_AUTH_STRING")
    password = next((os.environ[name] for name in names if os.environ.get(name)), "")
    coded = base64.b64encode(password.encode()).decode()
    return {"Authorization": f"Basic {coded}"} if password else {}


def _serve(port: int, host: str = HOST, *, until_input_ends: bool) -> None:
    """Run the server in this process, until it is told to end."""
    # Prefect would have messages name port 4200, and pages ask there.
    os.environ["PREFECT_UI_URL"] = f"http://{HOST}:{port}"
    os.environ["PREFECT_SERVER_UI_API_URL"] = "/api"
    if until_input_ends:
        threading.Thread(target=_end_with_input, daemon=True).start()
    with for_good():
        import uvicorn  # noqa: PLC0415 - only the child needs a web server
        from prefect.server.api.server import create_app  # noqa: PLC0415

        from flows import database  # noqa: PLC0415 - as above

    database.take_turns()
    database.begin()
    uvicorn.run(_kept_private(create_app()), host=host, port=port, log_level="warning")


def _kept_private(app: Any) -> Any:
    """Have every page of *app* forbid browsers to speak to anybody else."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async def send_with_policy(message: Any) -> None:
            if message["type"] == "http.response.start":
                policy = (b"content-security-policy", CONTENT_POLICY.encode())
                message = {**message, "headers": [*message["headers"], policy]}
            await send(message)

        await app(scope, receive, send_with_policy)

    return answer


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


async def _work(pool: str) -> None:
    """Run what *pool* has to run, one at a time, until told to end.

    Prefect's own command kills the run that is under way when it is told to end; this
    one tells it to end, too, waits until it has kept what it has, and then goes.
    """
    with for_good():
        from prefect.workers.process import ProcessWorker  # noqa: PLC0415 - as above

    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    # One, lest all that fell due while this machine slept starts at once.
    worker = ProcessWorker(work_pool_name=pool, name=socket.gethostname(), limit=1)
    work = asyncio.ensure_future(worker.start())
    until_told = asyncio.ensure_future(told.wait())
    await asyncio.wait((work, until_told), return_when=asyncio.FIRST_COMPLETED)
    if told.is_set():
        await _end_runs()
        work.cancel()
    with suppress(asyncio.CancelledError):
        await work


async def _end_runs() -> None:
    """Tell the runs that are under way to end, and wait until they have."""
    for pid in _children():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    while _children() and time.monotonic() < deadline:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.1)


def _children() -> list[int]:
    """Return the processes that this one started, as Linux alone tells (proc(5))."""
    found = Path("/proc/self/task").glob("*/children")
    return [int(pid) for path in found for pid in path.read_text().split()]


def _sign(lock: int) -> None:
    """Write into the lock that this process holds which one it is, and its port.

    It does so itself: whoever started it may be killed before it could.
    """
    # A run that outlives its worker holds nothing.
    os.set_inheritable(lock, False)  # noqa: FBT003 - as it is called
    port = urlsplit(os.environ["PREFECT_API_URL"]).port
    os.pwrite(lock, json.dumps({"pid": os.getpid(), "port": port}).encode(), 0)


def main(kind: str, argument: str, host: str = HOST, lock: str = "") -> None:
    """Be a server for a run (`child`), one that stays (`server`), or a `worker`.

    *lock* is the descriptor of the lock that is held as long as this process lives.
    """
    if lock:
        _sign(int(lock))
    if kind == "worker":  # which may be on another machine, started by hand
        prepare_environment(load_settings(Path.cwd())[0].data)
    os.environ.update(BRIEF if kind == "child" else TALK)
    if kind == "worker":
        asyncio.run(_work(argument))
    else:
        _serve(int(argument), host, until_input_ends=kind == "child")


if __name__ == "__main__":
    main(*sys.argv[1:])
