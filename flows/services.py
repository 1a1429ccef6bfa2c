"""The Prefect server and worker that stay: started, found again, and ended.

Each holds the lock of a file of its name below `prefect/` in the data directory, which
the system frees when it ends, however it ends: what holds no lock is not running.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim

from flows.serve import HOST, api_address, ask, is_healthy, prepare_environment
from tasks.run import BrokenError
from tasks.settings import Settings
from tasks.values import dataclass

POOL = "wirehouse"
START_SECONDS = 180.0  # a first start on a busy machine migrates a database
# A run that is interrupted keeps what it has and ends within seconds.
STOP_SECONDS = 30.0
_PAUSE_SECONDS = 0.1
ROOM_BYTES = 10_000_000  # a first start writes 3 MB, and needs a few times that
SIGN_SECONDS = 15.0  # a process that starts says within one which it is

# For glibc's malloc (mallopt(3)): what a server no longer needs goes to the system. By
# itself it is kept in as many places as there are threads, and in ever larger ones.
MEMORY = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": "65536",
    "MALLOC_TRIM_THRESHOLD_": "65536",
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
    with _alone(data, say):
        server = start_server(settings, say)
        port = server.port or settings.prefect_port
        os.environ["PREFECT_API_URL"] = address = api_address(port)
        try:
            _register(settings, folder)
            _go_to_work(data, port, say)
        except ServiceError:
            raise
        except Exception as error:  # a client has many, none of them ours
            log = _log_file(data, "server")
            msg = f"the Prefect server fails ({first_line(error)}): its log is {log}"
            raise ServiceError(msg) from error
    return address.removesuffix("/api"), _next_run(settings)


@contextmanager
def _alone(data: Path, say: Say) -> Iterator[None]:
    """Keep everybody else from starting anything of a data directory meanwhile."""
    path = _lock_file(data, "up")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `wirehouse up` is at it: waiting for it to end")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# Prefect is imported only here: it reads its settings from the environment then.
def _register(settings: Settings, folder: Path) -> None:
    from flows import deployments  # noqa: PLC0415

    deployments.register(settings, folder)


def _next_run(settings: Settings) -> datetime:
    from flows import deployments  # noqa: PLC0415

    return deployments.next_run(settings, datetime.now(UTC))


def _go_to_work(data: Path, port: int, say: Say) -> None:
    """Have a worker ask the server at *port* for runs."""
    from flows import deployments  # noqa: PLC0415

    worker, since = find_service(data, "worker"), None
    if worker is not None and worker.port != port:
        stop_service(data, worker)  # its server is gone, and with it all it has to do
        worker = None
    if worker is None:
        since = datetime.now(UTC)  # the server may know of one that was killed
        start_worker(data, api_address(port), say)
    deadline = time.monotonic() + START_SECONDS
    while not deployments.is_worker_online(since):
        if find_service(data, "worker") is None:
            raise not_started(_log_file(data, "worker"))
        if time.monotonic() > deadline:
            msg = "the worker does not ask for runs: `wirehouse down` ends it"
            raise ServiceError(msg)
        time.sleep(_PAUSE_SECONDS)


def go_down(data: Path) -> list[str]:
    """End the worker and the server of a data directory, if any; return their names."""
    data = data.resolve()
    found = (find_service(data, name) for name in ("worker", "server"))
    services = [service for service in found if service is not None]
    for service in services:
        stop_service(data, service)
    return [service.name for service in services]


def find_service(data: Path, name: str) -> Service | None:
    """Return the `server` or `worker` of a data directory, if it runs.

    Who it is counts only while its lock is held: the file itself outlives it, and its
    number may be that of another process by now.
    """
    try:
        descriptor = os.open(_lock_file(data, name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        deadline = time.monotonic() + SIGN_SECONDS
        while _is_held(descriptor):
            with suppress(ValueError, KeyError, TypeError):
                about = json.loads(os.pread(descriptor, 1_000, 0))
                return Service(name, about["pid"], about["port"])
            if time.monotonic() > deadline:
                msg = f"the {name} does not say which process it is: end it by hand"
                raise ServiceError(msg)
            time.sleep(_PAUSE_SECONDS)  # it is starting at this moment
    finally:
        os.close(descriptor)
    return None


def _is_held(descriptor: int) -> bool:
    """Tell whether a service holds its lock; those who ask share it in a moment."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def first_line(error: Exception) -> str:
    """Return what an error of Prefect's client says, without the answer it quotes."""
    words = str(error).strip().split("\n")[0].split(" - Response: ")[0]
    return words[:300] or type(error).__name__


def describe_services(settings: Settings) -> State:
    """Tell what is up, when the refresh is due next, and how the last run went."""
    data = settings.data.resolve()
    server, worker = (find_service(data, name) for name in ("server", "worker"))
    if server is None or server.port is None or not is_healthy(server.port):
        return State(None, worker, None, None)
    last = _newest_run(
        server.port, "START_TIME_DESC", "COMPLETED", "FAILED", "CRASHED", "CANCELLED",
        "RUNNING",
    )  # fmt: skip
    return State(
        api_address(server.port).removesuffix("/api"),
        worker,
        _due(server.port, settings.zone),
        _run_line(last, settings.zone) if last else None,
    )


def _due(port: int, zone: tzinfo) -> datetime | None:
    """Return when the refresh runs next.

    A server makes the runs of a schedule up to a minute after it was told of it.
    """
    following = _newest_run(port, "EXPECTED_START_TIME_ASC", "SCHEDULED")
    if following:
        return _moment(following["expected_start_time"], zone)
    refresh = ask(port, "GET", "/deployments/name/refresh/refresh")
    if refresh is None or refresh["paused"]:
        return None
    now = datetime.now(zone)
    active = (each["schedule"] for each in refresh["schedules"] if each["active"])
    moments = (_next_moment(each, now) for each in active if "cron" in each)
    return min(moments, default=None)


def _next_moment(schedule: Mapping[str, Any], now: datetime) -> datetime:
    place = ZoneInfo(schedule["timezone"] or "UTC")
    moment = next(CronSim(schedule["cron"], now.astimezone(place)))
    return moment.astimezone(now.tzinfo)


def _moment(text: str, zone: tzinfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)


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


def _run_line(run: Mapping[str, Any], zone: tzinfo) -> str:
    state = run["state"]
    reason = f": {state['message']}" if state["message"] else ""
    moment = _moment(state["timestamp"], zone)
    return f"{run['name']}, {state['name']} at {moment:%Y-%m-%d %H:%M %Z}{reason}"


def find_address(data: Path) -> str | None:
    """Return the address of the API of a data directory's own server, if it answers."""
    server = find_service(data, "server")
    if server is None or server.port is None or not is_healthy(server.port):
        return None
    return api_address(server.port)


def start_server(settings: Settings, say: Say) -> Service:
    """Return the server of a data directory when it answers; start it if none runs.

    Raises `ServiceError` if its port is taken, if it would listen to other machines
    without a password, or if it does not answer in time.
    """
    data, port = settings.data.resolve(), settings.prefect_port
    if find_service(data, "server") is None:
        _check_host(settings.prefect_host)
        _check_port(port)
        say(f"starting the Prefect server on port {port}")
        environment = {"PREFECT_API_URL": api_address(port), **MEMORY}
        if settings.prefect_database:
            name = "PREFECT_SERVER_DATABASE_CONNECTION_URL"
            environment[name] = settings.prefect_database
        _start(data, "server", str(port), settings.prefect_host, environment)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        server = find_service(data, "server")
        if server is None:
            raise not_started(_log_file(data, "server"))
        if server.port is not None and is_healthy(server.port):
            return server
        time.sleep(_PAUSE_SECONDS)
    msg = "the Prefect server does not answer: `wirehouse down` ends it"
    raise ServiceError(msg)


def start_worker(data: Path, address: str, say: Say) -> None:
    """Start a worker of the server at *address*; raise `ServiceError` if it cannot."""
    say("starting the worker")
    environment = {"PREFECT_API_URL": address, "WIREHOUSE_DATA": str(data)}
    _start(data, "worker", POOL, HOST, environment)


def stop_service(data: Path, service: Service) -> None:
    """End a service; raise `ServiceError` if it does not end.

    A worker tells the run that it has started to end, which keeps what it has.
    """
    deadline = time.monotonic() + STOP_SECONDS
    _tell(service, signal.SIGTERM)
    while find_service(data, service.name) == service:
        if time.monotonic() > deadline + STOP_SECONDS:
            msg = f"the {service.name} (process {service.pid}) does not end"
            raise ServiceError(msg)
        if time.monotonic() > deadline:
            _tell(service, signal.SIGKILL)
        time.sleep(_PAUSE_SECONDS)


def _tell(service: Service, number: int) -> None:
    try:
        os.kill(service.pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        msg = f"the {service.name} (process {service.pid}) is another user's"
        raise ServiceError(msg) from None


def _start(
    data: Path, name: str, argument: str, host: str, environment: Mapping[str, str]
) -> None:
    """Start a service that outlives this program, its lock held from the beginning."""
    prepare_environment(data)
    path = _lock_file(data, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # Nobody else starts it (`_alone`); who looks for it holds this for a moment.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        os.ftruncate(descriptor, 0)
        with _log_file(data, name).open("ab") as log:
            subprocess.Popen(  # noqa: S603 - our own module, by our interpreter
                [
                    *(sys.executable, "-m", "flows.serve"),
                    *(name, argument, host, str(descriptor)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **environment},
                pass_fds=[descriptor],
                start_new_session=True,  # it outlives the terminal
            )
    finally:
        os.close(descriptor)


def not_started(log: Path) -> ServiceError:
    """Say why a service ended: for want of room, or in the last words of its log."""
    lines = log.read_text("utf-8", "replace").split("\n") if log.is_file() else []
    why = next((line.strip() for line in reversed(lines) if line.strip()), "it ended")
    if shutil.disk_usage(log.parent).free < ROOM_BYTES:
        why = "its disk is full"
    name = "worker" if log.stem == "worker" else "Prefect server"
    return ServiceError(f"the {name} did not start: {why[:300]}; its log is {log}")


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
    except PermissionError:
        msg = f"port {port} is not for this user: set prefect_port to 1024 or more"
        raise ServiceError(msg) from None
    except OSError:
        other = "Prefect server" if is_healthy(port) else "program"
        msg = (
            f"port {port} is taken by another {other}: set prefect_port to a free one,"
            f" or end that {other}"
        )
        raise ServiceError(msg) from None


def _lock_file(data: Path, name: str) -> Path:
    return data / "prefect" / f"{name}.lock"


def _log_file(data: Path, name: str) -> Path:
    return data / "prefect" / f"{name}.log"
