"""Floor 2. One COPY to Parquet and what it says: the only source of counts, sizes, footers and statistics."""

# ruff: noqa: PTH123 - paths are plain strings: they come off the pipe and go into SQL

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from mtctl.core.names import quote
from mtctl.core.staged import ColumnStats, StagedFile
from mtctl.core.storage import Statistics, fields
from mtctl.core.values import frozen
from mtctl.engine import dialect, literals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import duckdb

    from mtctl.core.model import Column
    from mtctl.core.storage import Field

BLOCK = 1 << 20
"""Bytes read at a time for a digest."""


@frozen
class Written:
    """One file as COPY reports it; nothing of it is on disk for certain yet."""

    path: str
    rows: int
    bytes: int
    footer_bytes: int
    stats: tuple[ColumnStats, ...]


def copy_ends(path: str, columns: Sequence[Column]) -> tuple[str, str]:
    """Return what stands before and behind the SELECT of a COPY that writes these columns with their field ids."""
    ids = ", ".join(f"{quote(column.name)}: {_field_ids(column)}" for column in columns)
    # V2 has delta and byte-stream encodings: a fifth smaller, and two fifths less CPU than the plain ones of V1.
    # Nobody knows the name until all is written, so DuckDB need not write under another one first.
    how = "FORMAT parquet, PARQUET_VERSION V2, COMPRESSION zstd, RETURN_STATS, USE_TMP_FILE false"
    options = f"{how}, FIELD_IDS {{{ids}}}"
    return "COPY (", f") TO {literals.text(path)} ({options})"


def copy(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    columns: Sequence[Column],
    params: Mapping[str, object] | None = None,
) -> Written:
    """Run a COPY made of `copy_ends` and return what it wrote."""
    cursor = connection.execute(sql, dict(params) if params else None)
    names = [entry[0] for entry in cursor.description or ()]
    row = cursor.fetchone()
    if row is None:
        raise RuntimeError("COPY returned no row")
    found = dict(zip(names, row, strict=True))
    return Written(
        path=str(found["filename"]),
        rows=int(found["count"]),
        bytes=int(found["file_size_bytes"]),
        footer_bytes=int(found["footer_size_bytes"]),
        stats=_stats(columns, dialect.statistics(found["column_statistics"] or {})),
    )


def settle(files: Sequence[Written]) -> tuple[StagedFile, ...]:
    """Bring the files to the disk and digest them, several at once: fsync and hashing both wait outside of Python.

    Their names need not last: the files count from the moment that they have their names in the lake.
    """
    if not files:
        return ()
    if len(files) == 1:  # a thread costs as much as the fsync
        digests = [_settle(files[0].path)]
    else:
        with ThreadPoolExecutor(max_workers=min(4, len(files))) as pool:
            digests = list(pool.map(_settle, (file.path for file in files)))
    return tuple(
        StagedFile(
            path=file.path,
            rows=file.rows,
            bytes=file.bytes,
            footer_bytes=file.footer_bytes,
            sha256=digest,
            stats=file.stats,
        )
        for file, digest in zip(files, digests, strict=True)
    )


def digest_of(path: str, check: Callable[[], None] = lambda: None) -> str:
    """Return the sha256 of the file's bytes in hex; `check` is called between blocks and may raise to stop."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while block := file.read(BLOCK):
            digest.update(block)
            check()
    return digest.hexdigest()


def _settle(path: str) -> str:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fchmod(fd, 0o600)
        os.fsync(fd)
    finally:
        os.close(fd)
    return digest_of(path)


def _field_ids(column: Column) -> str:
    """Return what COPY takes as the field ids of one column: a number, or a number beside those of the parts."""
    parts = fields(column.name, column.field_id, column.stored_type)
    below: dict[int | None, list[Field]] = {}
    for part in parts[1:]:
        below.setdefault(part.parent_id, []).append(part)

    def spelled(part: Field) -> str:
        inner = below.get(part.field_id)
        if inner is None:
            return str(part.field_id)
        named = [f"{quote(one.path[-1])}: {spelled(one)}" for one in inner]
        return f"{{{', '.join([f'__duckdb_field_id: {part.field_id}', *named])}}}"

    return spelled(parts[0])


def _bound(field: Field, text: str | None) -> str | None:
    """Return the least or greatest value as it is recorded. Zero has one spelling; COPY also writes -0.0."""
    if field.statistics is Statistics.COUNTS:
        return None
    return "0.0" if text == "-0.0" and field.stored_type == "DOUBLE" else text


def _stats(columns: Sequence[Column], reported: Mapping[str, Mapping[str, Any]]) -> tuple[ColumnStats, ...]:
    """Return the statistics per column and per part of a STRUCT; none where COPY counted no values or no type has any.

    COPY counts values: of what lies in a list or a map these are not rows, and say nothing of them.
    """
    stats = []
    parts = (part for column in columns for part in fields(column.name, column.field_id, column.stored_type))
    for part in parts:
        found = None if part.statistics is Statistics.NONE else reported.get(part.quoted_path)
        if found is None or int(found.get("num_values", 0)) == 0:
            continue
        nulls = int(found.get("null_count", 0))
        nan = found.get("has_nan")
        stats.append(
            ColumnStats(
                field_id=part.field_id,
                bytes=int(found.get("column_size_bytes", 0)),
                value_count=int(found["num_values"]) - nulls,
                null_count=nulls,
                min=_bound(part, found.get("min")),
                max=_bound(part, found.get("max")),
                contains_nan=None if nan is None else str(nan).lower() in {"true", "1"},
            )
        )
    return tuple(stats)
