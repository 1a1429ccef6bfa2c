"""img2dataset, resizing: `img2dataset_way.py ADDRESSES FOLDER`.

Run by a Python that has img2dataset; prints how many images were kept. It has as many
processes as there are cores, and keeps the resized JPEG alone.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from img2dataset import download


def main(addresses: str, folder: Path) -> int:
    """Keep all images, resized to the size of our thumbnails."""
    cores = len(os.sched_getaffinity(0))
    download(
        url_list=addresses,
        output_folder=str(folder),
        input_format="txt",
        output_format="files",
        processes_count=cores,
        thread_count=32,
        image_size=256,
        resize_mode="keep_ratio",
        number_sample_per_shard=250,
        compute_hash="sha256",
        disallowed_header_directives=[],
        enable_wandb=False,
    )
    return sum(1 for _ in folder.rglob("*.jpg"))


if __name__ == "__main__":
    print(main(sys.argv[1], Path(sys.argv[2])))
