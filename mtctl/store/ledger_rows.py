"""Floor 2. Turns rows of the ledger and of the catalog's files into the values of core and ports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import Interval
from mtctl.core.staged import ColumnStats, LedgerRow
from mtctl.ports.files import DataFile
from mtctl.store.rows import reads

if TYPE_CHECKING:
    from mtctl.store.session import Row


def ledger_row(table_id: int, row: Row) -> LedgerRow:
    """Return one interval of the ledger."""
    return LedgerRow(
        table_id=table_id,
        interval=Interval(row[0], row[1]),
        version_id=row[2],
        attempt_id=row[3],
        file_id=row[4],
        row_start=row[5],
        rows=row[6],
        fingerprint=row[7],
        reads=reads(row[8]),
        source_set_id=row[9],
        begin_snapshot=row[10],
        invalidated=row[11],
    )


def data_file(row: Row, path: str, stats: tuple[ColumnStats, ...]) -> DataFile:
    """Return a data file of the catalog under its absolute path."""
    return DataFile(
        file_id=row[0],
        table_id=row[1],
        path=path,
        rows=row[5],
        bytes=row[6],
        footer_bytes=row[7],
        row_id_start=row[8],
        begin_snapshot=row[9],
        sha256=row[10],
        stats=stats,
    )


def column_stats(row: Row) -> ColumnStats:
    """Return the statistics of one column of one file."""
    return ColumnStats(
        field_id=row[1],
        bytes=row[2],
        value_count=row[3],
        null_count=row[4],
        min=row[5],
        max=row[6],
        contains_nan=None if row[7] is None else bool(row[7]),
    )
