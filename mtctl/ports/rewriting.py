"""Floor 1. Live data files written anew without a change of their rows: for an overwrite of a part, and to be fewer.

Rows that move keep their row ids; where small files become one, each row keeps the snapshot in which it came. So older
snapshots stay as they were, and no feed shows a change where none was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.interval import Interval
    from mtctl.core.model import Instant, Table
    from mtctl.core.staged import StagedFile
    from mtctl.ports.files import DataFile


@frozen
class Part:
    """Rows [row_start, row_start + rows) of a live file: those of one interval, and the snapshot they came in."""

    interval: Interval
    row_start: int
    rows: int
    snapshot_id: int


@frozen
class Origin:
    """A live file that rows are taken from, in the order of their place in it.

    `path` is absolute. `row_id_start` is the row id of its first row, None where each row brings its own.
    """

    file_id: int
    path: str
    row_id_start: int | None
    parts: tuple[Part, ...]


@frozen
class Rewrite:
    """One file to write: the parts of its origins, by time. All origins hold the same columns."""

    origins: tuple[Origin, ...]

    @property
    def parts(self) -> list[tuple[int, Part]]:
        """Every part with the place of its origin, in the order in which they lie in the new file."""
        found = [(at, part) for at, origin in enumerate(self.origins) for part in origin.parts]
        if len(self.origins) == 1:
            return sorted(found, key=lambda one: one[1].row_start)
        return sorted(found, key=lambda one: one[1].interval)

    @property
    def snapshots(self) -> tuple[int, int]:
        """The oldest and the newest snapshot in which any of its rows came."""
        found = [part.snapshot_id for origin in self.origins for part in origin.parts]
        return min(found), max(found)


@frozen
class Replaced:
    """A rewrite as it is published: the file under its final name (relative to the table folder)."""

    rewrite: Rewrite
    file: StagedFile
    name: str


@frozen
class RewriteRequest:
    """Files to write into `folder`, named `<file_prefix>-<n>.parquet`, one for each rewrite."""

    rewrites: tuple[Rewrite, ...]
    folder: str
    file_prefix: str


@frozen
class Compaction:
    """Small files of one table to be published as fewer: what was staged, and the table as it was looked at."""

    table: Table
    epoch: int
    replaced: tuple[Replaced, ...]


@frozen
class CompactionFile:
    """A live file as compaction looks at it, and when its newest rows came (0: longer ago than snapshots are kept)."""

    file: DataFile
    written_at: Instant


class CompactionView(Protocol):
    """What there is to compact."""

    def epoch(self, table_id: int) -> int | None:
        """Return what rises whenever a table is changed, rebuilt or dropped; None for one that is gone."""

    def is_busy(self, table_id: int) -> bool:
        """Return whether an attempt of the table runs: it may be about to replace files."""

    def compaction_files(self, table_id: int) -> list[CompactionFile]:
        """Return the live files of a table that may be written anew, by id, and when their newest rows came."""

    def small_files(self, rows: int, size: int) -> Mapping[int, int]:
        """Return by table id how many live files have fewer rows and fewer bytes than these."""


class CompactionTx(CompactionView, Protocol):
    """Publishing fewer files in place of many."""

    def compact(self, compaction: Compaction) -> int | None:
        """Publish; return the snapshot, or None, and nothing has changed, where the table was changed meanwhile."""

    def hold_staged(self, holder_id: int, ulid: str) -> None:
        """Keep files whose names begin with a ulid from `gc` for as long as the holder lives."""

    def release_staged(self, ulid: str) -> None:
        """Let `gc` take them again."""


class HasCompaction(Protocol):
    """A view or transaction that knows of rewritten files; what few ask is apart, so that looking loads none of it."""

    def partial_paths(self, snapshot_id: int) -> frozenset[str]:
        """Return the absolute paths of files that hold rows which came after a snapshot beside those that it shows."""

    def compaction(self) -> CompactionTx:
        """Return the reads of compaction; what changes anything needs a write transaction."""
