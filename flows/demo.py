"""The demo: the sample hub, with a press site of our own in place of the network."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tasks.settings import Settings, load_settings

SAMPLE = Path(__file__).resolve().parents[1] / "data" / "sample"


@contextmanager
def demo_settings(data: Path) -> Iterator[Settings]:
    """Give the settings of the demo while its press site answers for all hosts.

    The site ends with this process, because its standard input does.
    """
    site = subprocess.Popen(  # noqa: S603 - our own program, by our interpreter
        [sys.executable, SAMPLE / "press" / "server.py", "--until-stdin-closes"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # Ctrl-C is for the run, which then ends the site
    )
    with site:
        address = _address(site)
        overrides = {"data": data, "fetch.connect_to": {"*": address}}
        try:
            yield load_settings(SAMPLE, overrides)[0]
        finally:
            if site.stdin is not None:
                site.stdin.close()


def _address(site: subprocess.Popen[str]) -> str:
    line = site.stdout.readline() if site.stdout else ""
    address = line.strip().removeprefix("listening on ")
    if ":" not in address:
        msg = f"the press site did not start: {line!r}"
        raise RuntimeError(msg)
    return address
