"""What many tests ask for."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from flows.demo import demo_settings
from flows.direct import run_direct
from flows.refresh import refresh
from tasks.run import Job
from tests.hub import MOMENT, Hub

# Files of few tests that take minutes together: of servers, kills and full disks.
LONGEST = {
    "test_services", "test_kills", "test_points", "test_adoption", "test_cli",
    "test_interrupted", "test_ui", "test_database", "test_doctor", "test_load",
    "test_backfill_orders", "test_pages", "test_hostile", "test_stopped_fetch",
}  # fmt: skip


def pytest_configure() -> None:
    """Let programs be interrupted, even by tests that a shell runs in the background.

    Such a shell ignores SIGINT, and what is ignored stays so in every child (POSIX).
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that no worker is left alone with it."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """An empty hub."""
    return Hub(tmp_path)


@pytest.fixture(scope="session")
def demo_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a demo, to be copied by whoever changes it."""
    data = tmp_path_factory.mktemp("demo") / "data"
    with demo_settings(data) as settings:
        run_direct(refresh, Job(settings, moment=MOMENT, say=lambda _: None))
    return data
