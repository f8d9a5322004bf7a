"""Floor 2. Live files replaced by others that hold the same rows under the same row ids.

An overwrite of a part ends the old file and carries the rest into a new one from its own snapshot on. Compaction takes
the place of the old files in all snapshots, as DuckLake's own merging does: the file begins when its oldest row came,
and each row says when it came. So older snapshots read as before, and no feed shows a change.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.store.catalog import time_text
from mtctl.store.file_rows import stats_rows
from mtctl.store.troubles import bug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Table
    from mtctl.ports.rewriting import Replaced
    from mtctl.store.catalog import Commit


def carry(commit: Commit, table: Table, replaced: Sequence[Replaced]) -> bool:
    """Add files with what stays of files that end; False where the ledger is not what was read."""
    session = commit.session
    for one in replaced:
        [origin] = one.rewrite.origins
        file_id = commit.new_file_id()
        _describe(commit, table, one, file_id, origin.file_id)
        session.run("compaction.add_file", _row(table, one, file_id) | {"begin": commit.snapshot})
        moves = _moves(table, one, file_id)
        for move in moves:
            move["snapshot"] = commit.snapshot
        before = session.connection.total_changes()
        session.run_many("compaction.end_carried", moves)
        if session.connection.total_changes() - before != len(moves):
            return False
        session.run_many("compaction.add_carried", moves)
    return True


def past_files(replaced: Sequence[Replaced]) -> frozenset[int]:
    """Return the files that are replaced."""
    return frozenset(origin.file_id for one in replaced for origin in one.rewrite.origins)


def replace_files(commit: Commit, table: Table, replaced: Sequence[Replaced]) -> bool:
    """Replace live files; False where one is not live or does not hold what was read (the caller rolls back)."""
    session = commit.session
    old = sorted(past_files(replaced))
    for file_id in old:
        if session.row("compaction.is_replaceable", {"file": file_id, "table": table.lake_table_id}) is None:
            return False
    session.run("retention.schedule_files", {"files": json.dumps(old), "time": time_text(session.now)})
    session.run("compaction.note_replaced", {"files": json.dumps(old), "snapshot": commit.snapshot})
    for one in replaced:
        if not _replace(commit, table, one):
            return False
    left = session.row("compaction.left", {"files": json.dumps(old)})
    if left is not None:
        raise bug("publish_incomplete", f"a file ends that still holds the interval starting at {left[0]}")
    for name in ("stats", "variant_stats", "partition_values", "digests", "files"):
        session.run(f"retention.drop_{name}", {"files": json.dumps(old)})
    return True


def _replace(commit: Commit, table: Table, one: Replaced) -> bool:
    """Put the new file into the row of its first origin; False where the ledger is not what was read."""
    session = commit.session
    oldest, newest = one.rewrite.snapshots
    file_id, first = commit.new_file_id(), one.rewrite.origins[0].file_id
    _describe(commit, table, one, file_id, first)
    place = {"old": first, "begin": oldest, "partial_max": None if oldest == newest else newest}
    session.run("compaction.take_place", _row(table, one, file_id) | place)
    moves = _moves(table, one, file_id)
    before = session.connection.total_changes()
    session.run_many("compaction.move_row", moves)
    return session.connection.total_changes() - before == len(moves)


def _row(table: Table, one: Replaced, file_id: int) -> dict[str, object]:
    return {
        "file": file_id,
        "table": table.lake_table_id,
        "path": one.name,
        "rows": one.file.rows,
        "bytes": one.file.bytes,
        "footer": one.file.footer_bytes,
    }


def _describe(commit: Commit, table: Table, one: Replaced, file_id: int, old: int) -> None:
    """Add the checksum, under the attempt that made the old file, and the statistics."""
    session, lake = commit.session, table.lake_table_id
    if session.value("catalog.path_taken", {"table": lake, "path": one.name}) is not None:
        raise bug("path_taken", f"{table.folder}{one.name} is in the catalog already")
    maker = session.value("compaction.maker", {"file": old}) or 0
    digest = {"file": file_id, "table_id": table.table_id, "sha256": one.file.sha256, "attempt": maker}
    session.run("catalog.add_file_digest", digest)
    session.run_many("catalog.add_column_stats", stats_rows(table, file_id, one.file))


def _moves(table: Table, one: Replaced, file_id: int) -> list[dict[str, object]]:
    """Return where the ledger's rows go, in the order of the new file."""
    at = 0
    moves: list[dict[str, object]] = []
    for origin, part in one.rewrite.parts:
        moves.append(
            {
                "table_id": table.table_id,
                "start": part.interval.start,
                "old": one.rewrite.origins[origin].file_id,
                "row_start": part.row_start,
                "rows": part.rows,
                "begin": part.snapshot_id,
                "file": file_id,
                "at": at,
            }
        )
        at += part.rows
    if at != one.file.rows:
        raise bug("rewrite_rows", f"a file was written anew with {one.file.rows} rows in place of {at}")
    return moves
