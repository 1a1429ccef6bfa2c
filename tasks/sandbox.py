"""Risky work in disposable, limited children: the only room that starts any.

A *nursery* is a fresh interpreter that imports the function once and then forks
children on demand. So a child starts in milliseconds, shares no thread, lock or open
file of the program, and never runs the program's `__main__` again, as multiprocessing's
would.

This guards against accidents (hangs, crashes, memory), not against an attacker who
takes a child over: answers are pickles.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, Generic, Self, TypeVar

from tasks import nursery
from tasks.nursery import EXIT_OUT_OF_MEMORY, NUMBER, Failure

__all__ = ["Failure", "Sandbox", "run_sandboxed"]

Item = TypeVar("Item")
Value = TypeVar("Value")


def run_sandboxed(
    function: Callable[[Item], Value],
    items: Iterable[Item],
    *,
    seconds: float,
    memory_bytes: int,
    workers: int,
) -> Iterator[Value | Failure]:
    """Yield, in the order of *items*, what *function* makes of each, or a `Failure`.

    The arguments and exceptions are those of `Sandbox`.
    """
    with Sandbox(
        function, seconds=seconds, memory_bytes=memory_bytes, workers=workers
    ) as sandbox:
        yield from sandbox.run(items)


class Sandbox(Generic[Item, Value]):
    """Children for one *function*, which stay for more than one lot of items.

    *function* is a top-level function of a module (or a partial of one). An item has
    *seconds* of wall-clock time and *memory_bytes* of address space, the interpreter's
    own 100 MB included. `ValueError` is for a function that cannot be sent to a
    process, `RuntimeError` for a machine on which none can be started.
    """

    def __init__(
        self,
        function: Callable[[Item], Value],
        *,
        seconds: float,
        memory_bytes: int,
        workers: int,
    ) -> None:
        self._children = _Nursery(_pickled(function), seconds, memory_bytes)
        self._workers = workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all children at once."""
        self._children.close()

    def run(self, items: Iterable[Item]) -> Iterator[Value | Failure]:
        """Yield, in the order of *items*, what comes of each; no item makes this raise.

        *items* is read only a little ahead of what is yielded.
        """
        source, exhausted = iter(items), False
        children = self._children
        line: deque[_Place[Value]] = deque()
        longest = self._workers * _AHEAD
        while True:
            has_room = children.busy < self._workers and len(line) < longest
            if not exhausted and has_room:
                try:
                    item = next(source)
                except StopIteration:
                    exhausted = True
                else:
                    line.append(_Place())
                    children.begin(item, line[-1])
            elif line and line[0].outcome:
                yield line.popleft().outcome[0]
            elif children.busy:
                children.collect()
            else:
                return


_BOOT = (
    "import pickle, sys; sys.path[:] = pickle.load(sys.stdin.buffer); "
    f"from {nursery.__name__} import nurse; nurse(int(sys.argv[1]))"
)
# glibc's malloc in children: what one item gave back stays for the next, up to 32 MB,
# which spares faulting hundreds of pages in again for each: 1.2 of 9 ms of an image.
# Blocks from 4 MB on go back at once, so that a large item finds the memory there is.
_MEMORY_KEPT = {
    "MALLOC_TRIM_THRESHOLD_": "32000000",
    "MALLOC_MMAP_THRESHOLD_": "4000000",
}
# How far a worker may be ahead of a slow item: each answer is kept till its turn.
_AHEAD = 4
# A child is replaced after so many items: what a C library leaks goes with it.
_ITEMS_PER_CHILD = 500


@dataclass(slots=True)
class _Place(Generic[Value]):
    """A place in line; *outcome* is empty until it is known."""

    outcome: tuple[Value | Failure, ...] = ()


@dataclass(slots=True, eq=False)
class _Child:
    pid: int
    pipe: Connection
    place: _Place[Any]
    deadline: float = 0.0
    items: int = 0


def _pickled(function: Callable[..., object]) -> bytes:
    function_of = getattr(function, "func", function)
    if getattr(function_of, "__module__", None) == "__main__":
        msg = f"{function_of!r} is in __main__, where no other process can import it"
        raise ValueError(msg)
    try:
        return pickle.dumps(function)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        msg = f"{function!r} is not a top-level function of a module: {error}"
        raise ValueError(msg) from error


class _Nursery:
    """The program's side: its children, which of them are busy, and since when."""

    def __init__(self, function: bytes, seconds: float, memory_bytes: int) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._idle: list[_Child] = []
        self._busy: dict[Connection, _Child] = {}
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", _BOOT, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | _MEMORY_KEPT,
                start_new_session=True,  # Ctrl-C is for the program, which ends its own
            )
        path = [os.path.abspath(entry) for entry in sys.path]  # noqa: PTH100 - keeps links
        limits = (function, seconds, memory_bytes)
        with contextlib.suppress(BrokenPipeError), self._process.stdin as stdin:  # type: ignore[union-attr]
            stdin.write(pickle.dumps(path) + pickle.dumps(limits))

    def close(self) -> None:
        """End everything at once: the nursery kills its children when we hang up."""
        self._control.close()
        for child in [*self._idle, *self._busy.values()]:
            child.pipe.close()
        self._process.wait()

    @property
    def busy(self) -> int:
        return len(self._busy)

    def begin(self, item: object, place: _Place[Any]) -> None:
        """Hand *item* to an idle or a new child."""
        try:
            message = pickle.dumps(item)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            place.outcome = (Failure("cannot be sent to a child process", str(error)),)
            return
        child = self._idle.pop() if self._idle else self._new_child()
        child.place = place
        child.items += 1
        child.deadline = time.monotonic() + self._seconds
        self._busy[child.pipe] = child
        # A child that is gone already is found, with its reason, by `collect`.
        with contextlib.suppress(OSError):
            child.pipe.send_bytes(message)

    def collect(self) -> None:
        """Wait until a child answers, dies or has used up its time."""
        nearest = min(child.deadline for child in self._busy.values())
        ready = wait(list(self._busy), max(0.0, nearest - time.monotonic()))
        for pipe in ready:
            self._receive(self._busy.pop(pipe))  # type: ignore[call-overload]
        now = time.monotonic()
        for child in [late for late in self._busy.values() if late.deadline <= now]:
            del self._busy[child.pipe]
            self._bury(child)
            child.place.outcome = (self._too_slow(),)

    def _receive(self, child: _Child) -> None:
        try:
            answer = child.pipe.recv_bytes()
        except (EOFError, OSError):
            outcome = self._why_dead(self._bury(child))
        else:
            outcome = pickle.loads(answer)  # noqa: S301 - see the module's docstring
            if child.items < _ITEMS_PER_CHILD:
                self._idle.append(child)
            else:
                self._bury(child)
        child.place.outcome = (outcome,)

    def _why_dead(self, status: int) -> Failure:
        code = os.waitstatus_to_exitcode(status)
        if code == EXIT_OUT_OF_MEMORY:
            megabytes = self._memory_bytes // 1_000_000
            return Failure(f"needed more than {megabytes} MB")
        if code == -signal.SIGALRM:
            return self._too_slow()
        how = f"signal {-code}" if code < 0 else f"exit status {code}"
        return Failure(f"the child process died ({how})")

    def _too_slow(self) -> Failure:
        return Failure(f"took longer than {self._seconds:g} s")

    def _new_child(self) -> _Child:
        ours, theirs = Pipe()
        with theirs:
            pid = self._ask(0, [theirs.fileno()])
        return _Child(pid, ours, _Place())

    def _bury(self, child: _Child) -> int:
        """End *child*, if it is not dead already, and return its exit status."""
        os.kill(child.pid, signal.SIGKILL)
        status = self._ask(child.pid)
        child.pipe.close()
        return status

    def _ask(self, request: int, descriptors: Iterable[int] = ()) -> int:
        answer = b""
        with contextlib.suppress(OSError):
            socket.send_fds(self._control, [NUMBER.pack(request)], list(descriptors))
            answer = self._control.recv(NUMBER.size, socket.MSG_WAITALL)
        if not answer:
            msg = "no child process can be started, or none can import the function"
            raise RuntimeError(msg)
        return int(NUMBER.unpack(answer)[0])
