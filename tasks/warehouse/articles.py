"""Articles: what files say is loaded, and whose word counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from tasks.models import KnownFile, StoredDocument
from tasks.warehouse.engine import EVER, NOTHING

if TYPE_CHECKING:
    from tasks.warehouse.working import Warehouse


class ArticleTables:
    """What the working file says of files and their articles."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._knows = False  # of a document of the batch
        self._asked_at = 0  # that was asked after so many fills

    def known_files(self, source_id: UUID) -> dict[str, KnownFile]:
        """Return what earlier runs know of a source's files, by path."""
        rows = self._warehouse.ask("known_files", {"source_id": source_id})
        return {row[0]: KnownFile(*row) for row in rows}

    def contested(self) -> list[StoredDocument]:
        """Return the unchanged files whose word may count once the batch is loaded."""
        if not self._knows_documents():
            return []  # nobody loses a claim to files that had none
        ((lost,),) = self._warehouse.ask("find_lost")
        if not lost:
            return []  # as nearly always, and no table is read to find that out
        since = self._edges_since("find_lost_since")
        self._warehouse.ask("find_contested", {"since": since})
        return [StoredDocument(*row) for row in self._warehouse.ask("read_contested")]

    def load_articles(self, moment: datetime) -> None:
        """Load the articles and the taxonomy of the batch."""
        parameters = {"moment": moment}
        known = self._knows_documents()
        self._warehouse.ask("find_edges_said")
        self._warehouse.ask("put_documents", parameters)
        self._warehouse.history.put_versions(moment)
        self._warehouse.history.put_observations()
        self._put_articles(parameters, known=known)
        self._warehouse.ask("put_providers")
        self._warehouse.ask("put_provider_images")
        self._warehouse.ask("put_topics")
        self._warehouse.ask("put_images", parameters)

    def remove_documents(self, moment: datetime) -> None:
        """Mark the documents of the batch that are gone, and let others speak."""
        parameters = {"moment": moment}
        self._knows_documents()
        self._warehouse.ask("find_edges_said")  # by files that speak in place of those
        self._warehouse.ask("remove_documents", parameters)
        self._put_articles(parameters, known=True)

    def put_files(self) -> None:
        """Note what was seen of the batch's files, so that only changes are read."""
        self._warehouse.ask("put_files")

    def forget_files(self) -> None:
        """Forget the batch's files, which are gone."""
        self._warehouse.ask("forget_files")

    def resolve_rejections(self, moment: datetime) -> None:
        """End the rejections of the batch's files that were read and taken."""
        self._warehouse.ask("resolve_rejections_of_files", {"moment": moment})

    def _knows_documents(self) -> bool:
        """Find what is known of the batch, once; tell if of a document of its own."""
        if self._asked_at != self._warehouse.fills:
            self._warehouse.ask("find_claims")
            self._warehouse.ask("find_known_articles")
            ((self._knows,),) = self._warehouse.ask("knows_documents")
            self._asked_at = self._warehouse.fills
        return self._knows

    def _put_articles(self, parameters: Mapping[str, Any], *, known: bool) -> None:
        self._warehouse.ask("choose_winners")
        self._warehouse.ask("put_articles", parameters)
        if known:
            self._warehouse.ask("mark_orphans")
        self._warehouse.ask("delete_article_topics")
        self._warehouse.ask("put_article_topics")
        self._warehouse.ask("delete_article_images")
        self._warehouse.ask("put_article_images")
        listed = self._warehouse.ask("find_listed_edges")
        since = self._edges_since("find_edges_since")
        standing = self._warehouse.ask("find_known_edges", {"since": since})
        if listed != NOTHING or standing != NOTHING:  # most files leave theirs alone
            self._warehouse.ask("close_related_edges", parameters)
            self._warehouse.ask("revive_related_edges")
            self._warehouse.ask("put_related_edges", parameters)
        if known:
            self._warehouse.ask("close_edges_of_gone_documents", parameters)
        self._warehouse.ask("delete_repairs")
        self._warehouse.ask("put_repairs")

    def _edges_since(self, name: str) -> datetime | None:
        """Return from when on edges are to be read, as the statement *name* finds it.

        None if none are; all where a clock was set back, by which moments mislead.
        """
        ((since,),) = self._warehouse.ask(name)
        if since is None:
            return None
        ((was_set_back,),) = self._warehouse.ask("was_clock_set_back")
        return EVER if was_set_back else since
