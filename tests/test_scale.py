"""What must hold for a hub of any size: memory that hardly grows, and the fast path.

These load some thousand files in processes of their own, which takes seconds.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.hubs import make_hub
from tests.benchmarks.measure import measure, refresh

SHARED = Path(os.environ.get("SHARED_SETS", Path(__file__).parents[2] / "shared"))
CORPUS = ("azure-sample", "powerapps")
FEW, MANY = 500, 2_500  # several batches each
# Of one more file of 20 KB: 50 KB are usual, most of them DuckDB's. All files in one
# batch would take 114.
MAX_GROWTH_MIB = 0.08
MAX_SLOW_SHARE = 0.01


def load(data: Path, hubs: Sequence[Path]) -> tuple[dict[str, Any], float]:
    """Return the summary of a run, and its largest memory in MiB."""
    with tempfile.TemporaryFile() as answer:
        cost = measure(refresh(data, hubs), answer)
        answer.seek(0)
        return json.load(answer), cost.peak_mib


def slow_share(summary: dict[str, Any]) -> float:
    return float((summary["by_pyyaml"] + summary["in_sandbox"]) / summary["files"])


def test_memory_hardly_grows_with_the_number_of_files(tmp_path: Path) -> None:
    peaks = {}
    for files in (FEW, MANY):
        hub = make_hub(tmp_path / f"hub{files}", files)
        summary, peaks[files] = load(tmp_path / f"data{files}", [hub])

        assert summary["loaded"] == files
        assert slow_share(summary) < MAX_SLOW_SHARE

    assert (peaks[MANY] - peaks[FEW]) / (MANY - FEW) < MAX_GROWTH_MIB


def test_hardly_any_file_of_a_real_hub_takes_the_slow_path(tmp_path: Path) -> None:
    hubs = [SHARED / "corpus" / name for name in CORPUS]
    if not all(hub.is_dir() for hub in hubs):
        pytest.skip("needs the corpus, see SHARED_SETS")

    summary, _ = load(tmp_path / "data", hubs)

    assert summary["loaded"] > 1_000
    assert slow_share(summary) < MAX_SLOW_SHARE
