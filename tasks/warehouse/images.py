"""Images: what is due, what came of it, and which files are theirs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from tasks.models import DueImage, KeptImage
from tasks.rows import Table

if TYPE_CHECKING:
    from tasks.warehouse.working import Warehouse


class ImageTables:
    """What the working file says of images."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def due_images(
        self, moment: datetime, *, include_related: bool, retry_failed: bool
    ) -> list[DueImage]:
        """Return the images that are due."""
        parameters = {
            "moment": moment,
            "include_related": include_related,
            "retry_failed": retry_failed,
        }
        return [DueImage(*row) for row in self._warehouse.ask("due_images", parameters)]

    def unknown_lead_images(self) -> list[str]:
        """Return the addresses of images that pages show and no row knows."""
        return [url for (url,) in self._warehouse.ask("unknown_lead_images")]

    def put_lead_images(self, images: Table, moment: datetime) -> None:
        """Make rows of images that pages show; they are due at once."""
        with self._warehouse.holding({"batch_images": images}):
            self._warehouse.ask("put_images", {"moment": moment})

    def put_images(self, results: Table) -> None:
        """Note how due images ended, and which of them have a new content."""
        with self._warehouse.loading({"batch_image_results": results}):
            self._warehouse.ask("put_image_versions")
            self._warehouse.ask("restore_image_versions")
            self._warehouse.ask("put_image_results")

    def kept_images(self) -> list[KeptImage]:
        """Return each file of the image cache that a row names."""
        return [KeptImage(*row) for row in self._warehouse.ask("kept_images")]

    def named_images(self) -> list[str]:
        """Return the files that cached images name."""
        return [path for (path,) in self._warehouse.ask("named_images")]

    def lose_images(self, lost: Table) -> None:
        """Let go of cached files that are not there; their images are due."""
        with self._warehouse.loading({"batch_lost_images": lost}):
            self._warehouse.ask("lose_images")
            self._warehouse.ask("lose_image_versions")

    def lose_unknown_images(self) -> None:
        """Make due again what is said to be cached, in a file that nobody knows."""
        self._warehouse.ask("lose_unknown_images")
