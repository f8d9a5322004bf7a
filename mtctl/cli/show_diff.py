"""Floor 4. What became of a table, as an answer: a line for each interval, and the words above the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Grid, Lines, Record
from mtctl.core.words import bounds, count, many, moment, rfc3339
from mtctl.services.moments import hole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.services.reports.diffing import ColumnChange, Diff, IntervalDiff

_FIELDS = (
    "kind", "table", "change", "label", "interval", "rows_before", "rows_after", "added", "removed", "changed",
)  # fmt: skip


def diff_lines(diff: Diff) -> tuple[str, ...]:
    """Return what stands above the rows: the moments, the intervals that differ, the columns that came or went."""
    moments = (
        f"{diff.table}: from snapshot {diff.before.snapshot_id} ({moment(diff.before.at)}) "
        f"to snapshot {diff.after.snapshot_id} ({moment(diff.after.at)})"
    )
    counts = ((sum(one.kind == kind for one in diff.intervals), kind) for kind in ("changed", "added", "removed"))
    told = [f"{many(number, 'interval')} {kind}" for number, kind in counts if number]
    columns = tuple(f"column {_column(change)}" for change in diff.column_changes)
    holes = tuple(f"warning: {text}" for text in map(hole, (diff.before, diff.after)) if text)
    return (moments, ", ".join(told) or "no interval differs", *columns, *holes)


def summary_answer(diff: Diff, intervals: Sequence[IntervalDiff]) -> Answer:
    """Return `diff --summary`."""
    heads = ("INTERVAL", "CHANGE", "ROWS", "BEFORE", "ADDED", "REMOVED", "CHANGED")
    cells = tuple(
        (
            one.label,
            str(one.kind),
            count(one.rows_after),
            count(one.rows_before),
            count(one.added),
            count(one.removed),
            count(one.changed),
        )
        for one in intervals
    )
    parts = ("added", "removed", "changed")
    sums = [many(sum(getattr(one, part) or 0 for one in intervals), "row") + f" {part}" for part in parts]
    first, *rest = diff_lines(diff)
    right = frozenset(heads[2:])
    return Answer(
        schema="mtctl.table.diff_summary/v1",
        records=(_diff_record(diff), *(_record(diff.table, one) for one in intervals)),
        fields=_FIELDS,
        blocks=(
            Lines((first, *rest[1:])),
            *((Grid(heads=heads, rows=cells, right=right),) if cells else ()),
            Lines((f"{rest[0]}: {', '.join(sums)}" if cells else rest[0],)),
        ),
        total=len(intervals),
    )


def _column(change: ColumnChange) -> str:
    match change.change:
        case "renamed":
            return f"{change.column} was named {change.detail}"
        case "retyped":
            return f"{change.column} changed its type: {change.detail}"
        case _:
            return f"{change.column} {change.detail} {change.change}"


def _diff_record(diff: Diff) -> Record:
    return {
        "kind": "diff",
        "table": diff.table,
        "from": {"snapshot": diff.before.snapshot_id, "at": rfc3339(diff.before.at)},
        "to": {"snapshot": diff.after.snapshot_id, "at": rfc3339(diff.after.at)},
        "columns": list(diff.columns),
        "key": list(diff.key),
        "column_changes": [
            {"column": one.column, "change": one.change, "detail": one.detail} for one in diff.column_changes
        ],
    }


def _record(table: str, one: IntervalDiff) -> Record:
    return {
        "kind": "interval",
        "table": table,
        "change": str(one.kind),
        "label": one.label,
        "interval": bounds(one.start, one.end),
        "rows_before": one.rows_before,
        "rows_after": one.rows_after,
        "added": one.added,
        "removed": one.removed,
        "changed": one.changed,
    }
