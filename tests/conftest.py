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


def pytest_configure() -> None:
    """Let programs be interrupted, even by tests that a shell runs in the background.

    Such a shell ignores SIGINT, and what is ignored stays so in every child (POSIX).
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


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
