"""Floor 2. Recomputes from one data file all that ledger and catalog claim about it.

Statistics come from the rows, not from the footer: a wrong footer is among the things to find. Their texts are those
of `COPY … (RETURN_STATS)`, by one mapping per type.
"""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals
# ruff: noqa: PTH123, PTH202 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core import partition as partitions
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.staged import ColumnStats
from mtctl.core.storage import Statistics, fields
from mtctl.core.values import frozen, replace
from mtctl.engine import literals
from mtctl.engine.fingerprint import fingerprint, row_hash
from mtctl.engine.predicate import buckets, is_native
from mtctl.engine.troubles import translate
from mtctl.engine.written import digest_of
from mtctl.ports.engine import Measured, MeasureRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.core.interval import Interval
    from mtctl.core.model import Column
    from mtctl.core.storage import Field
    from mtctl.engine.session import Session


def measure(session: Session, request: MeasureRequest, probe: int) -> Measured:
    """Return what the file holds; error `file_unreadable` (ENGINE) when it is missing or no Parquet file."""
    session.use_zone("UTC")  # statistics of TIMESTAMPTZ are in UTC
    try:
        size = os.path.getsize(request.path)
        sha256 = digest_of(request.path, session.check)
        footer = footer_bytes(request.path)
        columns = _present(session, request)
        named = apart(columns)
        source = literals.parquet([request.path], named) if columns else ""
        rows = int(session.run(f"SELECT count(*) FROM read_parquet({literals.text_list([request.path])})")[0][0])
        fingerprints, strays = _contents(session, source, columns, request, probe)
        stats = tuple(_stats(session, source, columns, field) for field in told(columns)) if rows else ()
    except OSError as error:
        raise _unreadable(request.path, error.strerror or str(error)) from None
    except duckdb.Error as error:
        trouble = translate(error)
        raise trouble if trouble.code == "cancelled" else _unreadable(request.path, trouble.what) from None
    return Measured(
        rows=rows,
        bytes=size,
        footer_bytes=footer,
        sha256=sha256,
        fingerprints=fingerprints,
        stats=stats,
        strays=strays,
    )


def apart(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return columns under names of our own: a table may have one that is called like those that DuckDB adds."""
    return tuple(replace(column, name=f"c{place}") for place, column in enumerate(columns))


def told(columns: Sequence[Column]) -> list[Field]:
    """Return the fields that have statistics."""
    parts = (part for column in columns for part in fields(column.name, column.field_id, column.stored_type))
    return [part for part in parts if part.statistics is not Statistics.NONE]


def footer_bytes(path: str) -> int:
    """Return the length of a file's footer by its last bytes, 0 where it has none."""
    with open(path, "rb") as file:
        if os.path.getsize(path) < 8:
            return 0
        file.seek(-8, os.SEEK_END)
        length, magic = struct.unpack("<I4s", file.read(8))
    return int(length) if magic == b"PAR1" else 0


@frozen
class Places:
    """What of a row says where it belongs: `names` of the columns that `sql` makes of it.

    `of` tells by their values the place of its interval in a sorted list, None where it belongs to none of them.
    """

    names: tuple[str, ...]
    sql: str
    of: Callable[[Sequence[Any]], int | None]


def places(
    request: MeasureRequest, columns: Sequence[Column], named: Sequence[Column], intervals: Sequence[Interval]
) -> Places | None:
    """Return how rows tell which of some sorted intervals they belong to, None where nothing tells.

    `named` are the columns under the names that the SQL gives them.
    """
    partition = request.partition
    present = {column.name: own for column, own in zip(columns, named, strict=True)}
    if partition is None or not intervals or not present.keys() >= {column.name for column in partition.columns}:
        return None
    owns = [present[column.name] for column in partition.columns]
    if is_native(partition):
        numbers = buckets(owns[0], partition, request.zone, intervals)
        return Places(
            names=("k0",),
            sql=f"{numbers.sql} AS k0",
            of=lambda key: None if key[0] is None else numbers.interval_of(int(key[0])),
        )
    texts = {partitions.values(partition, one, request.zone): at for at, one in enumerate(intervals)}
    return Places(
        names=tuple(f"k{number}" for number in range(len(owns))),
        sql=", ".join(f"{own.name} AS k{number}" for number, own in enumerate(owns)),
        of=lambda key: texts.get(tuple(key)),
    )


def statistics_sql(field: Field, value: str, source: str, group: str = "") -> str:
    """Return the SELECT of a field's statistics: NULLs, values, least and greatest as text, whether one is NaN.

    With `group`, a column of the source, each row begins with a value of that and speaks of the rows that have it.
    """
    finite, nan = value, "NULL"
    if field.stored_type in FLOATS:
        finite = f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END"
        nan = f"coalesce(bool_or(isnan({value})), false)"
    parts = f"count(*) - count({value}), count({value}), min({finite}), max({finite}), {nan}"
    if not group:
        outer = f"SELECT nulls, n, {least_and_greatest(field)}, nan FROM "
        return f"{outer}(SELECT {parts} FROM {source}) AS s(nulls, n, lo, hi, nan)"
    outer = f"SELECT g, nulls, n, {least_and_greatest(field)}, nan FROM "
    return f"{outer}(SELECT {group}, {parts} FROM {source} GROUP BY 1) AS s(g, nulls, n, lo, hi, nan)"


def least_and_greatest(field: Field) -> str:
    """Return how the values `lo` and `hi` of a field are written in its statistics."""
    return ", ".join(_AS_TEXT.get(field.stored_type, "CAST({} AS VARCHAR)").format(value) for value in ("lo", "hi"))


def value_of(field: Field, columns: Sequence[Column], named: Sequence[Column]) -> str:
    """Return the expression of a field: a column, or what lies in a struct."""
    [value] = [own.name for column, own in zip(columns, named, strict=True) if column.name == field.path[0]]
    for part in field.path[1:]:
        value = f"struct_extract({value}, {literals.text(part)})"
    return value


def shown(field: Field, value: Any) -> str | None:
    """Return a least or greatest value as statistics have it; None for a long text, which COPY cuts and rounds up."""
    if value is None:
        return None
    text = str(value)
    if field.stored_type in _CUT and len(text.encode()) > _CUT_BYTES:
        return None
    return {"-0.0": "0.0"}.get(text, text) if field.stored_type in FLOATS else text


def _present(session: Session, request: MeasureRequest) -> list[Column]:
    """Return the columns whose field ids the file has; one added later is not in it."""
    sql = f"SELECT field_id FROM parquet_schema({literals.text(request.path)}) WHERE field_id IS NOT NULL"
    ids = {int(row[0]) for row in session.run(sql)}
    return [column for column in request.columns if column.field_id in ids]


def _contents(
    session: Session, source: str, columns: Sequence[Column], request: MeasureRequest, probe: int
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Return the fingerprint of each range of rows and how many of them belong elsewhere, in one scan.

    The ranges lie one behind the other, so that an ASOF join on the row number finds the one of each row.
    """
    if not request.ranges:
        return (), ()
    counts = [[0, 0, 0] for _ in request.ranges]
    starts = sorted((start, start + rows, index) for index, (start, rows) in enumerate(request.ranges) if rows)
    if starts:
        named = apart(columns)
        ordered = sorted(range(len(request.intervals)), key=lambda index: request.intervals[index])
        place = {index: at for at, index in enumerate(ordered)}
        keys = places(request, columns, named, [request.intervals[index] for index in ordered])
        key_names, key_sql = (", ".join(keys.names), keys.sql) if keys is not None else ("0", "0 AS k0")
        values = ", ".join(f"({start}, {end}, {index})" for start, end, index in starts)
        sql = (
            f"SELECT r.n, count(*), sum(h), {key_names} "
            f"FROM (SELECT file_row_number AS at, {row_hash(named)} AS h, {key_sql} FROM {source}) d "
            f"ASOF JOIN (VALUES {values}) AS r(a, b, n) ON d.at >= r.a WHERE d.at < r.b GROUP BY ALL"
        )
        for n, count, total, *key in session.run(sql):
            found = counts[int(n)]
            found[0] += int(count)
            found[1] += int(total)
            found[2] += 0 if keys is None or keys.of(key) == place[int(n)] else int(count)
    return tuple(fingerprint(probe, count, total) for count, total, _ in counts), tuple(one for _, _, one in counts)


def _stats(session: Session, source: str, columns: Sequence[Column], field: Field) -> ColumnStats:
    """Return the statistics of one field; `bytes` is 0, it is not in the rows."""
    sql = statistics_sql(field, value_of(field, columns, apart(columns)), source)
    nulls, count, least, greatest, has_nan = session.run(sql)[0]
    return ColumnStats(
        field_id=field.field_id,
        bytes=0,
        value_count=int(count),
        null_count=int(nulls),
        min=shown(field, least),
        max=shown(field, greatest),
        contains_nan=None if has_nan is None else bool(has_nan),
    )


FLOATS = frozenset({"FLOAT", "DOUBLE"})
"""The types that have NaN, which no least or greatest value tells."""

_CUT = frozenset({"VARCHAR", "JSON", "BLOB"})
_CUT_BYTES = 256
_AS_TEXT = {
    "BOOLEAN": "CAST(CAST({} AS INTEGER) AS VARCHAR)",
    "BLOB": "hex({})",
    "FLOAT": "CAST({} + 0.0::FLOAT AS VARCHAR)",
    "DOUBLE": "CAST({} + 0.0 AS VARCHAR)",
}


def _unreadable(path: str, why: str) -> MtctlError:
    return MtctlError(
        "file_unreadable",
        f"the data file cannot be read: {why}",
        kind=Kind.ENGINE,
        where=path,
        fix="refresh the intervals that it held with --force",
    )
