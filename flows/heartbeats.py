"""Heartbeats of a flow run in this process: what tells the server that it lives.

Prefect has a thread for that, which sleeps in whole seconds and is waited for: each run
would end up to a second later.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from typing import Any

from prefect.events import emit_event
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

HEARTBEAT = "prefect.flow-run.heartbeat"
HEARTBEAT_SECONDS = 30  # the least that Prefect takes for its own


def without_prefects_own() -> AbstractContextManager[Any]:
    """Let flow runs that begin within the block have none of Prefect's heartbeats."""
    return temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})


@contextmanager
def heartbeats(flow_run_id: str) -> Iterator[None]:
    """Tell the server at once, and every so often, that a flow run lives."""
    resource = {"prefect.resource.id": f"prefect.flow-run.{flow_run_id}"}
    ended = threading.Event()

    def beat() -> None:
        while True:
            emit_event(HEARTBEAT, resource)
            if ended.wait(HEARTBEAT_SECONDS):
                return

    # In the context of the run, or Prefect would not know by which settings to emit.
    thread = threading.Thread(target=copy_context().run, args=(beat,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
