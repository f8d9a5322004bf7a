"""Floor 1. What keeps the state file and the lake bounded: what there is of old, and the steps that let it go.

Every step is small and whole: a transaction of a few milliseconds that leaves nothing half done. Whoever dies between
two steps leaves work that the next one finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.model import Instant
    from mtctl.core.retention import Ended, OldFile, OldSnapshot

SNAPSHOTS_AT_ONCE = 10_000
"""How many snapshots are judged together."""


@frozen
class OldTable:
    """What is known of the versions of one table, all lake tables together that it ever was.

    `options` are its `retention.*` pairs as written, `young` counts versions that ended after the asked snapshot,
    `ended` are the earlier ones with the newest first, `old_bytes` is what files take that are no longer live.
    """

    lake_table_ids: tuple[int, ...]
    is_live: bool
    options: tuple[tuple[str, str], ...]
    young: int
    ended: tuple[Ended, ...]
    old_bytes: int


@frozen
class Scheduled:
    """A file that no kept snapshot shows, to be removed once its time has come; `path` is absolute.

    `path_text` is what the catalog says. `is_named` says that a live row names the same path again: then it stays.
    """

    file_id: int
    path_text: str
    path: str
    is_named: bool


@frozen
class PinRow:
    """One snapshot that somebody keeps: who, and for what."""

    snapshot_id: int
    holder: str
    purpose: str


@frozen
class LakeCounts:
    """The lake in numbers: bytes of files, times in instants, pages of the state file in bytes."""

    snapshots: int
    oldest_snapshot: int
    oldest_at: Instant
    newest_snapshot: int
    newest_at: Instant
    tables: int
    live_files: int
    live_bytes: int
    old_files: int
    old_bytes: int
    scheduled_files: int
    state_bytes: int
    free_bytes: int


class RetentionView(Protocol):
    """What there is of old."""

    def young_from(self, before: Instant) -> int:
        """Return the snapshot that was the newest at an instant: it and all later ones are young."""

    def unread(self) -> int:
        """Return how many snapshots have not been read yet for what they ended."""

    def old_snapshots(self, after: int, young_from: int, limit: int) -> list[OldSnapshot]:
        """Return snapshots with `after` < id < `young_from`, by id."""

    def old_tables(self, young_from: int) -> list[OldTable]:
        """Return every table that has old versions or old files."""

    def live_bytes(self, lake_table_ids: Iterable[int]) -> int:
        """Return what the live files of lake tables take; of a dropped one those that ended with it."""

    def old_files(self, lake_table_ids: Iterable[int]) -> tuple[OldFile, ...]:
        """Return the files of lake tables that are no longer live."""

    def pinned(self) -> frozenset[int]:
        """Return the snapshots that a live pin or a live attempt keeps."""

    def pins(self) -> list[PinRow]:
        """Return who keeps which snapshot, by snapshot."""

    def going(self, snapshots: Sequence[int]) -> tuple[int, int]:
        """Return how many data files, of how many bytes, nobody would see any more without these snapshots."""

    def scheduled(self, before: Instant, limit: int, after: int = -1) -> list[Scheduled]:
        """Return files that were scheduled for removal before an instant, by file id, those after an id."""

    def gaps(self) -> int:
        """Return how many gaps between snapshots have still to be looked through."""

    def counts(self) -> LakeCounts:
        """Return the lake in numbers."""

    def ended_instances(self, before: Instant, limit: int) -> list[int]:
        """Return ended instances that may be forgotten: by age, or since many newer ones of their workflow exist."""

    def attempts_known(self, ulids: Sequence[str]) -> frozenset[str]:
        """Return which of these ulids belong to attempts whose task is still there."""

    def free_pages(self) -> tuple[int, int]:
        """Return how many pages of the state file are free, and how many it has."""


class RetentionTx(RetentionView, Protocol):
    """The steps that let go, in a write transaction; each returns how much it did."""

    def read_versions(self, limit: int) -> int:
        """Read the next snapshots for the versions that they ended; return how many were read."""

    def expire(self, snapshots: Sequence[int]) -> int:
        """Remove snapshots, except those pinned meanwhile and the newest; return how many are gone."""

    def collect(self, limit: int) -> tuple[int, int]:
        """Schedule dead files of one gap, and remove dead rows; return how many files and rows, (0, 0) at the end."""

    def forget_tables(self, limit: int) -> int:
        """Remove catalog rows of dropped lake tables that no kept snapshot shows."""

    def unschedule(self, file_ids: Sequence[int]) -> None:
        """Forget files that have been removed from the disk."""

    def forget_books(self, before: Instant, limit: int) -> int:
        """Remove versions of definitions that nothing names, and holders that are long gone."""

    def forget_instances(
        self, instance_ids: Sequence[int], untold_from: Instant, limit: int
    ) -> tuple[frozenset[int], frozenset[int]]:
        """Remove ended instances with tasks, attempts and events; return those that are gone, and those that stay.

        Of a big one only so many tasks and events go at a time: it is in neither of both until all are gone. Attempts
        that a ledger row names, and the last of each table, stay without their task. What somebody is still to be told
        of stays until its events are older than `untold_from`.
        """

    def forget_events(self, before: Instant, told_before: Instant, limit: int) -> int:
        """Remove events, sent notices and skipped fires from before an instant, unread events from before another."""

    def give_back(self) -> None:
        """Give a megabyte of free pages at the end of the state file back to the file system."""


class HasRetention(Protocol):
    """A view or transaction that can be asked for what keeps it bounded."""

    def retention(self) -> RetentionTx:
        """Return the reads of retention; the steps that change anything need a write transaction."""
