"""Floor 4. Checks of the lake as answers: `verify` and `lake gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Grid, Lines, Record
from mtctl.core.words import lasting, many, size

if TYPE_CHECKING:
    from mtctl.services.reports.upkeep import GcReport, VerifyReport

_FINDING_FIELDS = ("kind", "table", "check", "intervals", "detail", "version")


def verify_answer(report: VerifyReport) -> Answer:
    """Return what `verify` looked at, and what it found wrong."""
    findings: tuple[Record, ...] = tuple(
        {
            "kind": "finding",
            "table": f.table,
            "check": f.check,
            "intervals": f.intervals,
            "detail": f.detail,
            "version": f.version,
        }
        for f in report.findings
    )
    summary: Record = {
        "kind": "verify",
        "tables": report.tables,
        "files": report.files,
        "intervals": report.intervals,
        "rows": report.rows,
        "bytes": report.bytes,
        "findings": len(report.findings),
        "seconds": round(report.seconds, 3),
    }
    blocks: list[Block] = []
    if report.findings:
        rows = tuple((f.subject, f.check, f.intervals, f.detail) for f in report.findings)
        blocks.append(Grid(heads=("TABLE", "CHECK", "INTERVALS", "FOUND"), rows=rows))
    seen = (
        many(report.tables, "table"),
        many(report.files, "file"),
        many(report.intervals, "interval"),
        many(report.rows, "row"),
        size(report.bytes),
    )
    verdict = many(len(report.findings), "finding") if report.findings else "all as recorded"
    blocks.append(Lines((f"{', '.join(seen)} checked in {lasting(report.seconds)}: {verdict}",)))
    return Answer(
        schema="mtctl.lake.verify/v1",
        records=(*findings, summary),
        fields=_FINDING_FIELDS,
        blocks=tuple(blocks),
        warnings=report.notes,
    )


def gc_answer(report: GcReport) -> Answer:
    """Return what `lake gc` removed, or would remove."""
    verb = "would remove" if report.dry_run else "removed"
    lines = [f"{verb} {path}" for path in report.removed]
    lines.append(f"{verb} {many(len(report.removed), 'file')}, {size(report.bytes)}")
    if report.logs:
        lines.append(f"{verb} {many(report.logs, 'log file')} of forgotten instances")
    if report.kept_young:
        lines.append(f"kept {many(report.kept_young, 'stray file')} younger than the grace (see --grace)")
    records: tuple[Record, ...] = tuple(
        {"kind": "file", "path": path, "removed": not report.dry_run} for path in report.removed
    )
    summary: Record = {
        "kind": "gc",
        "files": len(report.removed),
        "bytes": report.bytes,
        "kept_young": report.kept_young,
        "logs": report.logs,
        "dry_run": report.dry_run,
    }
    return Answer(
        schema="mtctl.lake.gc/v1",
        records=(*records, summary),
        fields=("kind", "path", "removed"),
        blocks=(Lines(tuple(lines)),),
    )
