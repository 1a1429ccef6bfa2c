"""Our way: `ours.py DATA PORT`, the image stage alone on a warehouse that has rows."""

from __future__ import annotations

import sys
from pathlib import Path

from flows.direct import run_direct
from flows.refresh import fetch_images
from tasks.run import Job
from tasks.settings import FetchSettings, Settings


def main(data: Path, port: int) -> int:
    """Cache what is due, and return how many images were."""
    fetch = FetchSettings(
        connect_to={"*.bench.example": f"127.0.0.1:{port}"},
        per_host_delay_seconds=0.0,
        attempts=1,
    )
    job = Job(Settings(data=data, fetch=fetch), say=lambda _: None)
    return int(run_direct(fetch_images, job)["images_cached"])


if __name__ == "__main__":
    print(main(Path(sys.argv[1]), int(sys.argv[2])))
