"""A Prefect server that is ill: healthy, it says, and fails at all that it is asked."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Faulty:
    """How a server fails, and after how many requests; before, *behind* answers."""

    how: str = "500"
    port: int = 0
    behind: int | None = None  # the port of a server that is well
    after: int = 0
    asked: list[str] = field(default_factory=list)
    is_over: threading.Event = field(default_factory=threading.Event)

    @property
    def address(self) -> str:
        """The address of its API."""
        return f"http://127.0.0.1:{self.port}/api"

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Return a status and a body, such as they are."""
        if path == "/api/health":
            return 200, b"true"
        self.asked.append(f"{method} {path}")
        if self.behind is not None and len(self.asked) <= self.after:
            return self._passed_on(self.behind, method, path, body)
        if self.how == "hang":
            self.is_over.wait(60)
        if self.how == "garbage":
            return 200, b"<html>\xff"
        return 500, b'{"detail": "boom"}'

    @staticmethod
    def _passed_on(port: int, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def failing(faulty: Faulty) -> Iterator[Faulty]:
    """Have a server of this process fail as *faulty* says, at its port."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = faulty.answer(self.command, self.path, body)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of clients that did not wait."""

    with Server(("127.0.0.1", 0), Handler) as server:
        faulty.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield faulty
        finally:
            faulty.is_over.set()
            server.shutdown()
            thread.join()


@contextmanager
def standing_in(data: Path, name: str, about: object = None) -> Iterator[Path]:
    """Hold the lock of a service of a data directory, as one that runs does."""
    path = data / "prefect" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        json.dump(about or {"pid": os.getpid(), "port": None}, lock)
        lock.flush()
        yield path
