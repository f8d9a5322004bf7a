"""Floor 2. What many files of one table hold, in one scan of all of them: `verify` of a lake where nothing is wrong.

A file is looked at here only where its bytes are those that were published, which a checksum says first: so nothing
broken is opened, and least and greatest values may be taken from its footer, written with the rows; a deep look takes
them only where the rows agree. The place of a row follows from counts: where the intervals of a file have as many rows
as their ranges, and the last row of each is the last of its range, every row lies in its range. Whatever does not come
out so plainly is left to `measure`.
"""

# ruff: noqa: S608 - names are quoted by core.names, values written by engine.literals
# ruff: noqa: PTH202 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl.core.staged import ColumnStats
from mtctl.engine import literals
from mtctl.engine.fingerprint import fingerprint, row_hash
from mtctl.engine.measure import (
    FLOATS,
    apart,
    footer_bytes,
    least_and_greatest,
    places,
    shown,
    statistics_sql,
    told,
    value_of,
)
from mtctl.engine.written import digest_of
from mtctl.ports.engine import Measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mtctl.core.storage import Field
    from mtctl.engine.session import Session
    from mtctl.ports.engine import MeasureRequest


def survey(
    session: Session, requests: Sequence[MeasureRequest], probe: int, *, deep: bool = False
) -> list[Measured | None]:
    """Return what files hold, None for those that must be looked at one by one.

    The requests are of one table: columns, partition and zone are the same in all, and no path stands there twice.
    """
    session.use_zone("UTC")  # statistics of TIMESTAMPTZ are in UTC
    whole = [index for index, same in enumerate(_unchanged(session, requests)) if same]
    if not whole:
        return [None] * len(requests)
    try:
        found = _Survey(session, [requests[index] for index in whole], probe, deep=deep).results()
    except duckdb.InterruptException:
        raise
    except (duckdb.Error, OSError):  # which of them it is, one by one tells
        session.check()
        return [None] * len(requests)
    results = dict(zip(whole, found, strict=True))
    return [results.get(index) for index in range(len(requests))]


def _unchanged(session: Session, requests: Sequence[MeasureRequest]) -> list[bool]:
    """Return of which files the bytes are those that were published."""

    def is_unchanged(request: MeasureRequest) -> bool:
        try:
            return request.sha256 is not None and digest_of(request.path, session.check) == request.sha256
        except OSError:
            return False

    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:  # hashing happens outside of Python
        return list(pool.map(is_unchanged, requests))


class _Held:
    """The rows of one file: those of each interval (count, sum of hashes, last), and which fields have a NaN.

    `strays` are the rows that belong to no interval of the table. `edges` are each field's least and greatest value.
    """

    __slots__ = ("edges", "nan", "parts", "rows", "strays")

    def __init__(self) -> None:
        self.rows = self.strays = 0
        self.parts: dict[int, list[int]] = defaultdict(lambda: [0, 0, -1])
        self.nan: dict[int, bool] = defaultdict(bool)
        self.edges: dict[int, list[Any]] = defaultdict(list)


class _Survey:
    """One scan of files that are whole, and what it tells."""

    def __init__(self, session: Session, requests: Sequence[MeasureRequest], probe: int, *, deep: bool) -> None:
        self._session = session
        self._deep = deep
        self._requests = requests
        self._probe = probe
        self._columns = requests[0].columns
        self._named = apart(self._columns)
        self._told = told(self._columns)
        self._paths = literals.text_list(request.path for request in requests)
        self._source = literals.parquet([request.path for request in requests], self._named)
        intervals = sorted({interval for request in requests for interval in request.intervals})
        self._keys = places(requests[0], self._columns, self._named, intervals)
        self._with_nan: set[int] = set()
        self._doubtful: set[str] = set()
        self._place = {interval: at for at, interval in enumerate(intervals)} if self._keys is not None else {}

    def results(self) -> list[Measured | None]:
        """Return what each file holds, None where this scan does not tell."""
        rows = self._session.run(f"SELECT DISTINCT filename, file_index FROM {self._source}")
        numbers = {str(path): int(index) for path, index in rows}
        held = self._held()
        by_path = {path: held[index] for path, index in numbers.items()}
        self._with_nan = {where for one in held.values() for where, has_nan in one.nan.items() if has_nan}
        stats = self._from_footers(by_path)
        for index, found in self._from_rows():
            path = next(path for path, number in numbers.items() if number == index)
            stats[path].append(found)
        return [
            None
            if request.path in self._doubtful
            else self._result(request, by_path.get(request.path) or _Held(), stats[request.path])
            for request in self._requests
        ]

    # --- rows -----------------------------------------------------------------------------------------------------

    def _held(self) -> dict[int, _Held]:
        """Return what the rows say, by the number of their file."""
        keys = self._keys
        names, sql = (keys.names, f"{keys.sql}, ") if keys is not None else ((), "")
        footed = [one for one in self._footed() if self._deep or one.stored_type in FLOATS]
        values = [f"v{at}" for at in range(len(footed))]
        named = [f"{value_of(one, self._columns, self._named)} AS v{at}" for at, one in enumerate(footed)]
        inner = f"file_index AS i, file_row_number AS row_at, {sql}{row_hash(self._named)} AS h"
        bounded = footed if self._deep else []
        edges = [
            f"min({_bare(one, value)}), max({_bare(one, value)})" for one, value in zip(bounded, values, strict=False)
        ]
        floats = [one for one in footed if one.stored_type in FLOATS]
        nan = [f"bool_or(isnan({value}))" for one, value in zip(footed, values, strict=True) if one in floats]
        asked = ", ".join(["i", *names, "count(*)", "sum(h)", "max(row_at)", *nan, *edges])
        grouped = ", ".join(["i", *names])
        scan = f"SELECT {', '.join([inner, *named])} FROM {self._source}"
        found: dict[int, _Held] = defaultdict(_Held)
        for index, *row in self._session.run(f"SELECT {asked} FROM ({scan}) GROUP BY {grouped}"):
            key, (count, total, last, *more) = row[: len(names)], row[len(names) :]
            nans, extremes = more[: len(floats)], more[len(floats) :]
            one, place = found[int(index)], keys.of(key) if keys is not None else 0
            one.rows += int(count)
            for at, where in enumerate(bounded):
                one.edges[where.field_id] += [value for value in extremes[2 * at : 2 * at + 2] if value is not None]
            if place is None:
                one.strays += int(count)
                continue
            part = one.parts[place]
            part[:] = part[0] + int(count), part[1] + int(total), max(part[2], int(last))
            for where, has_nan in zip(floats, nans, strict=True):
                one.nan[where.field_id] |= bool(has_nan)  # NULL where all values are
        return found

    def _result(self, request: MeasureRequest, held: _Held, stats: Sequence[ColumnStats]) -> Measured | None:
        parts = self._parts(request, held)
        if parts is None:
            return None
        return Measured(
            rows=held.rows,
            bytes=os.path.getsize(request.path),
            footer_bytes=footer_bytes(request.path),
            sha256=request.sha256 or "",
            fingerprints=tuple(fingerprint(self._probe, count, total) for count, total, _ in parts),
            stats=tuple(stats) if held.rows else (),
            strays=(0,) * len(parts),
        )

    def _parts(self, request: MeasureRequest, held: _Held) -> list[list[int]] | None:
        """Return what each range of a file holds, None where some row may lie in another range than its own."""
        wanted = [self._place[one] for one in request.intervals] if self._place else [0] * len(request.ranges)
        if held.strays or len(set(wanted)) < len(wanted) or not held.parts.keys() <= set(wanted):
            return None
        parts = [held.parts[place] for place in wanted]
        ends = 0
        for (start, rows), (count, _, last) in sorted(zip(request.ranges, parts, strict=True)):
            if rows != count or start != ends or (rows and last != start + rows - 1):
                return None
            ends += rows
        return parts

    # --- statistics -----------------------------------------------------------------------------------------------

    def _footed(self) -> list[Field]:
        """Return the fields whose least and greatest value a footer writes, as a text that says all of it.

        Of a column with a NaN it may have none.
        """
        plain = (one for one in self._told if len(one.path) == 1 and one.field_id not in self._with_nan)
        return [one for one in plain if one.stored_type in _IN_FOOTERS or one.stored_type.startswith("DECIMAL(")]

    def _from_footers(self, held: dict[str, _Held]) -> dict[str, list[ColumnStats]]:
        """Return by path the statistics that footers tell, as far as a file has the columns."""
        found: dict[str, list[ColumnStats]] = {request.path: [] for request in self._requests}
        selects = [
            f"SELECT {place}, p, CAST({_bare(one, 'lo')} AS VARCHAR), CAST({_bare(one, 'hi')} AS VARCHAR), nulls, n, "
            f"{least_and_greatest(one)} FROM (SELECT p, sum(nulls) AS nulls, "
            f"sum(n) - sum(nulls) AS n, min(CAST(low AS {one.stored_type})) AS lo, "
            f"max(CAST(high AS {one.stored_type})) AS hi FROM m WHERE field = {one.field_id} GROUP BY p)"
            for place, one in enumerate(self._footed())
        ]
        if not selects:
            return found
        metadata = (
            "SELECT f.file_name AS p, s.field_id AS field, f.stats_null_count AS nulls, f.num_values AS n, "
            "f.stats_min_value AS low, f.stats_max_value AS high "
            f"FROM parquet_metadata({self._paths}) f JOIN parquet_schema({self._paths}) s "
            "ON s.file_name = f.file_name AND s.name = f.path_in_schema"
        )
        fields = self._footed()
        for at in range(0, len(selects), _FIELDS):
            asked = f"WITH m AS MATERIALIZED ({metadata}) {' UNION ALL '.join(selects[at : at + _FIELDS])}"
            for place, path, low, high, *row in self._session.run(asked):
                one = fields[int(place)]
                if row[0] is not None and path in held:
                    if self._deep and not _agree(held[path].edges[one.field_id], low, high):
                        self._doubtful.add(path)
                    has_nan = held[path].nan[one.field_id] if one.stored_type in FLOATS else None
                    found[path].append(_stats(one, [*row, has_nan], _written))
        return found

    def _from_rows(self) -> list[tuple[int, ColumnStats]]:
        """Return the other statistics, each with the number of its file; columns that a file lacks are all NULL."""
        footed = {one.field_id for one in self._footed()}
        found = []
        for one in self._told:
            if one.field_id not in footed:
                value = value_of(one, self._columns, self._named)
                rows = self._session.run(statistics_sql(one, value, self._source, "file_index"))
                found += [(int(index), _stats(one, row, shown)) for index, *row in rows]
        return found


def _bare(one: Field, value: str) -> str:
    """Return SQL for a value that Python compares as it is: instants as microseconds."""
    return f"epoch_us({value})" if one.stored_type.startswith("TIMESTAMP") else value


def _agree(values: Sequence[Any], low: str | None, high: str | None) -> bool:
    """Whether least and greatest of these values are what a footer says; where that is hard to tell, no.

    A footer may have cut a long text, so that it only bounds the values.
    """
    if not values:
        return True
    if low is None or high is None:
        return False
    least, greatest = min(values), max(values)
    if isinstance(least, str):
        return low.encode() <= least.encode() and greatest.encode() <= high.encode()
    return _is(least, low) and _is(greatest, high)


def _is(value: Any, text: str) -> bool:
    try:
        if isinstance(value, date):
            return value == date.fromisoformat(text)
        return bool(type(value)(text) == value)
    except (ValueError, TypeError, ArithmeticError):
        return False


def _stats(one: Field, row: Sequence[Any], as_text: Callable[[Field, Any], str | None]) -> ColumnStats:
    """Return statistics from a row of them: NULLs, values, least, greatest, whether there is a NaN."""
    nulls, count, least, greatest, has_nan = row
    return ColumnStats(
        field_id=one.field_id,
        bytes=0,
        value_count=int(count),
        null_count=int(nulls),
        min=as_text(one, least),
        max=as_text(one, greatest),
        contains_nan=None if has_nan is None else bool(has_nan),
    )


def _written(one: Field, value: Any) -> str | None:
    """Return a value as a footer has it: a long text was cut when it was written, and COPY told it so."""
    return str(value) if isinstance(value, str) and one.stored_type == "VARCHAR" else shown(one, value)


_FIELDS = 100
"""So many fields stand in one statement: the parser has a limit of depth."""

_IN_FOOTERS = frozenset(
    {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
    | {"FLOAT", "DOUBLE", "VARCHAR", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"}
)
