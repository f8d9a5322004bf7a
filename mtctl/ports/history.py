"""Floor 1. Earlier moments of the lake: snapshots, and what the tables were then.

What stands here is read from the catalog's own versions, so that tables that are dropped or renamed since, and those
that a foreign client made, answer under the name that they had.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Column, Instant, TableDefinition
    from mtctl.core.staged import LedgerRow
    from mtctl.ports.undrop import Undropping


@frozen
class Moment:
    """One snapshot that is kept, and when it was made.

    `is_exact` False says that it was asked for by a time, and that a newer one of before that time has expired.
    """

    snapshot_id: int
    at: Instant
    is_exact: bool = True


@frozen
class PastTable:
    """A table of the lake at one snapshot, and its name then.

    `schema` is its schema's name; `table_id` is None for a table that mtctl did not make. `odd` says why its rows are
    not simply those of its files, empty for every table that only mtctl writes.
    """

    lake_table_id: int
    schema: str
    name: str
    table_id: int | None
    odd: str = ""


@frozen
class PastFile:
    """A data file of a table at one snapshot; `path` is absolute.

    `is_partial` says that it also holds rows which came later. `odd` says why its rows cannot be told from the file: a
    foreign client added it. Empty for every file of mtctl's own.
    """

    file_id: int
    lake_table_id: int
    path: str
    rows: int
    is_partial: bool = False
    odd: str = ""


@frozen
class PastRefresh:
    """The attempt behind a version: its instance, and what it published; `spans` are the intervals still known."""

    instance: str
    attempt: str
    intervals: int
    rows: int | None
    spans: IntervalSet


@frozen
class PastVersion:
    """One snapshot that changed a table: what the catalog says of it.

    `words` are those of `changes_made`; `names` the names that began and ended with it, each with its lake table;
    `columns` likewise (name and type). `rows_gone` counts the rows of intervals that it ended. `refresh` is None where
    no attempt of mtctl's published it, or none is known any more.
    """

    moment: Moment
    words: tuple[str, ...]
    author: str | None
    message: str | None
    names_began: tuple[tuple[int, str], ...]
    names_ended: tuple[tuple[int, str], ...]
    columns_began: tuple[tuple[str, str], ...]
    columns_ended: tuple[tuple[str, str], ...]
    rows_gone: int
    refresh: PastRefresh | None


class Past(Protocol):
    """Reads of earlier moments, within the transaction of a view."""

    def moment(self, snapshot_id: int) -> Moment | None:
        """Return a snapshot, None where it does not exist or is no longer kept."""

    def oldest(self) -> Moment:
        """Return the oldest snapshot that is kept."""

    def newest(self) -> Moment:
        """Return the newest snapshot."""

    def at_or_before(self, instant: Instant) -> Moment | None:
        """Return the newest kept snapshot that was there at an instant."""

    def before(self, snapshot_id: int) -> Moment | None:
        """Return the newest kept snapshot with a smaller id."""

    def after(self, snapshot_id: int) -> Moment | None:
        """Return the oldest kept snapshot with a greater id."""

    def tables(self, snapshot_id: int) -> list[PastTable]:
        """Return all tables of the lake as they were at a snapshot, by schema and name."""

    def columns(self, lake_table_ids: Iterable[int], snapshot_id: int) -> dict[int, tuple[Column, ...]]:
        """Return the columns of tables at a snapshot, in their order; every asked table is a key."""

    def files(self, lake_table_ids: Iterable[int], snapshot_id: int) -> dict[int, list[PastFile]]:
        """Return the data files of tables at a snapshot, by id; every asked table is a key."""

    def definition(self, table_id: int) -> TableDefinition:
        """Return the definition in force of a table of mtctl's own, the last one of a dropped table."""

    def moves(self, table_id: int, snapshot_id: int, limit: int) -> list[int]:
        """Return the newest snapshots up to one that moved what the ledger says of a table, the newest first."""

    def ledger(self, table_id: int, snapshot_id: int) -> list[LedgerRow]:
        """Return the ledger rows of a table as readers saw it at a snapshot, by start."""

    def bearer(self, name: str) -> int | None:
        """Return the id of the table of mtctl's own that bears a name, or that bore it last; None where none did."""

    def versions(self, table_id: int, limit: int) -> list[PastVersion]:
        """Return the snapshots that changed a table, the newest first."""

    def undropping(self) -> Undropping:
        """Return the reads of dropped tables, and in a write transaction the step that brings one back."""


class HasPast(Protocol):
    """The part of a view that leads to earlier moments; apart, so that looking at the present loads none of it."""

    def past(self) -> Past:
        """Return the reads of earlier moments."""
