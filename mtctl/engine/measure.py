"""Floor 2. Recomputes from one data file all that ledger and catalog claim about it.

Statistics come from the rows, not from the footer: a wrong footer is among the things to find. Their texts are those
of `COPY … (RETURN_STATS)`, by one mapping per type.
"""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals
# ruff: noqa: PTH123, PTH202 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core import partition as partitions
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.names import quote
from mtctl.core.staged import ColumnStats
from mtctl.core.storage import Statistics, fields
from mtctl.engine import literals
from mtctl.engine.fingerprint import fingerprint, row_hash
from mtctl.engine.predicate import buckets, is_native
from mtctl.engine.troubles import translate
from mtctl.engine.written import digest_of
from mtctl.ports.engine import Measured, MeasureRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.core.model import Column
    from mtctl.core.storage import Field
    from mtctl.engine.session import Session


def measure(session: Session, request: MeasureRequest, probe: int) -> Measured:
    """Return what the file holds; error `file_unreadable` (ENGINE) when it is missing or no Parquet file."""
    session.use_zone("UTC")  # statistics of TIMESTAMPTZ are in UTC
    try:
        size = os.path.getsize(request.path)
        sha256 = digest_of(request.path, session.check)
        footer = _footer_bytes(request.path)
        columns = _present(session, request)
        source = literals.parquet([request.path], columns, row_numbers=True) if columns else ""
        rows = int(session.run(f"SELECT count(*) FROM read_parquet({literals.text_list([request.path])})")[0][0])
        fingerprints, strays = _contents(session, source, columns, request, probe)
        stats = tuple(_stats(session, source, field) for field in _told(columns)) if rows else ()
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


def _present(session: Session, request: MeasureRequest) -> list[Column]:
    """Return the columns whose field ids the file has; one added later is not in it."""
    sql = f"SELECT field_id FROM parquet_schema({literals.text(request.path)}) WHERE field_id IS NOT NULL"
    ids = {int(row[0]) for row in session.run(sql)}
    return [column for column in request.columns if column.field_id in ids]


def _told(columns: Sequence[Column]) -> list[Field]:
    """Return the fields that have statistics."""
    parts = (part for column in columns for part in fields(column.name, column.field_id, column.stored_type))
    return [part for part in parts if part.statistics is not Statistics.NONE]


def _footer_bytes(path: str) -> int:
    with open(path, "rb") as file:
        if os.path.getsize(path) < 8:
            return 0
        file.seek(-8, os.SEEK_END)
        length, magic = struct.unpack("<I4s", file.read(8))
    return int(length) if magic == b"PAR1" else 0


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
        keys = _keys(request, columns)
        values = ", ".join(f"({start}, {end}, {index})" for start, end, index in starts)
        sql = (
            f"SELECT r.n, count(*), sum(h), {keys.names} "
            f"FROM (SELECT file_row_number AS at, {row_hash(columns)} AS h, {keys.sql} FROM {source}) d "
            f"ASOF JOIN (VALUES {values}) AS r(a, b, n) ON d.at >= r.a WHERE d.at < r.b GROUP BY ALL"
        )
        for n, count, total, *key in session.run(sql):
            found = counts[int(n)]
            found[0] += int(count)
            found[1] += int(total)
            found[2] += 0 if keys.belongs(key, int(n)) else int(count)
    return tuple(fingerprint(probe, count, total) for count, total, _ in counts), tuple(one for _, _, one in counts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Keys:
    """What of a row says where it belongs: `names` of the columns that `sql` makes, and the judgement on them."""

    names: str
    sql: str
    belongs: Callable[[list[Any], int], bool]


def _keys(request: MeasureRequest, columns: Sequence[Column]) -> _Keys:
    partition, intervals = request.partition, request.intervals
    present = {column.name: column for column in columns}
    names = [column.name for column in partition.columns] if partition is not None else []
    if partition is None or not intervals or not present.keys() >= set(names):
        return _Keys(names="0", sql="0 AS k0", belongs=lambda _key, _range: True)
    if is_native(partition):
        ordered = sorted(range(len(intervals)), key=lambda index: intervals[index])
        numbers = buckets(present[names[0]], partition, request.zone, [intervals[index] for index in ordered])
        place = {index: at for at, index in enumerate(ordered)}
        return _Keys(
            names="k0",
            sql=f"{numbers.sql} AS k0",
            belongs=lambda key, index: key[0] is not None and numbers.interval_of(int(key[0])) == place[index],
        )
    texts = [partitions.values(partition, interval, request.zone) for interval in intervals]
    return _Keys(
        names=", ".join(f"k{number}" for number in range(len(names))),
        sql=", ".join(f"{quote(name)} AS k{number}" for number, name in enumerate(names)),
        belongs=lambda key, index: tuple(key) == texts[index],
    )


def _stats(session: Session, source: str, field: Field) -> ColumnStats:
    """Return the statistics of one field; `bytes` is 0, it is not in the rows."""
    name = quote(field.path[0])
    for part in field.path[1:]:
        name = f"struct_extract({name}, {literals.text(part)})"
    finite, nan = name, "NULL"
    if field.stored_type in _FLOATS:
        finite, nan = f"CASE WHEN isnan({name}) THEN NULL ELSE {name} END", f"coalesce(bool_or(isnan({name})), false)"
    low, high = f"min({finite})", f"max({finite})"
    sql = f"SELECT count(*) - count({name}), count({name}), {low}, {high}, {nan} FROM {source}"
    if field.stored_type in _AS_TEXT:
        texts = [_AS_TEXT[field.stored_type].format(value) for value in ("lo", "hi")]
    else:
        texts = ["CAST(lo AS VARCHAR)", "CAST(hi AS VARCHAR)"]
    outer = f"SELECT nulls, n, {', '.join(texts)}, nan FROM ({sql}) AS s(nulls, n, lo, hi, nan)"
    nulls, count, least, greatest, has_nan = session.run(outer)[0]
    return ColumnStats(
        field_id=field.field_id,
        bytes=0,
        value_count=int(count),
        null_count=int(nulls),
        min=_shown(field, least),
        max=_shown(field, greatest),
        contains_nan=None if has_nan is None else bool(has_nan),
    )


_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_CUT = frozenset({"VARCHAR", "JSON", "BLOB"})
_CUT_BYTES = 256
_AS_TEXT = {
    "BOOLEAN": "CAST(CAST({} AS INTEGER) AS VARCHAR)",
    "BLOB": "hex({})",
    "FLOAT": "CAST({} + 0.0::FLOAT AS VARCHAR)",
    "DOUBLE": "CAST({} + 0.0 AS VARCHAR)",
}


def _shown(field: Field, value: Any) -> str | None:
    if value is None:
        return None
    text = str(value)
    if field.stored_type in _CUT and len(text.encode()) > _CUT_BYTES:
        return None  # COPY cuts these and rounds the greatest up
    return {"-0.0": "0.0"}.get(text, text) if field.stored_type in _FLOATS else text


def _unreadable(path: str, why: str) -> MtctlError:
    return MtctlError(
        "file_unreadable",
        f"the data file cannot be read: {why}",
        kind=Kind.ENGINE,
        where=path,
        fix="refresh the intervals that it held with --force",
    )
