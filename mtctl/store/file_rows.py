"""Floor 2. Data files in the catalog: their rows, statistics and row ids.

Statistics stand per file only, and only where they are proven: too narrow ones hide rows, none cost a scan.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from mtctl.core.storage import Statistics, fields
from mtctl.store.troubles import bug

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mtctl.core.model import Column, Table
    from mtctl.core.staged import ColumnStats, StagedFile
    from mtctl.ports.changes import Publication
    from mtctl.store.catalog import Commit

def end_files(commit: Commit, table: Table, ends: Sequence[int]) -> bool:
    """End live files; False where one of them is not live any more (the caller rolls back)."""
    for file in ends:
        bindings = {"file": file, "table": table.lake_table_id, "snapshot": commit.snapshot}
        if commit.session.run("catalog.end_data_file", bindings) != 1:
            return False
    if ends:
        commit.note(f"deleted_from_table:{table.lake_table_id}")
    return True


def add_files(commit: Commit, table: Table, attempt_id: int, publication: Publication) -> tuple[int, ...]:
    """Add the staged files under their final names; return their ids in the same order.

    The table's counts are gross: they grow and never shrink, so that no reader answers min or max from them.
    """
    session = commit.session
    lake = table.lake_table_id
    pairs = list(zip(publication.files, publication.staged.files, strict=True))
    if not pairs:
        return ()

    row_id: int = session.value("catalog.next_row_id", {"table": lake})
    ids = []
    for path, file in pairs:
        if session.value("catalog.path_taken", {"table": lake, "path": path}) is not None:
            raise bug("path_taken", f"{table.folder}{path} is in the catalog already")
        ids.append(commit.new_file_id())
        session.run("catalog.add_data_file", _file_row(commit, lake, ids[-1], path, file) | {"row_id_start": row_id})
        digest = {"file": ids[-1], "table_id": table.table_id, "sha256": file.sha256, "attempt": attempt_id}
        session.run("catalog.add_file_digest", digest)
        session.run_many("catalog.add_column_stats", stats_rows(table, ids[-1], file))
        row_id += file.rows

    grown = {"rows": sum(file.rows for _, file in pairs), "bytes": sum(file.bytes for _, file in pairs)}
    session.run("catalog.grow_table_stats", {"table": lake} | grown)
    session.run("catalog.forget_column_stats", {"table": lake})
    commit.note(f"inserted_into_table:{lake}")
    return tuple(ids)


def _file_row(commit: Commit, lake: int, file_id: int, path: str, file: StagedFile) -> dict[str, object]:
    return {
        "file": file_id,
        "table": lake,
        "snapshot": commit.snapshot,
        "path": path,
        "rows": file.rows,
        "bytes": file.bytes,
        "footer": file.footer_bytes,
    }


def stats_rows(table: Table, file_id: int, file: StagedFile) -> Iterator[dict[str, object]]:
    """Yield the statistics of one file that have a proven mapping."""
    proven = _proven(table.definition.columns)
    for stats in file.stats:
        if stats.field_id not in proven or not _is_told(stats, file.rows):
            continue
        yield {
            "file": file_id,
            "table": table.lake_table_id,
            "column": stats.field_id,
            "bytes": stats.bytes,
            "value_count": stats.value_count,
            "null_count": stats.null_count,
            "min": stats.min,
            "max": stats.max,
            "contains_nan": None if stats.contains_nan is None else int(stats.contains_nan),
        }


@lru_cache(maxsize=64)
def _proven(columns: tuple[Column, ...]) -> frozenset[int]:
    """Return the fields whose statistics have a proven mapping."""
    parts = (part for column in columns for part in fields(column.name, column.field_id, column.stored_type))
    return frozenset(part.field_id for part in parts if part.statistics is not Statistics.NONE)


def _is_told(stats: ColumnStats, rows: int) -> bool:
    """Return whether the counts account for every row: 0 values beside rows would hide all of them."""
    return rows > 0 and stats.value_count + stats.null_count == rows
