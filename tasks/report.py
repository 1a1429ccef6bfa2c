"""The report: one HTML page of the published state, for people who ask no SQL."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import jinja2

from tasks.warehouse import open_published

_TEMPLATE = resources.files("tasks") / "templates" / "report.html"
# What the page shows, by the name that the template uses.
_PARTS = ("overview", "runs", "providers", "topics", "failures", "rot")


def write_report(published: Path, target: Path) -> None:
    """Write the report of *published* to *target*, in one piece."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    with open_published(published) as warehouse:
        parts = {name: warehouse.rows(f"report/{name}") for name in _PARTS}
    fresh = target.with_name(f".{target.name}.new")
    fresh.write_text(template.render(parts), encoding="utf-8")
    fresh.replace(target)
