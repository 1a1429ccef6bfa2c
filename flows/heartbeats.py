"""Heartbeats of a flow run: what tells the server that it lives.

Prefect's own go the way of all events: after half a minute without its server a process
sends no more of them, and a run that lives would be taken for dead. They also keep each
run for up to a second after its end.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import copy_context

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.events import Event
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from flows.serve import ANSWER_SECONDS

HEARTBEAT = "prefect.flow-run.heartbeat"
HEARTBEAT_SECONDS = 15


@contextmanager
def heartbeats(flow_run_id: str) -> Iterator[None]:
    """Tell the server at once, and every so often, that a flow run lives.

    What a server that is gone does not hear is not told again; the next one may be.
    """
    ended = threading.Event()

    def beat() -> None:
        with temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}):
            while not ended.is_set():
                with suppress(Exception), _asking() as client:
                    _beat(client, flow_run_id, ended)
                ended.wait(HEARTBEAT_SECONDS)

    # In the context of the run, or it would not be known which server to tell.
    thread = threading.Thread(target=copy_context().run, args=(beat,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()  # a beat after its end would have the run waited for again


def _asking() -> SyncPrefectClient:
    return get_client(httpx_settings={"timeout": ANSWER_SECONDS}, sync_client=True)


def _beat(client: SyncPrefectClient, flow_run_id: str, ended: threading.Event) -> None:
    resource = {"prefect.resource.id": f"prefect.flow-run.{flow_run_id}"}
    while not ended.is_set():
        event = Event(event=HEARTBEAT, resource=resource)
        told = client.request("POST", "/events", json=[event.model_dump(mode="json")])
        told.raise_for_status()
        ended.wait(HEARTBEAT_SECONDS)
