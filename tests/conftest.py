"""What many tests ask for."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.hub import Hub


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
