"""The Prefect UI as people see it, in a real browser, on the sample hub.

`ACCEPT_SCREENSHOTS=1` writes what is seen to `docs/`.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows.demo import SAMPLE, demo_settings
from flows.serve import ask
from tests.test_cli import wirehouse
from tests.test_services import free_port

api = pytest.importorskip(
    "playwright.sync_api", reason="Playwright is not installed: see requirements.lock"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="Chromium is not installed: apt-get install chromium"
)
DOCS = Path(__file__).parents[1] / "docs"
WAIT_MS = 20_000  # a page on a busy machine


@dataclass(frozen=True)
class Ui:
    """A server with a finished and a failed run, and a browser before it."""

    port: int
    page: Any
    asked: list[str]  # every address that a page asked for

    def open(self, path: str) -> None:
        """Let the browser go to a page of the server."""
        self.page.goto(f"http://127.0.0.1:{self.port}{path}")

    def find(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """Return the newest flow run or deployment that is as *wanted*."""
        found = ask(self.port, "POST", f"/{kind}/filter", wanted)
        return dict(found[0])

    def runs(self, **wanted: Any) -> list[dict[str, Any]]:
        """Return the flow runs that are as *wanted*."""
        return list(ask(self.port, "POST", "/flow_runs/filter", wanted))

    def run_in(self, state: str) -> str:
        """Return the page of the first flow run in *state*."""
        chosen = {"state": {"name": {"any_": [state]}}}
        run = self.find("flow_runs", sort="START_TIME_ASC", flow_runs=chosen)
        return f"/v2/runs/flow-run/{run['id']}"

    def deployment(self) -> str:
        """Return the page of the deployment of the refresh."""
        refresh = {"name": {"any_": ["refresh"]}}
        found = self.find("deployments", deployments=refresh)
        return f"/v2/deployments/deployment/{found['id']}"

    def shows(self, *texts: str) -> None:
        """Wait until the page shows each of *texts*."""
        for text in texts:
            found = self.page.get_by_text(re.compile(text, re.IGNORECASE)).first
            found.wait_for(state="visible", timeout=WAIT_MS)

    def keep(self, name: str) -> None:
        """Write what is seen to `docs/`, if that was asked for."""
        if os.environ.get("ACCEPT_SCREENSHOTS"):
            self.page.wait_for_timeout(3_000)  # until what moves has come to rest
            DOCS.mkdir(exist_ok=True)
            self.page.screenshot(path=DOCS / f"{name}.png")


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    """The UI after one run that is complete and one that is broken."""
    folder = tmp_path_factory.mktemp("ui")
    port = free_port()
    with demo_settings(folder / "data") as settings:
        address = settings.fetch.connect_to["*"]
        given = (SAMPLE / "wirehouse.toml").read_text(encoding="utf-8")
        text = f'prefect_port = {port}\nschedule = "0 7 * * *"\n' + given.replace(
            'location = "."', f'location = "{SAMPLE}"'
        )
        text += f'\nconnect_to = {{ "*" = "{address}" }}\n'
        (folder / "wirehouse.toml").write_text(text, encoding="utf-8")
        try:
            started = wirehouse("up", cwd=folder, PREFECT_WORKER_QUERY_SECONDS="1")
            assert started.returncode == 0
            assert wirehouse("run", cwd=folder).returncode == 0
            (folder / "broken.zip").write_bytes(b"not a zip")
            broken = wirehouse("run", "--source", "broken.zip", cwd=folder)
            assert broken.returncode == 1
            with api.sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=CHROMIUM, args=["--no-sandbox"]
                )
                page = browser.new_page(viewport={"width": 1280, "height": 960})
                asked: list[str] = []
                page.on("request", lambda request: asked.append(request.url))
                yield Ui(port, page, asked)
                browser.close()
        finally:
            wirehouse("down", cwd=folder)


def test_the_form_of_a_run_says_what_each_option_does(ui: Ui) -> None:
    ui.open(f"{ui.deployment()}/run")

    ui.shows("Mode", "ask again for all that failed", "Fetch pages", "Sources")
    ui.keep("run-form")
    ui.page.get_by_text("incremental", exact=True).first.click()
    ui.page.get_by_text("retry_failed", exact=True).last.click()
    ui.page.get_by_role("switch").nth(1).click()
    ui.page.get_by_role("button", name="Submit").click()
    ui.page.wait_for_url(re.compile("runs|deployment/[^/]*$"), timeout=WAIT_MS)
    begun = {"state": {"type": {"any_": ["PENDING", "RUNNING", "COMPLETED"]}}}
    deployment = {"name": {"any_": ["refresh"]}}
    deadline = time.monotonic() + 60
    while not (found := ui.runs(flow_runs=begun, deployments=deployment)):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    options = found[0]["parameters"]["options"]
    assert (options["mode"], options["with_images"]) == ("retry_failed", False)


def test_a_finished_run_shows_its_batches_and_its_artifacts(ui: Ui) -> None:
    path = ui.run_in("Completed")
    ui.open(path)

    ui.shows(
        "refresh · sample · 38 new, 32 pages", "Completed", "43 articles, 67 files"
    )
    ui.open(f"{path}?tab=Artifacts")
    ui.shows("summary", "failures", "rejections", "repairs", "audits")
    ui.keep("finished-run")
    ui.shows("fetching-pages", "36 of 36")


def test_the_summary_draws_what_came_from_what(ui: Ui) -> None:
    run = ui.run_in("Completed").rpartition("/")[2]
    summary = ui.find(
        "artifacts",
        artifacts={"key": {"any_": ["summary"]}},
        flow_runs={"id": {"any_": [run]}},
    )
    ui.open(f"/v2/artifacts/artifact/{summary['id']}")

    ui.shows("Refresh complete in", "What stands in the way", "What to do next")
    drawing = ui.page.locator("svg", has_text="news.duckdb").first
    drawing.wait_for(state="visible", timeout=WAIT_MS)
    drawing.scroll_into_view_if_needed()
    ui.keep("summary")


def test_a_failed_run_shows_the_one_line_that_matters(ui: Ui) -> None:
    ui.open(ui.run_in("Failed"))

    ui.shows("Failed", "failed: source 'broken.zip' is damaged")
    ui.keep("failed-run")


def test_the_schedule_shows_when_the_refresh_runs(ui: Ui) -> None:
    ui.open(ui.deployment())

    ui.shows("At 07:00 AM", "Next Run")
    ui.keep("schedule")


def test_no_page_asks_anybody_but_this_server(ui: Ui) -> None:
    for path in ("/dashboard", "/v2/dashboard", ui.run_in("Completed")):
        ui.open(path)
        ui.page.wait_for_timeout(2_000)

    hosts = {address.split("/")[2] for address in ui.asked if "://" in address}
    assert hosts == {f"127.0.0.1:{ui.port}"}
