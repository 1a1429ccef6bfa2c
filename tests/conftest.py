"""What many tests ask for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hub import Hub


@pytest.fixture
def hub(tmp_path: Path) -> Hub:
    """An empty hub."""
    return Hub(tmp_path)
