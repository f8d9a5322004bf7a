"""Floor 4. The versions of a table, and a table that came back, as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Grid, Lines, Record
from mtctl.core.words import count, many, moment, rfc3339

if TYPE_CHECKING:
    from mtctl.services.reports.versions import UndropReport, Version, Versions

_FIELDS = (
    "snapshot", "at", "what", "detail", "intervals", "rows_added", "rows_removed", "instance", "attempt", "author",
    "message",
)  # fmt: skip


def versions_answer(found: Versions, limit: int) -> Answer:
    """Return `table history`."""
    heads = ("SNAPSHOT", "TIME", "WHAT", "DETAIL", "ADDED", "REMOVED", "INSTANCE", "AUTHOR")
    cells = tuple(
        (
            one.snapshot_id,
            moment(one.at),
            one.what,
            one.detail,
            count(one.rows_added),
            count(one.rows_removed),
            one.instance,
            one.author or "unknown",
        )
        for one in found.versions
    )
    grid = Grid(heads=heads, rows=cells, right=frozenset({"SNAPSHOT", "ADDED", "REMOVED"}))
    return Answer(
        schema="mtctl.table.history/v1",
        records=tuple(_record(found.table, one) for one in found.versions),
        fields=("kind", "table", *_FIELDS),
        blocks=(grid,) if cells else (Lines(("no version is kept",)),),
        warnings=("there are older versions (use --limit)",) if found.more else (),
        limit=limit,
    )


def _record(table: str, one: Version) -> Record:
    return {
        "kind": "version",
        "table": table,
        "snapshot": one.snapshot_id,
        "at": rfc3339(one.at),
        "what": one.what,
        "detail": one.detail,
        "intervals": one.intervals,
        "rows_added": one.rows_added,
        "rows_removed": one.rows_removed,
        "instance": one.instance,
        "attempt": one.attempt,
        "author": one.author,
        "message": one.message,
    }


def undrop_answer(report: UndropReport) -> Answer:
    """Return `table undrop`."""
    warnings = []
    if not report.is_whole:
        warnings.append("not all of its data is kept: what is missing comes with the next refresh")
    if report.file_is_gone:
        warnings.append(
            f"{report.file} is gone: write it again (`mtctl table show {report.table}` prints the statement), "
            "or `mtctl apply --prune` drops the table once more"
        )
    words = f"table {report.table} is back with {many(report.intervals, 'interval')}, {many(report.rows, 'row')}"
    record: Record = {
        "kind": "table",
        "table": report.table,
        "snapshot": report.snapshot_id,
        "intervals": report.intervals,
        "rows": report.rows,
        "whole": report.is_whole,
        "file": report.file,
    }
    return Answer(
        schema="mtctl.table.undrop/v1",
        records=(record,),
        fields=("table", "snapshot", "intervals", "rows", "whole", "file"),
        blocks=(Lines((words,)),),
        warnings=tuple(warnings),
    )
