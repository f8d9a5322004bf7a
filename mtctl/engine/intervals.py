"""Floor 2. Stages a batch of intervals: their rows in one table, split into files on interval borders.

Rows that come out of the query in interval order, as most do, are written as they lie; only others are sorted.
"""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals
# ruff: noqa: PTH118 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import duckdb

from mtctl.core import partition as partitions
from mtctl.core import zones
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.model import EmptyPolicy
from mtctl.core.names import quote
from mtctl.core.staged import StagedInterval
from mtctl.engine import literals
from mtctl.engine.binding import bind_values
from mtctl.engine.fingerprint import fingerprint, row_hash
from mtctl.engine.predicate import Buckets, buckets, foreign, is_native, predicate
from mtctl.engine.split import File, row_bytes, split
from mtctl.engine.troubles import Text, translate
from mtctl.engine.written import Written, copy, copy_ends

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.interval import Interval
    from mtctl.core.model import Partition
    from mtctl.engine.inputs import Inputs
    from mtctl.engine.session import Session
    from mtctl.ports.engine import StageRequest

_STAGED = 'main."_mtctl_staged"'
_SORTED = 'main."_mtctl_sorted"'
_ORDER = 'main."_mtctl_order"'


def stage_intervals(
    session: Session, inputs: Inputs, request: StageRequest, probe: int
) -> tuple[list[Written], list[StagedInterval]]:
    """Return the files written and the intervals in them, in order of time."""
    partition = request.partition
    if partition is None:
        raise ValueError("slices need a partition")
    try:
        _fill(session, inputs, request, partition)
        pieces = _pieces(request)
        ordered = _measure(session, request, partition, pieces)
        _check_empty(request, pieces)
        files = split(
            [piece.rows for piece in pieces],
            target_rows=request.target_rows,
            target_bytes=request.target_bytes,
            bytes_per_row=row_bytes(session, _STAGED, request.columns),
        )
        written = _write(session, request, partition, pieces, files, ordered=ordered)
    except duckdb.Error as error:
        raise translate(error) from None
    finally:
        for table in (_STAGED, _SORTED, _ORDER):
            session.connection.execute(f"DROP TABLE IF EXISTS {table}")
    return written, _staged_intervals(pieces, files, probe)


def statement(request: StageRequest, partition: Partition, first: int, last: int) -> tuple[str, str]:
    """Return what stands before and behind the query of slices `[first, last)`."""
    types = {column.name: column.stored_type for column in request.columns}
    where = predicate(partition, types, request.zone, request.slices[first:last], request.null_policy)
    return f"SELECT {_guarded(request, partition, types)} FROM (\n", f"\n) AS q WHERE {where}"


_MARK = "_mtctl_foreign\x1f"
_SHOWN = 80


def _guarded(request: StageRequest, partition: Partition, types: dict[str, str]) -> str:
    """Return the select list; it ends the statement at the first foreign string, before a second one is stored.

    It throws in the list and not in the condition, which DuckDB pushes below filters that may drop the row.
    """
    if is_native(partition):
        return literals.stored(request.columns)
    columns = [f"CAST(q.{quote(c.name)} AS {types[c.name]})" for c in partition.columns]
    shown = " || chr(31) || ".join(f"left({column}, {_SHOWN})" for column in columns)
    guard = (
        f"CASE WHEN {foreign(partition, columns)} THEN error({literals.text(_MARK)} || {shown}) ELSE {columns[0]} END"
    )
    first = partition.columns[0].name
    return ", ".join(
        f"{guard} AS {quote(column.name)}" if column.name == first else literals.stored([column])
        for column in request.columns
    )


class _Piece:
    """One interval while it is staged."""

    __slots__ = ("first", "interval", "last", "rows", "total", "values")

    def __init__(self, *, interval: Interval, values: tuple[str, ...]) -> None:
        self.interval, self.values = interval, values
        self.rows = self.total = 0
        self.first = self.last = -1


def _fill(session: Session, inputs: Inputs, request: StageRequest, partition: Partition) -> None:
    """Run every statement into the staging table."""
    statements = request.statements or ((0, len(request.slices)),)
    for index, (first, last) in enumerate(statements):
        session.check()
        into = f"INSERT INTO {_STAGED} " if index else f"CREATE TABLE {_STAGED} AS "
        before, after = statement(request, partition, first, last)
        sql, text = inputs.bound.inside(into + before, after)
        params = request.params[index] if index < len(request.params) else {}
        try:
            _run(session, sql, text, bind_values(params, inputs.syntax.parsed.params))
        except MtctlError as error:
            _, mark, found = error.what.partition(_MARK)
            if not mark:
                raise
            raise _foreign([c.name for c in partition.columns], request.zone, found.split("\x1f")) from None


def _run(session: Session, sql: str, text: Text, params: dict[str, object]) -> None:
    try:
        session.connection.execute(sql, params or None)
    except duckdb.Error as error:
        raise translate(error, text) from None


def _pieces(request: StageRequest) -> list[_Piece]:
    """Return the intervals in order of time."""
    pieces = [_Piece(interval=item.interval, values=item.values) for item in request.slices]
    return sorted(pieces, key=lambda piece: piece.interval)


def _measure(session: Session, request: StageRequest, partition: Partition, pieces: list[_Piece]) -> bool:
    """Count and fingerprint every interval; return whether the rows lie in interval order already.

    Errors `partition_null` and `partition_foreign`.
    """
    native = is_native(partition)
    names = [column.name for column in partition.columns]
    numbers: Buckets | None = None
    if native:
        column = next(c for c in request.columns if c.name == names[0])
        numbers = buckets(column, partition, request.zone, [piece.interval for piece in pieces])
    keys = numbers.sql if numbers is not None else ", ".join(quote(name) for name in names)
    sums = f"count(*), sum({row_hash(request.columns)}), min(rowid), max(rowid)"
    _check_nulls(session, names)
    # One group more than there are intervals is proof enough that one of them is foreign.
    limit = "" if native else f" LIMIT {len(pieces) + 1}"
    groups = session.run(f"SELECT {sums}, {keys} FROM {_STAGED} GROUP BY ALL{limit}")
    by_values = {piece.values: index for index, piece in enumerate(pieces)}
    for count, total, first, last, *key in groups:
        index = by_values.get(tuple(key)) if numbers is None else numbers.interval_of(int(key[0]))
        if index is None:
            raise _foreign(names, request.zone, _texts(session, names, int(first)))
        piece = pieces[index]
        piece.rows += int(count)
        piece.total += int(total)
        piece.first = int(first) if piece.first < 0 else min(piece.first, int(first))
        piece.last = max(piece.last, int(last))
    at, ordered = 0, True
    for piece in pieces:
        ordered = ordered and (not piece.rows or (piece.first == at and piece.last == at + piece.rows - 1))
        at += piece.rows
    return ordered


def _check_nulls(session: Session, names: Sequence[str]) -> None:
    null = " OR ".join(f"{quote(name)} IS NULL" for name in names)
    nulls = int(session.run(f"SELECT count(*) FROM {_STAGED} WHERE {null}")[0][0])
    if not nulls:
        return
    raise MtctlError(
        "partition_null",
        f"{nulls:,} rows have NULL in the partition columns {', '.join(names)}",
        kind=Kind.FAILED,
        fix="filter them in the query, or set 'partition.null' = 'drop'",
    )


def _texts(session: Session, names: Sequence[str], row: int) -> Sequence[str]:
    texts = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for name in names)
    return session.run(f"SELECT {texts} FROM {_STAGED} WHERE rowid = {row}")[0]


def _foreign(names: Sequence[str], zone: str, found: Sequence[str]) -> MtctlError:
    # A foreign value may hold the character that parts them: the example is cut short then.
    example = ", ".join(f"{name} = {value!r}" for name, value in zip(names, found, strict=False))
    return MtctlError(
        "partition_foreign",
        f"a row belongs to none of the intervals: {example}",
        kind=Kind.FAILED,
        where=f"time zone {zone}",
        fix="make the query write partition values just as the date-formatter says",
    )


def _check_empty(request: StageRequest, pieces: Sequence[_Piece]) -> None:
    if request.on_empty is not EmptyPolicy.FAIL:
        return
    empty = [piece for piece in pieces if not piece.rows]
    if not empty:
        return
    start = zones.to_wall(empty[0].interval.start, request.zone).isoformat(sep=" ")
    raise MtctlError(
        "result_empty",
        f"{len(empty)} intervals came out empty, the first begins at {start}, and 'refresh.on-empty' is 'fail'",
        kind=Kind.FAILED,
        fix="check the source, or set 'refresh.on-empty' = 'clear'",
    )


def _write(
    session: Session,
    request: StageRequest,
    partition: Partition,
    pieces: Sequence[_Piece],
    files: Sequence[File],
    *,
    ordered: bool,
) -> list[Written]:
    """Write the files, several at once where there are several."""
    if not files:
        return []
    names, table = literals.names(request.columns), _STAGED
    if not ordered:
        source, order = _in_order(session, partition, pieces)
        if len(files) == 1:
            return [_write_one(session, request, 0, f"SELECT {names} FROM {source} ORDER BY {order}")]
        session.run(f"CREATE TABLE {_SORTED} AS SELECT {names} FROM {source} ORDER BY {order}")
        session.run(f"DROP TABLE {_STAGED}")
        table = _SORTED
    selects = [
        f"SELECT {names} FROM {table} WHERE rowid >= {f.row_start} AND rowid < {f.row_start + f.rows}" for f in files
    ]
    if len(selects) == 1:
        return [_write_one(session, request, 0, selects[0])]
    with ThreadPoolExecutor(max_workers=min(2, len(selects))) as pool:
        jobs = [pool.submit(_write_one, session, request, n, select) for n, select in enumerate(selects)]
        return [job.result() for job in jobs]


def _write_one(session: Session, request: StageRequest, number: int, select: str) -> Written:
    path = os.path.join(request.folder, f"{request.file_prefix}-{number}.parquet")
    before, after = copy_ends(path, request.columns)
    cursor = session.cursor()
    try:
        session.check()
        return copy(cursor, before + select + after, request.columns)
    finally:
        session.release(cursor)


def _in_order(session: Session, partition: Partition, pieces: Sequence[_Piece]) -> tuple[str, str]:
    """Return the rows' source and its ORDER BY: by the partition columns where these sort like time."""
    names = [quote(column.name) for column in partition.columns]
    if is_native(partition) or partitions.sorts_like_time(partition):
        return _STAGED, ", ".join(names)
    rows = ", ".join(
        f"({index}, {', '.join(literals.text(value) for value in piece.values)})" for index, piece in enumerate(pieces)
    )
    session.run(f'CREATE TABLE {_ORDER} AS SELECT * FROM (VALUES {rows}) AS v("_mtctl_n", {", ".join(names)})')
    return f"{_STAGED} JOIN {_ORDER} USING ({', '.join(names)})", '"_mtctl_n"'


def _staged_intervals(pieces: Sequence[_Piece], files: Sequence[File], probe: int) -> list[StagedInterval]:
    staged = []
    file_of = {index: number for number, file in enumerate(files) for index in file.members}
    at = 0
    for index, piece in enumerate(pieces):
        number = file_of.get(index)
        staged.append(
            StagedInterval(
                interval=piece.interval,
                file=number,
                row_start=0 if number is None else at - files[number].row_start,
                rows=piece.rows,
                fingerprint=fingerprint(probe, piece.rows, piece.total),
            )
        )
        at += piece.rows
    return staged
