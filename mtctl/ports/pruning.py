"""Floor 1. What the catalog's file statistics say of a column, to leave out files before anybody opens them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class HasFileBounds(Protocol):
    """The part of a view that knows the statistics of files."""

    def file_bounds(self, table_id: int, snapshot_id: int, field_id: int) -> Iterator[tuple[str, str, str, int | None]]:
        """Yield absolute path, least and greatest value and number of NULL of a column, where a file has both."""
