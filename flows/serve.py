"""What is a process of its own: the Prefect server, quiet and private, and its worker.

A server of a run lives as long as its standard input is open, so it cannot outlive the
run, however the run ends; the server and worker of `wirehouse up` stay.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"

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


def prepare_environment(data: Path) -> None:
    """Set what Prefect reads when it is imported; must come before that.

    What the user has set already is left alone.
    """
    os.environ.setdefault("PREFECT_HOME", str((data / "prefect").resolve()))
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def is_healthy(port: int) -> bool:
    """Tell whether the Prefect server at *port* of this machine answers."""
    return ask(port, "GET", "/health") is not None


def ask(port: int, method: str, path: str, body: object = None) -> Any:
    """Ask the Prefect server at *port* of this machine, without importing Prefect.

    Returns None if it does not answer, or not what was asked for.
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        headers = {"Content-Type": "application/json"}
        connection.request(method, f"/api{path}", json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        return json.loads(content) if answer.status == http.client.OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()


def _serve(port: int, *, until_input_ends: bool) -> None:
    """Run the server in this process, until it is told to end."""
    import uvicorn  # noqa: PLC0415 - only the child needs a web server
    from prefect.server.api.server import create_app  # noqa: PLC0415

    if until_input_ends:
        threading.Thread(target=_end_with_input, daemon=True).start()
    uvicorn.run(create_app(), host=HOST, port=port, log_level="warning")


def _end_with_input() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


def _work(pool: str) -> None:
    """Become a worker of *pool*."""
    # What is started in the background of a script ignores SIGINT, and Prefect's worker
    # ends by it: it sends itself one when it is told to end.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = ["-m", "prefect", "worker", "start", "--pool", pool, "--name", pool]
    os.execv(sys.executable, [sys.executable, *command, "--install-policy", "never"])  # noqa: S606 - our own interpreter


def main(kind: str, argument: str) -> None:
    """Be a server for a run (`child`), one that stays (`server`), or a `worker`."""
    if kind == "worker":
        _work(argument)
    else:
        _serve(int(argument), until_input_ends=kind == "child")


if __name__ == "__main__":
    main(*sys.argv[1:])
