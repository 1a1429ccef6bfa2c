"""What runs inside the sandbox's processes: a nursery that forks, children that work.

Imported by a fresh interpreter, which therefore imports little (see `tasks.sandbox`).
"""

from __future__ import annotations

import gc
import os
import pickle
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any

from tasks.values import dataclass

NUMBER = struct.Struct("!q")
SIZES = struct.Struct("!qq")  # of a message: of its pickle, and of bytes beside it
EXIT_OUT_OF_MEMORY = (
    99  # means nothing else: sysexits.h has 64 to 78, shells 126 and on
)
# The child's own alarm, for the case that the program is gone or looks elsewhere.
_ALARM_GRACE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Work without an answer: *reason* in words, *detail* the exception if any."""

    reason: str
    detail: str = ""


def nurse(descriptor: int) -> None:
    """Fork a child per descriptor received, or wait for the child of a number."""
    function, seconds, memory_bytes = pickle.load(sys.stdin.buffer)  # noqa: S301 - from our own program
    function = pickle.loads(function)  # noqa: S301 - the same
    gc.freeze()  # so that a child's garbage collector leaves the shared pages alone
    children: set[int] = set()
    with socket.socket(fileno=descriptor) as control:
        while True:
            try:
                request, received, _, _ = socket.recv_fds(control, NUMBER.size, 1)
            except OSError:
                break
            if not request:
                break
            (pid,) = NUMBER.unpack(request)
            if pid:
                answer = os.waitpid(pid, 0)[1]
                children.discard(pid)
            elif answer := os.fork():
                children.add(answer)
                os.close(received[0])
            else:
                control.close()
                pipe = socket.socket(fileno=received[0])
                _work(pipe, function, seconds, memory_bytes)
            control.sendall(NUMBER.pack(answer))
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)  # so that the program's books of CPU time are whole


def receive(pipe: socket.socket) -> tuple[bytes, bytes]:
    """Wait for a message, for `value_of`; `EOFError` at the end."""
    pickled, beside = SIZES.unpack(_received(pipe, SIZES.size))
    return _received(pipe, pickled), _received(pipe, beside)


def value_of(pickled: bytes, beside: bytes) -> Any:
    """Return the value that a message holds."""
    return pickle.loads(pickled, buffers=[beside])  # noqa: S301 - from our own program


def message_of(value: object) -> tuple[bytes, bytes, bytes]:
    """Return what is sent of *value*; raises what `pickle.dumps` raises.

    Bytes go as they are, beside the pickle: neither side copies them.
    """
    beside = b""
    if isinstance(value, bytes):
        beside, value = value, pickle.PickleBuffer(value)
    pickled = pickle.dumps(value, protocol=5, buffer_callback=lambda _: None)
    return SIZES.pack(len(pickled), len(beside)), pickled, beside


def _received(pipe: socket.socket, size: int) -> bytes:
    """Wait for *size* bytes; for a large lot, recv neither clears nor copies it."""
    content = pipe.recv(size, socket.MSG_WAITALL) if size else b""
    if len(content) < size:
        raise EOFError
    return content


def _work(
    pipe: socket.socket,
    function: Callable[[Any], object],
    seconds: float,
    memory_bytes: int,
) -> None:
    """Answer items until the program hangs up; never return."""
    status = 0
    try:
        _limit(resource.RLIMIT_AS, memory_bytes)
        _limit(resource.RLIMIT_CORE, 0)
        while True:
            item = receive(pipe)
            # The kernel's default for the alarm is to kill, whatever the code is doing.
            signal.setitimer(signal.ITIMER_REAL, seconds + _ALARM_GRACE_SECONDS)
            answer = _answer(function, item)
            signal.setitimer(signal.ITIMER_REAL, 0)
            pipe.sendall(answer)
            del item, answer
            select.select([pipe], [], [])  # holding nothing while there is nothing
    except (EOFError, OSError):
        pass
    except MemoryError:
        status = EXIT_OUT_OF_MEMORY
    finally:
        os._exit(status)


def _answer(function: Callable[[Any], object], item: tuple[bytes, bytes]) -> bytes:
    try:
        return b"".join(message_of(function(value_of(*item))))
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it raises is this item's fate
        reason = f"raised {type(error).__name__}"
        return b"".join(message_of(Failure(reason, str(error)[:1_000])))


def _limit(what: int, most: int) -> None:
    """Lower a limit; one that is lower already, as in a container, stays."""
    hard = resource.getrlimit(what)[1]
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(what, (most, most))
