"""Captures and the pages that are made of them: what is due, and what came of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from tasks.models import (
    DueExtraction,
    DuePage,
    KeptCapture,
    Rest,
    StoredCapture,
    WarcPlace,
)
from tasks.rows import Table, Tables

if TYPE_CHECKING:
    from tasks.warehouse.working import Warehouse


class PageTables:
    """What the working file says of captures, pages and hosts that rest."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def due_pages(
        self, moment: datetime, *, include_related: bool, retry_failed: bool
    ) -> list[DuePage]:
        """Return the pages that are due, new ones first."""
        parameters = {
            "moment": moment,
            "include_related": include_related,
            "retry_failed": retry_failed,
        }
        return [DuePage(*row) for row in self._warehouse.ask("due_pages", parameters)]

    def put_captures(self, captures: Table) -> int:
        """Put tries on record, each once, and return how many were not yet."""
        with self._warehouse.holding({"batch_captures": captures}):
            ((count,),) = self._warehouse.ask("put_captures")
        return int(count)

    def put_resting_hosts(self, rests: Table) -> None:
        """Note which hosts asked for a rest."""
        with self._warehouse.holding({"batch_resting_hosts": rests}):
            self._warehouse.ask("put_resting_hosts")

    def resting_hosts(self, moment: datetime) -> list[Rest]:
        """Return the hosts that want to be left alone at *moment*."""
        return [
            Rest(*row)
            for row in self._warehouse.ask("resting_hosts", {"moment": moment})
        ]

    def kept_captures(self) -> list[KeptCapture]:
        """Return each response that a row names."""
        rows = self._warehouse.ask("kept_captures")
        return [KeptCapture(row[0], row[1], WarcPlace(*row[2:])) for row in rows]

    def sampled_captures(self, count: int, *, seed: int) -> list[StoredCapture]:
        """Return up to *count* captures that are on disk, others for each *seed*."""
        parameters = {"count": count, "seed": seed}
        return [
            StoredCapture(*r)
            for r in self._warehouse.ask("sampled_captures", parameters)
        ]

    def lose_captures(self, lost: Table, moment: datetime) -> None:
        """Let go of captures that cannot be read back; their pages are due."""
        if lost.num_rows:
            books = {"batch_lost_captures": lost}
            with self._warehouse.loading(books):
                self._warehouse.ask("lose_captures")
                self._warehouse.ask("due_lost_captures", {"moment": moment})

    def put_damaged_captures(
        self, rejections: Table, run_id: UUID, moment: datetime
    ) -> None:
        """Note the captures that cannot be read back; those not named can be."""
        with self._warehouse.loading({"batch_rejections": rejections}):
            self._warehouse.ask("resolve_rejections_of_captures", {"moment": moment})
            self._warehouse.put_rejections(run_id)

    def due_extractions(self, since: datetime | None) -> list[DueExtraction]:
        """Return the captures to read, in the order in which they lie on disk.

        With *since*, also those whose page was read before that moment.
        """
        rows = self._warehouse.ask("due_extractions", {"since": since})
        return [DueExtraction(*row) for row in rows]

    def begin_rereading(self, moment: datetime) -> datetime:
        """Note that all captures are to be read again; return since when they are."""
        self._warehouse.ask("begin_rereading", {"moment": moment})
        begun_at: datetime = self._warehouse.ask("rereading_since")[0][0]
        return begun_at

    def end_rereading(self) -> None:
        """Note that all captures were read again."""
        self._warehouse.ask("end_rereading")

    def put_pages(self, tables: Tables, moment: datetime) -> None:
        """Load what pages say, where they link to and what was mended in it."""
        parameters = {"moment": moment}
        with self._warehouse.loading(tables):
            self._warehouse.ask("put_pages", parameters)
            self._warehouse.ask("delete_links")
            self._warehouse.ask("put_links")
            self._warehouse.ask("delete_page_repairs")
            self._warehouse.ask("put_page_repairs")
            self._warehouse.ask("resolve_rejections_of_pages", parameters)

    def put_link_edges(self, moment: datetime) -> None:
        """Make edges of the links that lead to known articles."""
        parameters = {"moment": moment}
        with self._warehouse.transaction():
            self._warehouse.ask("resolve_links")
            self._warehouse.ask("put_link_edges", parameters)
            self._warehouse.ask("close_link_edges", parameters)

    def put_duplicate_edges(self, moment: datetime) -> None:
        """Make edges between articles whose pages claim one canonical address."""
        parameters = {"moment": moment}
        with self._warehouse.transaction():
            self._warehouse.ask("find_duplicates")
            self._warehouse.ask("put_duplicate_edges", parameters)
            self._warehouse.ask("close_duplicate_edges", parameters)
