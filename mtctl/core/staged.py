"""Floor 0. What an attempt has made, and what the ledger says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.interval import Interval
    from mtctl.core.model import SourceFile


@frozen
class ColumnStats:
    """Parquet statistics of one column of one file, as text; None where there is no proven mapping."""

    field_id: int
    bytes: int
    value_count: int
    null_count: int
    min: str | None
    max: str | None
    contains_nan: bool | None


@frozen
class StagedFile:
    """One Parquet file that nobody sees yet; `path` is absolute, in the staging folder."""

    path: str
    rows: int
    bytes: int
    footer_bytes: int
    sha256: str
    stats: tuple[ColumnStats, ...]


@frozen
class StagedInterval:
    """One interval of a staged batch: which file (index, None when empty), which rows, which content."""

    interval: Interval
    file: int | None
    row_start: int
    rows: int
    fingerprint: str


@frozen
class Staged:
    """What one attempt made: files, their intervals, the source files it read, and seconds.

    `rewritten` are live files that were written anew beside them, in the order of the request's rewrites.
    """

    files: tuple[StagedFile, ...]
    intervals: tuple[StagedInterval, ...]
    sources: tuple[SourceFile, ...]
    rows: int
    seconds: float
    rewritten: tuple[StagedFile, ...] = ()


@frozen
class LedgerRow:
    """What the ledger says of one interval of one table: whose data it holds, where, from which inputs.

    `reads` maps an upstream table id to the digest of the content that was read (see `core.ledger`).
    `file_id` is None for an interval that was published empty. `invalidated` is why the row no longer counts although
    nothing that it read has changed, empty while it counts.
    """

    table_id: int
    interval: Interval
    version_id: int
    attempt_id: int
    file_id: int | None
    row_start: int
    rows: int
    fingerprint: str
    reads: tuple[tuple[int, str], ...]
    source_set_id: int | None
    begin_snapshot: int
    invalidated: str = ""
