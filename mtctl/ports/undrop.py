"""Floor 1. Dropped tables whose files are still kept, and the step that brings one back.

A dropped table comes back as a new lake table: what the catalog says of the old one stays history. Its files get a
second name each, since a path stands in one row of the catalog only, and whoever expires the old row takes its path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Collection

    from mtctl.core.model import Instant, Origin, TableDefinition


@frozen
class DroppedFile:
    """A data file that a table held when it was dropped: its absolute path, and its name in the new folder."""

    file_id: int
    path: str
    name: str


@frozen
class Dropped:
    """A dropped table as it would come back.

    `snapshot_id` is the one that dropped it; `files` are those whose rows the ledger still knows, `intervals` how many
    it held, empty ones too; `had_data` says whether it was ever refreshed, and `is_whole` whether all of it is still
    there. `uuid` and `folder` (below the data path) are those of the lake table to make.
    """

    table_id: int
    definition: TableDefinition
    origin: Origin
    file: str | None
    dropped_at: Instant
    snapshot_id: int
    lake_table_id: int
    uuid: str
    folder: str
    files: tuple[DroppedFile, ...]
    intervals: int
    had_data: bool
    is_whole: bool


@frozen
class Undropped:
    """What came back: how many intervals and rows, in which snapshot."""

    snapshot_id: int
    intervals: int
    rows: int


class Undropping(Protocol):
    """Reads and the one step of bringing back dropped tables."""

    def names(self) -> list[str]:
        """Return the names of dropped tables of which anything is kept."""

    def dropped(self, name: str, new_name: str, uuid: str) -> Dropped | None:
        """Return the table that bore a name last and was dropped, as it would come back under a new one."""

    def undrop(
        self, dropped: Dropped, definition: TableDefinition, placed: Collection[int], *, keeps_file: bool
    ) -> Undropped:
        """Put a dropped table in force again under the definition's name, with those files that were `placed`.

        Intervals of other files are missing then. `keeps_file` leaves it the table of its project file. Raises
        `undrop_outdated` and `table_exists` (CONFLICT), `upstream_unknown` (INVALID), `workflow_exists`.
        """
