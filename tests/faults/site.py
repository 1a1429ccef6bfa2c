"""A small site for runs that are broken: every path is a page, or an image.

Started as a program of its own; it ends when its standard input does.
"""

from __future__ import annotations

import io
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

STORY = "The ferry to the outer islands was late again, and nobody knew why. " * 12


class Handler(BaseHTTPRequestHandler):
    """Answers with what the path's ending asks for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer: the same for the same path."""
        if self.path == "/robots.txt":
            self._answer(404, "text/plain", b"none")
        elif self.path.endswith(".png"):
            self._answer(200, "image/png", _image(self.path))
        else:
            title = self.path.strip("/")
            page = f"<title>{title}</title><h1>{title}</h1><p>{STORY}</p>"
            self._answer(200, "text/html; charset=utf-8", page.encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _image(path: str) -> bytes:
    color = (sum(path.encode()) * 7 % 256, len(path) * 9 % 256, 90)
    file = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(file, "png")
    return file.getvalue()


def main() -> None:
    """Serve on a free port, which is printed."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)  # noqa: T201 - the answer itself
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
