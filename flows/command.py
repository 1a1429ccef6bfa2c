"""The `wirehouse` command, as its entry point: what it imports stays while it runs."""

from __future__ import annotations

from tasks.imports import for_good

with for_good():  # searching it for cycles was a twelfth of the CPU of each start
    from flows.cli import main

__all__ = ["main"]
