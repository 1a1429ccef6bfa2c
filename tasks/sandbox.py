"""Risky work in disposable, limited children: the only room that starts any.

A *nursery* is a fresh interpreter that imports the function once and then forks
children on demand. So a child starts in milliseconds, shares no thread, lock or open
file of the program, and never runs the program's `__main__` again, as multiprocessing's
would.

A thread of its own feeds the children and takes their answers, so that they work on
whatever the program does meanwhile.

This guards against accidents (hangs, crashes, memory), not against an attacker who
takes a child over: answers are pickles.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Generic, Self, TypeVar

from tasks import nursery
from tasks.nursery import (
    EXIT_OUT_OF_MEMORY,
    NUMBER,
    Failure,
    message_of,
    receive,
    value_of,
)

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
        self._children = _Nursery(_pickled(function), seconds, memory_bytes, workers)
        self._workers = workers

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End all children at once; what was begun never gets an outcome."""
        self._children.close()

    def begin(self, item: Item) -> Future[Value | Failure]:
        """Hand *item* in and return at once; what comes of it is for the future.

        Nothing but a machine on which no child can be started makes it raise. What is
        called when it is done is called in the sandbox's thread.
        """
        return self._children.begin(item)

    def run(self, items: Iterable[Item]) -> Iterator[Value | Failure]:
        """Yield, in the order of *items*, what comes of each; no item makes this raise.

        *items* is read only a little ahead of what is yielded.
        """
        line: deque[Future[Value | Failure]] = deque()
        for item in items:
            while len(line) >= self._workers * _AHEAD or (line and line[0].done()):
                yield line.popleft().result()
            line.append(self.begin(item))
        while line:
            yield line.popleft().result()


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
# Items that a child has at once, all but one of them waiting: it need not wait for us.
_AT_ONCE = 3
_BELLS = 4_096  # bytes: rings that are heard at once
# A child is replaced after so many items: what a C library leaks goes with it.
_ITEMS_PER_CHILD = 500


@dataclass(frozen=True, slots=True)
class _Task:
    item: Any
    future: Future[Any]


@dataclass(slots=True, eq=False)
class _Child:
    """A process; the first of its *tasks* is what it works on, until *deadline*.

    *unsent* is what its pipe has no room for.
    """

    pid: int
    pipe: socket.socket
    tasks: deque[_Task] = field(default_factory=deque)
    unsent: deque[memoryview] = field(default_factory=deque)
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
    """The program's side, in a thread of its own: who works on what, and since when."""

    def __init__(
        self, function: bytes, seconds: float, memory_bytes: int, workers: int
    ) -> None:
        self._seconds = seconds
        self._memory_bytes = memory_bytes
        self._workers = workers
        self._handed_in: SimpleQueue[_Task | None] = SimpleQueue()
        self._bell, self._ear = socket.socketpair()
        for end in (self._bell, self._ear):
            end.settimeout(0.0)  # seconds: never wait
        self._is_open = True
        self._is_listening = True
        self._waiting: deque[_Task] = deque()
        self._children: dict[int, _Child] = {}  # by the descriptor of their pipe
        self._poll = select.poll()
        self._poll.register(self._ear, select.POLLIN)
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
        self._thread = Thread(target=self._live, name="wirehouse-sandbox", daemon=True)
        self._thread.start()

    def begin(self, item: object) -> Future[Any]:
        task = _Task(item, Future())
        self._handed_in.put(task)
        if self._is_listening:
            with contextlib.suppress(BlockingIOError):  # then it was rung often enough
                self._bell.send(b".")
        return task.future

    def close(self) -> None:
        """End everything at once: the nursery kills its children when we hang up."""
        self._is_open = False
        self._handed_in.put(None)
        self._control.shutdown(socket.SHUT_RDWR)
        self._bell.close()
        self._thread.join()
        self._process.wait()
        pipes = [child.pipe for child in self._children.values()]
        for end in (self._ear, self._control, *pipes):
            end.close()

    # --- in the thread

    def _live(self) -> None:
        try:
            while self._is_open:
                self._hand_out()
                for descriptor, event in self._poll.poll(self._milliseconds()):
                    self._attend(descriptor, event)
                self._give_up_late()
        except Exception as error:  # noqa: BLE001 - whoever waits must learn of it
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        """Answer everything with *error*, from now on."""
        begun = [task for child in self._children.values() for task in child.tasks]
        for waiting in [*begun, *self._waiting]:
            waiting.future.set_exception(error)
        while self._is_open and (task := self._handed_in.get()) is not None:
            task.future.set_exception(error)

    def _attend(self, descriptor: int, event: int) -> None:
        if child := self._children.get(descriptor):
            if event == select.POLLOUT:
                self._send(child)
            else:
                self._collect(child)
        else:
            with contextlib.suppress(BlockingIOError):
                self._ear.recv(_BELLS)

    def _hand_out(self) -> None:
        """Give children what waits; listen for the bell if they can take more."""
        self._is_listening = True
        while True:
            with contextlib.suppress(Empty):
                while (task := self._handed_in.get_nowait()) is not None:
                    self._waiting.append(task)
            if not self._waiting:
                return
            child = self._free_child()
            if child is None:
                break
            self._give(child, self._waiting.popleft())
        self._is_listening = False  # the next answer makes room

    def _free_child(self) -> _Child | None:
        """Return the child with the least to do, a new one if all have something."""
        takers = [
            child
            for child in self._children.values()
            if len(child.tasks) < _AT_ONCE and child.items < _ITEMS_PER_CHILD
        ]
        child = min(takers, key=lambda taker: len(taker.tasks), default=None)
        if (child is None or child.tasks) and len(self._children) < self._workers:
            return self._new_child()
        return child

    def _give(self, child: _Child, task: _Task) -> None:
        try:
            message = message_of(task.item)
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            why = Failure("cannot be sent to a child process", str(error))
            task.future.set_result(why)
            return
        if not child.tasks:
            child.deadline = time.monotonic() + self._seconds
        child.tasks.append(task)
        child.items += 1
        child.unsent.extend(map(memoryview, message))
        self._send(child)

    def _send(self, child: _Child) -> None:
        """Send what there is room for; the rest waits until there is more."""
        try:
            while child.unsent:
                sent = child.pipe.sendmsg(child.unsent, (), socket.MSG_DONTWAIT)
                while child.unsent and sent >= len(child.unsent[0]):
                    sent -= len(child.unsent.popleft())
                if sent:
                    child.unsent[0] = child.unsent[0][sent:]
        except BlockingIOError:
            self._poll.modify(child.pipe, select.POLLIN | select.POLLOUT)
        except OSError:  # a child that is gone is found, with its reason, by `_collect`
            child.unsent.clear()
        else:
            self._poll.modify(child.pipe, select.POLLIN)

    def _milliseconds(self) -> float | None:
        """How long to wait for the first child that may be late."""
        busy = [child.deadline for child in self._children.values() if child.tasks]
        left = min(busy, default=None)
        return left and max(0.0, 1_000 * (left - time.monotonic()))

    def _collect(self, child: _Child) -> None:
        """Take an answer of *child*, or learn what it died of."""
        try:
            answer = receive(child.pipe)
        except (EOFError, OSError):
            self._lose(child, self._why_dead)
            return
        outcome = value_of(*answer)
        task = child.tasks.popleft()
        child.deadline = time.monotonic() + self._seconds
        task.future.set_result(outcome)
        if child.items >= _ITEMS_PER_CHILD and not child.tasks:
            self._bury(child)

    def _give_up_late(self) -> None:
        now = time.monotonic()
        for child in list(self._children.values()):
            if child.tasks and child.deadline <= now:
                self._lose(child, lambda _: self._too_slow())

    def _lose(self, child: _Child, why: Callable[[int], Failure]) -> None:
        """End *child*; what it worked on fails, what waited for it goes to another."""
        guilty = child.tasks.popleft() if child.tasks else None
        self._waiting.extendleft(reversed(child.tasks))
        failure = why(self._bury(child))
        if guilty is not None:
            guilty.future.set_result(failure)

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
        ours, theirs = socket.socketpair()
        with theirs, contextlib.ExitStack() as stack:
            stack.callback(ours.close)
            pid = self._ask(0, [theirs.fileno()])
            stack.pop_all()
        self._poll.register(ours, select.POLLIN)
        child = self._children[ours.fileno()] = _Child(pid, ours)
        return child

    def _bury(self, child: _Child) -> int:
        """End *child*, if it is not dead already, and return its exit status."""
        os.kill(child.pid, signal.SIGKILL)
        self._poll.unregister(child.pipe)
        del self._children[child.pipe.fileno()]
        child.pipe.close()
        return self._ask(child.pid)

    def _ask(self, request: int, descriptors: Iterable[int] = ()) -> int:
        answer = b""
        with contextlib.suppress(OSError):
            socket.send_fds(self._control, [NUMBER.pack(request)], list(descriptors))
            answer = self._control.recv(NUMBER.size, socket.MSG_WAITALL)
        if not answer:
            msg = "no child process can be started, or none can import the function"
            raise RuntimeError(msg)
        return int(NUMBER.unpack(answer)[0])
