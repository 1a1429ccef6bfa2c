"""How far a run of this process is, and how long it waits for a server that is mute."""

from __future__ import annotations

import time
from contextlib import ExitStack, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from queue import Empty
from typing import Any

from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogHandler
from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_CLIENT_MAX_RETRIES,
    temporary_settings,
)

from flows.serve import answers
from tasks.run import Job

BACK_SECONDS = 30.0  # a server that was ended and started again answers by then
# What the command line asks for in this process; a deployment's run has its parameters.
asked: ContextVar[Job | None] = ContextVar("asked", default=None)


@dataclass
class Course:
    """How far a run of this process is, whatever the server learns of it."""

    has_begun: bool = False
    summary: dict[str, Any] | None = None  # of what was published
    error: Exception | None = None  # that one line tells
    is_heard: bool = True  # by the server, as far as is known
    patience: ExitStack = field(default_factory=ExitStack)  # how it is less, if it is

    def wait_until_heard(self) -> bool:
        """Tell whether the server answers, by now or within `BACK_SECONDS`.

        A run that nobody waits for has all the patience of Prefect's client.
        """
        job, address = asked.get(), PREFECT_API_URL.value()
        if job is None or answers(address):
            return True
        job.say("the Prefect server does not answer: waiting for it to come back")
        deadline = time.monotonic() + BACK_SECONDS
        while time.monotonic() < deadline:
            time.sleep(1)
            if answers(address):
                return True
        self.lose_patience()
        return False

    def lose_patience(self) -> None:
        """Have what is still to be told be told once, not for minutes if it hangs."""
        self.is_heard = False
        if asked.get() is not None:
            once = temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0})
            self.patience.enter_context(once)


taken: ContextVar[Course] = ContextVar("taken")


def flush() -> None:
    """Bring logs and events to the server, so that it can be stopped."""
    APILogHandler().flush()
    EventsWorker.drain_all()


def let_go() -> None:
    """Drop what a server that is gone will not hear: events and lines of the log.

    Each event would take 7 s, and the line under way up to a minute.
    """
    services: Any = EventsWorker  # the other kinds are in the same book
    for service in tuple(services._instances.values()):  # noqa: SLF001 - no other way
        with suppress(Empty):
            while True:
                service._queue.get_nowait()  # noqa: SLF001 - as above
        if task := service._task:  # noqa: SLF001 - as above
            service._loop.call_soon_threadsafe(task.cancel)  # noqa: SLF001 - as above
