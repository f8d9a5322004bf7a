"""Floor 1. What is wrong with the lake by its books, and how the books are put right.

The store knows what the catalog names and what others have written there; whether a file is whole only the lake can
tell. Nothing here removes a file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.interval import Interval, IntervalSet

DAMAGED = "file damaged"
"""Why intervals are stale whose file cannot be trusted: their rows are never carried into another file."""


@frozen
class NamedFile:
    """One file that the catalog names; `path` is absolute.

    `table_id` is None where the table is not one of ours; `lake_table_id` tells its versions apart. `is_live` says that
    the newest snapshot shows it, else only older ones do. `footer_bytes` and `sha256` are None where nobody wrote them
    down.
    """

    file_id: int
    table_id: int | None
    table: str
    path: str
    bytes: int
    footer_bytes: int | None
    sha256: str | None
    is_live: bool
    lake_table_id: int


@frozen
class Oddity:
    """Something in the catalog that mtctl did not write, or that is gone from it, on one of our tables.

    `check` is one of `foreign rows`, `delete file`, `inlined data`, `catalog row`; `intervals` are those that it
    concerns, empty where it concerns the whole table. `lake_table_id` is None where the catalog has no table for it.
    """

    table_id: int
    table: str
    check: str
    detail: str
    intervals: tuple[Interval, ...] = ()
    lake_table_id: int | None = None


@frozen
class Deletion:
    """A delete file of another client: which rows of a data file are gone at a snapshot; both paths are absolute.

    Of one that `is_partial` some went only later. One that `is_odd` is nothing that DuckDB reads as Parquet.
    """

    lake_table_id: int
    data: str
    path: str
    is_partial: bool
    is_odd: bool


@frozen
class ForeignTable:
    """A table that another DuckLake client has made in our catalog: we neither write nor collect it."""

    lake_table_id: int
    schema: str
    name: str
    files: int
    rows: int
    bytes: int


class DamageView(Protocol):
    """What the catalog names and what does not belong there."""

    def files(self) -> list[NamedFile]:
        """Return every data file and delete file that the catalog names, by table and id."""

    def check_catalog(self) -> None:
        """Raise `catalog_version` (STATE) where another program has migrated the catalog: then nothing is published."""

    def owner(self) -> str:
        """Return the uuid of the project that the state file belongs to."""

    def sample(self, limit: int) -> list[str]:
        """Return the absolute paths of some live files of our tables."""

    def intervals(self, file_ids: Iterable[int]) -> dict[int, tuple[Interval, ...]]:
        """Return the live intervals whose rows lie in these files, by file."""

    def oddities(self) -> list[Oddity]:
        """Return what others have done to our tables."""

    def foreign_tables(self) -> list[ForeignTable]:
        """Return the live tables of the catalog that are not ours, by schema and name."""


class DamageTx(DamageView, Protocol):
    """Puts the books right, in a write transaction."""

    def condemn(self, file_ids: Iterable[int]) -> dict[int, IntervalSet]:
        """Make the live intervals of these files stale with the reason `DAMAGED`; return them by table."""

    def let_foreigners_write(self, *, allowed: bool) -> None:
        """Let other DuckLake clients keep tables of their own in the catalog, or refuse every write again."""

    def evict(self) -> dict[int, IntervalSet]:
        """Take what others wrote out of our tables, in one snapshot, and forget intervals whose file row is gone.

        Returns by table the intervals that are missing now; a table from which only foreign rows went has none.
        """


class HasDamage(Protocol):
    """A view or transaction that can be asked what is wrong with the lake."""

    def foreign_writes(self) -> bool:
        """Return whether other DuckLake clients may keep tables of their own in the catalog."""

    def deletions(self, lake_table_ids: Iterable[int], snapshot_id: int) -> list[Deletion]:
        """Return what other clients have deleted of these lake tables at a snapshot."""

    def damage(self) -> DamageTx:
        """Return the looks at damage; what puts anything right needs a write transaction."""
