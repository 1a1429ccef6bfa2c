"""A server that was away for hours: what fell due meanwhile is not made up for."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.faults.test_operations import ENDED, Place, wait_for
from tests.hub import Hub
from tests.test_cli import wirehouse
from tests.test_services import free_port

pytestmark = pytest.mark.faults


def test_of_runs_that_are_late_the_last_one_alone_runs(tmp_path: Path) -> None:
    Hub(tmp_path).write("a.md", webUrl="http://127.0.0.1:9/a")
    place = Place(tmp_path, free_port())
    # Once a year, lest the hour strikes while they wait and the last one is late, too.
    text = f'sources = ["hub"]\nprefect_port = {place.port}\n'
    (tmp_path / "wirehouse.toml").write_text(f'{text}schedule = "0 0 1 1 *"\n')
    year = datetime.now(UTC).year
    moments = [datetime(year - years, 1, 1, tzinfo=UTC) for years in (3, 2, 1, 0)]
    try:
        assert wirehouse("up", cwd=tmp_path).returncode == 0
        late = [
            place.create(
                ["auto-scheduled"], state_details={"scheduled_time": due.isoformat()}
            )
            for due in moments
        ]
        wait_for(lambda: all(place.state(run)["name"] in ENDED for run in late), 200)
        states = [place.state(run) for run in late]
        waiting = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
        ahead = place.ask("POST", "/flow_runs/filter", waiting)
    finally:
        wirehouse("down", cwd=tmp_path)

    assert [state["name"] for state in states] == ["Cancelled"] * 3 + ["Completed"]
    due = f"{moments[0]:%Y-%m-%d %H:%M}"
    word = f"skipped: was due at {due} UTC, and the next one is, too"
    assert states[0]["message"] == word
    assert 0 < len(ahead) <= 2 * 12  # of refresh and verify: no more can ever be late
