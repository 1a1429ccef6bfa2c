"""The Prefect server that a run talks to: quiet, private, on this machine alone.

A server of its own is a child process that lives as long as its standard input is open,
so it cannot outlive the run, however the run ends.
"""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.run import BrokenError

HOST = "127.0.0.1"
START_SECONDS = 180.0  # a first start on a busy machine migrates a database
STOP_SECONDS = 15.0

# Nothing leaves this machine, and nothing is printed that is not for the user.
QUIET = {
    "DO_NOT_TRACK": "1",
    "PREFECT_CLI_COLORS": "false",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FLOW_RUNS_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL": "CRITICAL",
    "PREFECT_RESULTS_DEFAULT_SERIALIZER": "json",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_API_HOST": HOST,
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_UI_V2_ENABLED": "false",
}


class ServerError(BrokenError):
    """A Prefect server that does not come up: one line, with where its log is."""


def prepare_environment(data: Path) -> None:
    """Set what Prefect reads when it is imported; must come before that.

    What the user has set already is left alone.
    """
    os.environ.setdefault("PREFECT_HOME", str((data / "prefect").resolve()))
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


@contextmanager
def prefect_server(data: Path) -> Iterator[str]:
    """Give the address of a Prefect API: the one that is set, or one of our own.

    Raises `ServerError` when our own does not answer within `START_SECONDS`.
    """
    prepare_environment(data)
    if address := os.environ.get("PREFECT_API_URL"):
        yield address
        return
    home = Path(os.environ["PREFECT_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    port = _free_port()
    with (home / "server.log").open("wb") as log:
        server = subprocess.Popen(  # noqa: S603 - our own module, by our interpreter
            [sys.executable, "-m", "flows.serve", str(port)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is for the run, which then ends the server
        )
        try:
            _wait_until_healthy(server, port, home / "server.log")
            os.environ["PREFECT_API_URL"] = f"http://{HOST}:{port}/api"
            yield os.environ["PREFECT_API_URL"]
        finally:
            os.environ.pop("PREFECT_API_URL", None)
            _stop(server)


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        return int(listener.getsockname()[1])


def _wait_until_healthy(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        if _is_healthy(port):
            return
        time.sleep(0.1)
    msg = f"the Prefect server did not start; its log is {log}"
    raise ServerError(msg)


def _is_healthy(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == http.client.OK
    except OSError:
        return False
    finally:
        connection.close()


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.stdin is not None:
        server.stdin.close()
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _serve(port: int) -> None:
    """Run the server in this process until standard input ends."""
    import uvicorn  # noqa: PLC0415 - only the child needs a web server
    from prefect.server.api.server import create_app  # noqa: PLC0415

    threading.Thread(target=_end_with_input, daemon=True).start()
    uvicorn.run(create_app(), host=HOST, port=port, log_level="warning")


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
