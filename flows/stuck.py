"""Flow runs that the server takes for living, though nothing is heard of them.

Its automations end such runs while it is up; a server that was down at that moment has
forgotten what it waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.events.filters import (
    EventFilter,
    EventNameFilter,
    EventOccurredFilter,
    EventResourceFilter,
)
from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Crashed

from flows.deployments import PATIENCE, SILENCE
from flows.heartbeats import HEARTBEAT
from flows.serve import ANSWER_SECONDS

BEGUN = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]


def find_stuck() -> list[FlowRun]:
    """Return the runs that should have been heard of, and were not.

    Those are runs without a heartbeat for `SILENCE`, and such as a worker took and did
    not start within `PATIENCE`. The server is the one of the environment.
    """
    begun = FlowRunFilterState(type=FlowRunFilterStateType(any_=BEGUN))
    with _asking() as client:
        runs = client.read_flow_runs(flow_run_filter=FlowRunFilter(state=begun))
        return [run for run in runs if _is_silent(client, run)]


def end_stuck(runs: Iterable[FlowRun]) -> None:
    """Mark runs as crashed, which frees the slots that they held."""
    state: State[Any] = Crashed(
        message="nothing was heard of it; `wirehouse doctor` ended it"
    )
    with _asking() as client:
        for run in runs:
            client.set_flow_run_state(run.id, state, force=True)


@contextmanager
def _asking() -> Iterator[SyncPrefectClient]:
    """Give a client that does not wait for minutes: somebody looks on."""
    timeout = {"timeout": 2 * ANSWER_SECONDS}
    with (
        temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 0}),
        get_client(httpx_settings=timeout, sync_client=True) as client,
    ):
        yield client


def _is_silent(client: SyncPrefectClient, run: FlowRun) -> bool:
    is_waiting = run.state_type is StateType.PENDING
    since = datetime.now(UTC) - (PATIENCE if is_waiting else SILENCE)
    if run.state is None or run.state.timestamp > since:
        return False
    beats = EventFilter(
        event=EventNameFilter(name=[HEARTBEAT]),
        resource=EventResourceFilter(id=[f"prefect.flow-run.{run.id}"]),
        occurred=EventOccurredFilter(since=since),
    )
    return is_waiting or not client.read_events(beats, limit=1).events
