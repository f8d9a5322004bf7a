"""Floor 4. `lake compact` as an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Grid, Lines, Record
from mtctl.core.words import lasting, many, size

if TYPE_CHECKING:
    from mtctl.services.reports.compaction import CompactReport


def compact_answer(report: CompactReport) -> Answer:
    """Return which tables have fewer files now, or would."""
    records: tuple[Record, ...] = tuple(
        {
            "kind": "table",
            "table": one.table,
            "files": one.files,
            "into": one.into,
            "bytes_before": one.bytes_before,
            "bytes_after": one.bytes_after,
            "seconds": round(one.seconds, 3),
        }
        for one in report.tables
    )
    summary: Record = {
        "kind": "compact",
        "files": sum(one.files for one in report.tables),
        "into": sum(one.into for one in report.tables),
        "seconds": round(report.seconds, 3),
        "dry_run": report.dry_run,
    }
    verb = "would become" if report.dry_run else "became"
    blocks: list[Block] = []
    if report.tables:
        shown = 4 if report.dry_run else 5  # what it will take afterwards is known afterwards only
        rows = [
            (one.table, f"{one.files:,}", f"{one.into:,}", size(one.bytes_before), size(one.bytes_after))
            for one in report.tables
        ]
        heads = ("TABLE", "FILES", "INTO", "BYTES", "THEN")
        blocks.append(Grid(heads=heads[:shown], rows=tuple(row[:shown] for row in rows)))
        files, into = summary["files"], summary["into"]
        taken = "" if report.dry_run else f" in {lasting(report.seconds)}"
        blocks.append(Lines((f"{many(int(str(files)), 'file')} {verb} {into}{taken}",)))
    else:
        blocks.append(Lines(("nothing to merge",)))
    return Answer(
        schema="mtctl.lake.compact/v1",
        records=(*records, summary),
        fields=("kind", "table", "files", "into", "bytes_before", "bytes_after", "seconds"),
        blocks=tuple(blocks),
        warnings=report.troubles,
    )
