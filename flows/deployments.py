"""What a Prefect server is told of Wirehouse: its pool, deployments and automations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from cronsim import CronSim
from prefect import Flow
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.objects import (
    StateType,
    WorkerStatus,
)
from prefect.client.schemas.schedules import CronSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.events.actions import CallWebhook, ChangeFlowRunState
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture
from prefect.events.schemas.events import ResourceSpecification
from prefect.exceptions import ObjectNotFound
from prefect.types.entrypoint import EntrypointType

from flows import scheduled
from flows.heartbeats import HEARTBEAT
from flows.serve import LOOK_SECONDS
from flows.services import POOL
from tasks.run import VERSION
from tasks.settings import Settings
from tasks.values import dataclass

TAG = "wirehouse"
# What was killed is no zombie for longer than two of Prefect's own heartbeats, of 30 s;
# ours come often enough that a run which lives is heard where its server was gone.
SILENCE = timedelta(seconds=60 - 2 * LOOK_SECONDS)
# A process starts within seconds; what waits longer never will, and holds its place.
PATIENCE = timedelta(minutes=5)
_ENDS = frozenset(
    f"prefect.flow-run.{state}"
    for state in ("Completed", "Failed", "Cancelled", "Crashed")
)
_MESSAGE = """{
  "text": "Wirehouse: {{ flow_run.name }} is {{ flow_run.state.name }}",
  "flow_run": "{{ flow_run.name }}",
  "state": "{{ flow_run.state.name }}",
  "reason": {{ (flow_run.state.message or "") | tojson }},
  "address": "{{ flow_run|ui_url }}"
}"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A flow that the server knows: by which name, and when it runs by itself."""

    name: str
    flow: Flow[..., Any]
    cron: str | None = None
    parameters: dict[str, Any] = field(default_factory=dict)


def register(settings: Settings, folder: Path) -> None:
    """Bring the server up to date; doing it twice changes nothing.

    Runs start in *folder*, where `wirehouse.toml` is.
    """
    with get_client(sync_client=True) as client:
        try:
            client.read_work_pool(POOL)
        except ObjectNotFound:
            pool = WorkPoolCreate(name=POOL, type="process", description="Wirehouse")
            client.create_work_pool(pool)
        for deployment in deployments(settings):
            _deploy(deployment, settings, folder)
        _automate(client, list(_automations(settings)))


def deployments(settings: Settings) -> tuple[Deployment, ...]:
    """Return all that a server can be asked to run."""
    return (
        Deployment("refresh", scheduled.refresh, settings.schedule),
        Deployment("verify", scheduled.verify, settings.verify_schedule),
        Deployment("backfill", scheduled.backfill),
        Deployment("reextract", scheduled.reextract),
    )


def is_worker_online(since: datetime | None) -> bool:
    """Tell whether a worker asks the server for runs, and has done *since* a moment."""
    with get_client(sync_client=True) as client:
        workers = client.read_workers_for_work_pool(POOL, limit=200, offset=0)
    return any(
        worker.status == WorkerStatus.ONLINE
        and worker.last_heartbeat_time is not None
        and (since is None or worker.last_heartbeat_time >= since)
        for worker in workers
    )


def next_run(settings: Settings, now: datetime) -> datetime:
    """Return when the refresh is due next, in the time zone of the schedule."""
    return next(CronSim(settings.schedule, now.astimezone(settings.zone)))


def _deploy(deployment: Deployment, settings: Settings, folder: Path) -> None:
    cron = deployment.cron
    RunnerDeployment.from_flow(
        deployment.flow,
        deployment.name,
        schedules=[CronSchedule(cron=cron, timezone=settings.timezone)] if cron else [],
        parameters=deployment.parameters,
        description=deployment.flow.description,
        tags=[TAG],
        version=VERSION,
        work_pool_name=POOL,
        job_variables={"working_dir": str(folder)},
        entrypoint_type=EntrypointType.MODULE_PATH,
    ).apply()


def _automations(settings: Settings) -> Iterator[AutomationCore]:
    runs = ResourceSpecification({"prefect.resource.id": "prefect.flow-run.*"})
    ours = ResourceSpecification(
        {"prefect.resource.id": f"prefect.tag.{TAG}", "prefect.resource.role": "tag"}
    )
    yield _crashed(
        "a run that went silent has crashed",
        "Its process was killed, or its machine is gone.",
        EventTrigger(
            after={HEARTBEAT},
            expect={HEARTBEAT, *_ENDS},
            match=runs,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=SILENCE,
        ),
        f"nothing was heard of it for {SILENCE.seconds} s",
    )
    yield _crashed(
        "a run that never started has crashed",
        "Its worker was killed between taking and starting it.",
        EventTrigger(
            after={"prefect.flow-run.Pending"},
            expect={"prefect.flow-run.Running", *_ENDS},
            match=runs,
            match_related=ours,
            for_each={"prefect.resource.id"},
            posture=Posture.Proactive,
            threshold=1,
            within=PATIENCE,
        ),
        f"it did not start within {PATIENCE.seconds} s",
    )
    if not settings.prefect_webhook:
        return
    webhook = Webhook(url=settings.prefect_webhook)
    block_id = webhook.save("wirehouse", overwrite=True)
    yield AutomationCore(
        name=f"{TAG}: tell of a run that failed or crashed",
        description="Posts one message to prefect_webhook.",
        tags=[TAG],
        trigger=EventTrigger(
            expect={"prefect.flow-run.Failed", "prefect.flow-run.Crashed"},
            match=runs,
            match_related=ours,
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[CallWebhook(block_document_id=block_id, payload=_MESSAGE)],
    )


def _automate(client: SyncPrefectClient, wanted: list[AutomationCore]) -> None:
    """Have the server do what is *wanted*, each once, and nothing else of ours.

    What is as it should be is left alone: it may be waiting for a sign of a run.
    """
    there: list[AutomationCore] = []
    for known in client.read_automations():
        if not known.name.startswith(f"{TAG}: "):
            continue
        core = AutomationCore.model_validate(known.model_dump())
        if core in wanted and core not in there:
            there.append(core)
        else:
            client.delete_automation(known.id)
    for automation in wanted:
        if automation not in there:
            client.create_automation(automation)


def _crashed(
    name: str, description: str, trigger: EventTrigger, message: str
) -> AutomationCore:
    """Make a run `Crashed` of which *trigger* is the sign."""
    return AutomationCore(
        name=f"{TAG}: {name}",
        description=description,
        tags=[TAG],
        trigger=trigger,
        actions=[ChangeFlowRunState(state=StateType.CRASHED, message=message)],
    )
