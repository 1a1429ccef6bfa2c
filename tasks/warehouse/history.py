"""History: versions of files, and what a reader could see of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from tasks.warehouse.working import Warehouse


class HistoryTables:
    """What the working file says of versions and observations."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def read_history(self, source_id: UUID) -> tuple[str | None, str | None]:
        """Return up to which commit versions are kept, and since ever; None: none."""
        rows = self._warehouse.ask("read_history", {"source_id": source_id})
        return (rows[0][0], rows[0][1]) if rows else (None, None)

    def put_history(self, source_id: UUID, revision: str, *, is_whole: bool) -> None:
        """Note that versions are kept up to a commit; *is_whole*: from the first on."""
        parameters = {"source_id": source_id, "revision": revision, "all": is_whole}
        self._warehouse.ask("put_history", parameters)

    def known_documents(self, source_id: UUID, *, standing: bool = False) -> set[UUID]:
        """Return the documents of a source; only those that exist if *standing*."""
        parameters = {"source_id": source_id, "standing": standing}
        return {row[0] for row in self._warehouse.ask("known_documents", parameters)}

    def unread_versions(self) -> set[tuple[UUID, str]]:
        """Return the versions of the batch that are not kept: document and commit."""
        return set(self._warehouse.ask("unread_versions"))

    def put_versions(self, moment: datetime) -> None:
        """Keep the versions of the batch; those without a moment are of this one."""
        self._warehouse.ask("put_versions", {"moment": moment})

    def put_observations(self, *, everything: bool = False) -> None:
        """Tell what a reader could see of the batch's files, or of all, and when."""
        self._warehouse.ask("find_changes_seen", {"everything": everything})
        self._warehouse.ask("delete_observations")
        self._warehouse.ask("put_observations")
