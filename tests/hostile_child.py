"""The `wirehouse` command in a world of a test's own.

Usage: `hostile_child.py WORLD ARGUMENTS…`, WORLD being a file of JSON: *authority* is a
certificate to trust, *names* what the name service says of some names (addresses, or an
error's number), *silent* are names of which it never says anything, *memory* is the
file for the most memory that this process had, in bytes.
"""

from __future__ import annotations

import atexit
import json
import re
import socket
import sys
import time
from pathlib import Path
from typing import Any

import certifi

from flows.cli import main

WORLD: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
_ask_the_system = socket.getaddrinfo


def ask(host: bytes | str | None, *args: Any, **kwargs: Any) -> Any:
    """Answer for the names of this world as the system's function would."""
    name = host.decode() if isinstance(host, bytes) else host or ""
    if name in WORLD["silent"]:
        time.sleep(60)
    found = WORLD["names"].get(name)
    if isinstance(found, int):
        raise socket.gaierror(found, "so it was told")
    if found is None:
        return _ask_the_system(host, *args, **kwargs)
    return [(0, socket.SOCK_STREAM, 6, "", (address, 0)) for address in found]


def note_memory() -> None:
    """Write down the high-water mark, which begins anew with each program."""
    status = Path("/proc/self/status").read_text("ascii")
    found = re.search(r"VmHWM:\s+([0-9]+) kB", status)
    assert found is not None
    Path(WORLD["memory"]).write_text(f"{int(found[1]) * 1024}", "ascii")


if __name__ == "__main__":
    certifi.where = lambda: str(WORLD["authority"])
    socket.getaddrinfo = ask
    atexit.register(note_memory)
    sys.argv[1:2] = []
    main()
