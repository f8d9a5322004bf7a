"""Floor 0. The nouns as frozen values, shared by every floor.

Instants are whole microseconds since 1970 in UTC (`Instant`), never naive datetimes: they sort, subtract and
store exactly. A zone enters only through `TableDefinition.zone` and the functions of `core.interval`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.interval import Grain

Instant = int
"""Microseconds since 1970-01-01T00:00:00Z."""


class Mode(StrEnum):
    """How a refresh changes the table."""

    FULL = "full"  # stage the whole result, publish it in place of all
    INTERVAL = "interval"  # stage the intervals, publish them in place of what they held


class NullPolicy(StrEnum):
    """What a row with a NULL partition value does."""

    FAIL = "fail"  # the attempt fails
    DROP = "drop"  # the row is left out


class EmptyPolicy(StrEnum):
    """What an empty result of an interval does."""

    CLEAR = "clear"  # the interval is published empty
    FAIL = "fail"  # the attempt fails


class RangeKind(StrEnum):
    """Which intervals of an upstream a table's interval reads."""

    OVERLAP = "overlap"  # those overlapping [start + before, end + after)
    LATEST = "latest"  # a full upstream as it is now; a change of it makes no past interval stale
    ALL = "all"  # everything: any change restates every interval
    IGNORE = "ignore"  # neither waited for nor a reason to be stale


class Origin(StrEnum):
    """Where a definition came from; `apply --prune` touches only files."""

    FILE = "file"
    COMMAND = "command"


@frozen
class Column:
    """One column of a table: the query's type, the type stored in Parquet and its DuckLake spelling.

    `field_id` is the DuckLake column id (0 while not yet given). `note` says how the stored type differs,
    empty when it does not.
    """

    name: str
    type: str
    stored_type: str
    lake_type: str
    field_id: int = 0
    nullable: bool = True
    note: str = ""
    comment: str | None = None


@frozen
class PartitionColumn:
    """One partition column; `formatter` is the Java date pattern of a string column, else None."""

    name: str
    type: str
    formatter: str | None = None


@frozen
class Partition:
    """The partition columns that together name one interval, and its grain."""

    columns: tuple[PartitionColumn, ...]
    grain: Grain
    null_policy: NullPolicy = NullPolicy.FAIL


@frozen
class Read:
    """One upstream table as a definition reads it.

    `before` and `after` widen the overlap, in microseconds (negative reaches back). `wait` False lets the reader
    run while the upstream is not fresh.
    """

    table: str
    kind: RangeKind = RangeKind.OVERLAP
    before: int = 0
    after: int = 0
    wait: bool = True


@frozen
class Source:
    """One source as the query names it: a path, a glob or a `[sources.<name>]` of the project.

    `text` is the literal or the name; `paths` the patterns it stands for, as written (relative to the project root) in
    a definition and absolute in a request to the engine; `restate` says that a new file
    of the glob makes intervals stale; `version` is the SELECT that gives a database source its version. `kind` is
    files, duckdb, sqlite or postgres; `dsn` says how to reach a server, in a request to the engine only.
    """

    text: str
    paths: tuple[str, ...]
    restate: bool = False
    version: str | None = None
    kind: str = "files"
    dsn: str = ""


@frozen
class TableDefinition:
    """A whole, checked definition: what the statement says plus what describing its query found.

    `start` and `end` bound the wanted range (None for a full table). `options` are the WITH pairs as written.
    `fingerprint` changes exactly when the data that the definition yields may change. `content` stands in its place
    where data that another version computed still count, or where columns are others in spite of their names.
    """

    name: str
    ddl: str
    query: str
    fingerprint: str
    mode: Mode
    columns: tuple[Column, ...]
    zone: str
    partition: Partition | None = None
    primary_key: tuple[str, ...] = ()
    comment: str | None = None
    start: Instant | None = None
    end: Instant | None = None
    refresh_mode: str | None = None
    freshness: str | None = None
    schedule: str | None = None
    reads: tuple[Read, ...] = ()
    sources: tuple[Source, ...] = ()
    params: tuple[str, ...] = ()
    volatile: tuple[str, ...] = ()
    auto: bool = True
    open: bool = False
    delay: int = 0
    batch: int | None = None
    on_empty: EmptyPolicy = EmptyPolicy.CLEAR
    tags: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    content: str = ""

    @property
    def mark(self) -> str:
        """What the data of this definition are known by: those of a version with another mark are stale."""
        return self.content or self.fingerprint

    @property
    def batchable(self) -> bool:
        """Whether several intervals may share one statement: the query names no interval variable."""
        return self.mode is Mode.INTERVAL and not self.params


@frozen
class Table:
    """A materialized table as the store knows it.

    `epoch` rises with everything that supersedes running attempts. `folder` is the table's folder below the
    lake's data path, with a trailing slash.
    """

    table_id: int
    uuid: str
    lake_table_id: int
    folder: str
    epoch: int
    version_id: int
    origin: Origin
    file: str | None
    file_sha256: str | None
    created_at: Instant
    definition: TableDefinition


@frozen
class SourceFile:
    """One file as it was read: absolute path, size in bytes, mtime in ns, inode, sha256 in hex."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    sha256: str


def __getattr__(name: str) -> Any:
    """Give the values of `core.staged` under this name too; they are made only where something runs."""
    if name not in {"ColumnStats", "StagedFile", "StagedInterval", "Staged", "LedgerRow"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from mtctl.core import staged  # noqa: PLC0415 - a frozen class costs half a millisecond

    return getattr(staged, name)
