"""The Prefect server and worker that stay: started, found again, and ended.

Each holds the lock of a file of its name below `prefect/` in the data directory, which
the system frees when it ends, however it ends: what holds no lock is not running.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.serve import HOST, ask, is_healthy, prepare_environment
from tasks.lock import who_holds
from tasks.run import BrokenError
from tasks.settings import Settings

POOL = "wirehouse"
START_SECONDS = 180.0  # a first start on a busy machine migrates a database
# A run that is interrupted keeps what it has and ends within seconds.
STOP_SECONDS = 30.0
_PAUSE_SECONDS = 0.1

# What is written to their logs: a service that fails must say so somewhere.
_TALK = {
    "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "WARNING",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_FLOW_RUNS_LEVEL": "INFO",
    "PREFECT_LOGGING_HANDLERS_CONSOLE_TASK_RUNS_LEVEL": "INFO",
    "PREFECT_WORKER_ENABLE_CANCELLATION": "true",
}

Say = Callable[[str], None]


class ServiceError(BrokenError):
    """A service that does not start or end: one line on why and what to do."""


@dataclass(frozen=True, slots=True)
class Service:
    """A server or worker that runs; *port* is the server's."""

    name: str
    pid: int
    port: int | None = None


@dataclass(frozen=True, slots=True)
class State:
    """What is up of a data directory, and what its server knows of its runs."""

    address: str | None
    worker: Service | None
    next_run: datetime | None
    last_run: str | None


def go_up(settings: Settings, folder: Path, say: Say) -> tuple[str, datetime]:
    """Start what is not up yet, and bring the server up to date with *settings*.

    Returns the server's address and when the next run is due. Raises `ServiceError`.
    """
    data = settings.data.resolve()
    server = start_server(settings, say)
    address = api_address(server.port or settings.prefect_port)
    os.environ["PREFECT_API_URL"] = address
    # Only now: Prefect reads its settings from the environment when imported.
    from flows import deployments  # noqa: PLC0415

    deployments.register(settings, folder)
    start_worker(data, address, say)
    deadline = time.monotonic() + START_SECONDS
    while not deployments.is_worker_online():
        if time.monotonic() > deadline or find_service(data, "worker") is None:
            msg = f"the worker did not start: its log is {_log_file(data, 'worker')}"
            raise ServiceError(msg)
        time.sleep(_PAUSE_SECONDS)
    return address.removesuffix("/api"), deployments.next_run(
        settings, datetime.now(UTC)
    )


def go_down(data: Path) -> list[str]:
    """End the worker and the server of a data directory, if any; return their names."""
    data = data.resolve()
    found = (find_service(data, name) for name in ("worker", "server"))
    services = [service for service in found if service is not None]
    for service in services:
        stop_service(data, service)
    return [service.name for service in services]


def find_service(data: Path, name: str) -> Service | None:
    """Return the `server` or `worker` of a data directory, if it runs."""
    try:
        descriptor = os.open(_lock_file(data, name), os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read(descriptor, name)
    finally:
        os.close(descriptor)
    return None


def describe_services(settings: Settings) -> State:
    """Tell what is up, when the refresh is due next, and how the last run went."""
    data = settings.data.resolve()
    server, worker = (find_service(data, name) for name in ("server", "worker"))
    if server is None or server.port is None or not is_healthy(server.port):
        return State(None, worker, None, None)
    following = _newest_run(server.port, "EXPECTED_START_TIME_ASC", "SCHEDULED")
    due = following and datetime.fromisoformat(following["expected_start_time"])
    last = _newest_run(
        server.port, "START_TIME_DESC", "COMPLETED", "FAILED", "CRASHED", "CANCELLED",
        "RUNNING",
    )  # fmt: skip
    return State(
        api_address(server.port).removesuffix("/api"),
        worker,
        due.astimezone(settings.zone) if due else None,
        _run_line(last) if last else None,
    )


def _newest_run(port: int, order: str, *states: str) -> dict[str, Any] | None:
    """Return the first run of the refresh in some order, in one of *states*."""
    wanted = {
        "sort": order,
        "limit": 1,
        "flows": {"name": {"any_": ["refresh"]}},
        "flow_runs": {"state": {"type": {"any_": states}}},
    }
    found = ask(port, "POST", "/flow_runs/filter", wanted)
    return found[0] if found else None


def _run_line(run: Mapping[str, Any]) -> str:
    state = run["state"]
    reason = f": {state['message']}" if state["message"] else ""
    return f"{run['name']}, {state['name']} at {state['timestamp'][:16]}{reason}"


def find_address(data: Path) -> str | None:
    """Return the address of the API of a data directory's own server, if it answers."""
    server = find_service(data, "server")
    if server is None or server.port is None or not is_healthy(server.port):
        return None
    return api_address(server.port)


def api_address(port: int) -> str:
    """Return the address of the API of the server at *port*."""
    return f"http://{HOST}:{port}/api"


def start_server(settings: Settings, say: Say) -> Service:
    """Return the server of a data directory when it answers; start it if none runs.

    Raises `ServiceError` if its port is taken, if it would listen to other machines
    without a password, or if it does not answer in time.
    """
    data, port = settings.data.resolve(), settings.prefect_port
    server = find_service(data, "server")
    if server is None:
        _check_host(settings.prefect_host)
        _check_port(port)
        say(f"starting the Prefect server on port {port}")
        environment = (
            {"PREFECT_SERVER_DATABASE_CONNECTION_URL": settings.prefect_database}
            if settings.prefect_database
            else {}
        )
        arguments = (str(port), settings.prefect_host)
        _start(data, "server", *arguments, port=port, environment=environment)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server = find_service(data, "server")
        if server is None:
            break
        if server.port is not None and is_healthy(server.port):
            return server
        time.sleep(_PAUSE_SECONDS)
    msg = f"the Prefect server did not start: its log is {_log_file(data, 'server')}"
    raise ServiceError(msg)


def start_worker(data: Path, address: str, say: Say) -> Service:
    """Return the worker of a data directory; start it if none runs."""
    worker = find_service(data, "worker")
    if worker is None:
        say("starting the worker")
        environment = {"PREFECT_API_URL": address, "WIREHOUSE_DATA": str(data)}
        _start(data, "worker", POOL, environment=environment)
        worker = find_service(data, "worker")
    if worker is None:
        msg = f"the worker did not start: its log is {_log_file(data, 'worker')}"
        raise ServiceError(msg)
    return worker


def stop_service(data: Path, service: Service) -> None:
    """End a service; raise `ServiceError` if it does not end.

    A worker waits for the run that it has started, which is interrupted, keeps what it
    has, and ends.
    """
    deadline = time.monotonic() + STOP_SECONDS
    with suppress(ProcessLookupError):
        os.kill(service.pid, signal.SIGTERM)
        if service.name == "worker" and (run := who_holds(data)) is not None:
            os.kill(run, signal.SIGINT)
    while find_service(data, service.name) == service:
        if time.monotonic() > deadline + STOP_SECONDS:
            msg = f"the {service.name} (process {service.pid}) does not end"
            raise ServiceError(msg)
        if time.monotonic() > deadline:
            with suppress(ProcessLookupError):
                os.kill(service.pid, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


def _start(
    data: Path,
    name: str,
    *arguments: str,
    port: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> None:
    """Start a service that outlives this program, its lock held from the beginning."""
    prepare_environment(data)
    path = _lock_file(data, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with _log_file(data, name).open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own module, by our interpreter
                [sys.executable, "-m", "flows.serve", name, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_TALK, **(environment or {})},
                pass_fds=[descriptor],
                start_new_session=True,  # it outlives the terminal
            )
        os.ftruncate(descriptor, 0)
        about = {"pid": process.pid, "port": port}
        os.pwrite(descriptor, json.dumps(about).encode(), 0)
    except BlockingIOError:
        return  # somebody else starts it at this moment
    finally:
        os.close(descriptor)


def _read(descriptor: int, name: str) -> Service | None:
    for _ in range(20):  # it may be starting at this moment
        try:
            about = json.loads(os.pread(descriptor, 1_000, 0))
            return Service(name, about["pid"], about["port"])
        except (ValueError, KeyError, TypeError):
            time.sleep(_PAUSE_SECONDS)
    return None


def _check_host(host: str) -> None:
    """Refuse to be open to other machines without a password."""
    if host == HOST or os.environ.get("PREFECT_SERVER_API_AUTH_STRING"):
        return
    msg = (
        f"prefect_host {host} is open to other machines: first set"
        " PREFECT_SERVER_API_AUTH_STRING to 'user:password' in the environment"
    )
    raise ServiceError(msg)


def _check_port(port: int) -> None:
    try:
        with socket.create_server((HOST, port)):
            pass
    except OSError:
        msg = (
            f"port {port} is taken by another program: set prefect_port to a free one,"
            " or end that program"
        )
        raise ServiceError(msg) from None


def _lock_file(data: Path, name: str) -> Path:
    return data / "prefect" / f"{name}.lock"


def _log_file(data: Path, name: str) -> Path:
    return data / "prefect" / f"{name}.log"
