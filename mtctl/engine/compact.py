"""Floor 2. Data files written anew: the same rows in the order of time, with their row ids and when they came.

Columns are those of the files themselves, not of the definition in force: an older snapshot may show a column that was
dropped since. They are read by field id under names of our own, so that no column's name can be mistaken for another.
"""

# ruff: noqa: S608 - names are quoted by core.names, values bound or written by engine.literals
# ruff: noqa: PTH118 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import contextlib
import hashlib
import os
from typing import TYPE_CHECKING, Any

import duckdb

from mtctl import trace
from mtctl.core.errors import Kind, MtctlError
from mtctl.core.model import Column
from mtctl.core.names import quote
from mtctl.engine import literals
from mtctl.engine.troubles import translate
from mtctl.engine.written import copy, copy_ends, settle

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mtctl.core.staged import StagedFile
    from mtctl.engine.session import Session
    from mtctl.engine.written import Written
    from mtctl.ports.rewriting import Origin, Part, Rewrite, RewriteRequest


def rewrite(session: Session, request: RewriteRequest) -> tuple[StagedFile, ...]:
    """Write one file for each rewrite, fsynced; on any error none of them stays behind."""
    paths = [
        os.path.join(request.folder, f"{request.file_prefix}-{number}.parquet")
        for number in range(len(request.rewrites))
    ]
    try:
        written = write_all(session, request.rewrites, paths)
        trace.point("staged")
        files = settle(written)
        trace.point("fsynced")
    except BaseException:
        for path in paths:
            with contextlib.suppress(OSError):
                os.unlink(path)  # noqa: PTH108 - a plain string, as above
        raise
    return files


def layouts(session: Session, paths: Iterable[str]) -> list[str]:
    """Return for each file a digest of its columns' ids and types: names and order are nothing to who reads by id."""
    found = []
    for path in paths:
        columns = sorted((c.field_id, c.stored_type) for c in _columns(session, path))
        found.append(hashlib.sha256(repr(columns).encode()).hexdigest()[:32])
    return found


def write_all(session: Session, jobs: Sequence[Rewrite], paths: Sequence[str]) -> list[Written]:
    """Write one file for each rewrite; files that several of them take from are looked at once."""
    known: dict[str, list[Column]] = {}
    written = []
    for job, path in zip(jobs, paths, strict=True):
        source = job.origins[0].path
        if source not in known:
            known[source] = _columns(session, source)
        written.append(_write(session, job, path, known[source]))
    return written


def _write(session: Session, job: Rewrite, path: str, columns: Sequence[Column]) -> Written:
    """Write one file: its origins' parts by time, with row ids, and with snapshots where they are not all one."""
    session.check()
    oldest, newest = job.snapshots
    written = [*columns, ROW_ID, *([SNAPSHOT_ID] if oldest != newest else [])]
    before, after = copy_ends(path, written)
    try:
        return copy(session.connection, before + _select(job, columns, written) + after, written)
    except duckdb.Error as error:
        raise translate(error) from None


def _internal(name: str, field_id: int) -> Column:
    return Column(name=name, type="BIGINT", stored_type="BIGINT", lake_type="int64", field_id=field_id)


ROW_ID = _internal("_ducklake_internal_row_id", 2147483540)
"""The column of a row's id, by DuckLake's name and number."""

SNAPSHOT_ID = _internal("_ducklake_internal_snapshot_id", 2147483539)
"""The column of the snapshot that a row came in, by DuckLake's name and number."""

_INTERNAL = frozenset({ROW_ID.field_id, SNAPSHOT_ID.field_id})


def _columns(session: Session, path: str) -> list[Column]:
    """Return the columns of a file as they are written in it."""
    listed = literals.text_list([path])
    try:
        described = session.run(f"DESCRIBE SELECT * FROM read_parquet({listed})")
        tree = session.run(f"SELECT field_id, num_children FROM parquet_schema({listed})")
    except duckdb.Error as error:
        raise translate(error) from None
    # Parquet knows no GEOMETRY without a reference system, and gives one to what was written without.
    types = [(str(row[0]), "GEOMETRY" if row[1].startswith("GEOMETRY(") else str(row[1])) for row in described]
    ids = _top_level(tree)
    if len(ids) != len(types) or None in ids:
        raise MtctlError(
            "file_foreign",
            "the file has columns without field ids",
            kind=Kind.ENGINE,
            where=path,
            fix="another program wrote it: refresh the intervals that it holds with --force",
        )
    return [
        Column(name=name, type=kind, stored_type=kind, lake_type="", field_id=int(field_id))
        for field_id, (name, kind) in zip(ids, types, strict=True)
        if field_id not in _INTERNAL
    ]


def _top_level(tree: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Return the field ids of the columns out of a schema that lists all nodes depth first, the root before them."""
    ids, at = [], 1
    while at < len(tree):
        ids.append(tree[at][0])
        open_nodes = 1
        while open_nodes:
            open_nodes += int(tree[at][1] or 0) - 1
            at += 1
    return ids


def _select(job: Rewrite, columns: Sequence[Column], written: Sequence[Column]) -> str:
    """Return the SELECT of all rows in their order; the rows of one file lie in it already."""
    read = [_renamed(column) for column in (*columns, ROW_ID)]
    # The row's number and its file are virtual columns: they take no option, and no name of the file's own.
    source = literals.parquet([origin.path for origin in job.origins], read)
    names = "".join(f'"_{column.field_id}" AS {quote(column.name)}, ' for column in columns)
    own = f'"_{ROW_ID.field_id}"'
    if len(job.origins) == 1:
        origin = job.origins[0]
        row_id = own if origin.row_id_start is None else f"coalesce({own}, {origin.row_id_start} + file_row_number)"
        internal = f"{row_id} AS {quote(ROW_ID.name)}"
        if SNAPSHOT_ID in written:
            internal += f", {_case(origin.parts)} AS {quote(SNAPSHOT_ID.name)}"
        return f"SELECT {names}{internal} FROM {source} WHERE {_within(origin.parts)}"
    internal = f"coalesce({own}, r.first_id + d.file_row_number) AS {quote(ROW_ID.name)}"
    if SNAPSHOT_ID in written:
        internal += f", r.came AS {quote(SNAPSHOT_ID.name)}"
    values = ", ".join(
        f"({literals.text(job.origins[run.origin].path)}, {run.start}, {run.end}, {number}, {run.snapshot_id}, "
        f"{_first_id(job.origins[run.origin])})"
        for number, run in enumerate(_runs(job))
    )
    return (
        f"SELECT {names}{internal} FROM {source} d ASOF JOIN (VALUES {values}) AS r(f, a, b, n, came, first_id) "
        "ON d.filename = r.f AND d.file_row_number >= r.a WHERE d.file_row_number < r.b ORDER BY r.n, d.file_row_number"
    )


def _first_id(origin: Origin) -> str:
    return "NULL::BIGINT" if origin.row_id_start is None else f"{origin.row_id_start}::BIGINT"


def _renamed(column: Column) -> Column:
    return Column(
        name=f"_{column.field_id}",
        type=column.type,
        stored_type=column.stored_type,
        lake_type=column.lake_type,
        field_id=column.field_id,
    )


class _Run:
    """Rows [start, end) of one origin that came together, and that nothing of another origin lies between."""

    __slots__ = ("end", "origin", "snapshot_id", "start")

    def __init__(self, origin: int, start: int, end: int, snapshot_id: int) -> None:
        self.origin, self.start, self.end, self.snapshot_id = origin, start, end, snapshot_id


def _runs(job: Rewrite) -> list[_Run]:
    """Return all rows in runs, by time."""
    runs: list[_Run] = []
    for at, part in job.parts:
        last = runs[-1] if runs else None
        if last is not None and (last.origin, last.end, last.snapshot_id) == (at, part.row_start, part.snapshot_id):
            last.end += part.rows
        else:
            runs.append(_Run(at, part.row_start, part.row_start + part.rows, part.snapshot_id))
    return runs


def _case(parts: Iterable[Part]) -> str:
    """Return the snapshot that a row of these parts came in."""
    ends: list[tuple[int, int]] = []
    for part in sorted(parts, key=lambda one: one.row_start):
        if ends and ends[-1][1] == part.snapshot_id:
            ends.pop()
        ends.append((part.row_start + part.rows, part.snapshot_id))
    whens = " ".join(f"WHEN file_row_number < {end} THEN {snapshot_id}" for end, snapshot_id in ends)
    return f"(CASE {whens} END)::BIGINT"


def _within(parts: Iterable[Part]) -> str:
    """Return the condition on a row's number that lets these parts through."""
    ranges: list[tuple[int, int]] = []
    for part in sorted(parts, key=lambda one: one.row_start):
        if ranges and ranges[-1][1] == part.row_start:
            ranges[-1] = (ranges[-1][0], part.row_start + part.rows)
        else:
            ranges.append((part.row_start, part.row_start + part.rows))
    return " OR ".join(f"(file_row_number >= {a} AND file_row_number < {b})" for a, b in ranges)
