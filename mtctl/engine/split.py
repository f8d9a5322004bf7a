"""Floor 2. Where one data file ends and the next begins: on interval borders, near a target size."""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.names import quote
from mtctl.core.storage import is_nested
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Column
    from mtctl.engine.session import Session


@frozen
class File:
    """One file to write: rows `[row_start, row_start + rows)` of the sorted batch, and the intervals in them."""

    row_start: int
    rows: int
    members: tuple[int, ...]


def split(counts: Sequence[int], *, target_rows: int, target_bytes: int, bytes_per_row: float) -> list[File]:
    """Return the files for intervals with these row counts, in order; empty intervals are in none.

    A file is closed before the interval that would lift it over a target; an interval above it has its own file.
    """
    limit = max(1, min(target_rows, int(target_bytes / bytes_per_row)))
    files: list[File] = []
    members: list[int] = []
    start = rows = 0
    for index, count in enumerate(counts):
        if not count:
            continue
        if members and rows + count > limit:
            files.append(File(row_start=start, rows=rows, members=tuple(members)))
            start, rows, members = start + rows, 0, []
        members.append(index)
        rows += count
    if members:
        files.append(File(row_start=start, rows=rows, members=tuple(members)))
    return files


_SAMPLE = 10_000
_COMPRESSION = 0.5  # what zstd leaves of plain values, roughly; the target is a wish, not a limit
_WIDTHS = {
    "BOOLEAN": 1,
    "TINYINT": 1,
    "UTINYINT": 1,
    "SMALLINT": 2,
    "USMALLINT": 2,
    "FLOAT": 4,
    "INTEGER": 4,
    "DATE": 4,
}
_VARIABLE = {"VARCHAR": "strlen({})", "JSON": "strlen({})", "BLOB": "octet_length({})"}
_NESTED = "strlen(CAST({} AS VARCHAR))"


def row_bytes(session: Session, table: str, columns: Sequence[Column]) -> float:
    """Return about how many bytes a row of the table takes in Parquet."""
    measured = {c.name: how for c in columns if (how := _measure(c.stored_type)) is not None}
    fixed: float = sum(_WIDTHS.get(c.stored_type, 8) for c in columns if c.name not in measured)
    if measured:
        lengths = " + ".join(f"coalesce({how.format(quote(name))}, 0)" for name, how in measured.items())
        row = session.run(f"SELECT avg({lengths}) FROM (SELECT * FROM {table} LIMIT {_SAMPLE})")[0]
        fixed += float(row[0] or 0)
    return max(1.0, fixed * _COMPRESSION)


def _measure(stored_type: str) -> str | None:
    """Return how the bytes of a value are counted, None for a type of one width; of a nested value its text counts."""
    return _NESTED if is_nested(stored_type) else _VARIABLE.get(stored_type)
