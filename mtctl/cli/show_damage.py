"""Floor 4. Damage as an answer: `lake check`, `lake repair`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Grid, Lines, Record
from mtctl.core.words import lasting, many, size

if TYPE_CHECKING:
    from mtctl.services.reports.checking import CheckReport, RepairReport

_FIELDS = ("kind", "table", "check", "intervals", "path", "detail", "mends", "version")


def check_answer(report: CheckReport) -> Answer:
    """Return what `lake check` looked at, and what it found wrong."""
    lines = [_verdict(report)]
    if any(one.mends for one in report.found):
        lines.append(f"do: `mtctl lake repair{' --deep' if report.deep else ''}`, then `mtctl refresh --all`")
    if report.foreign:
        lines.append(f"tables of other clients, left alone: {', '.join(report.foreign)}")
    summary: Record = {
        "kind": "check",
        "files": report.files,
        "bytes": report.bytes,
        "deep": report.deep,
        "found": len(report.found),
        "foreign": list(report.foreign),
        "seconds": round(report.seconds, 3),
    }
    return Answer(
        schema="mtctl.lake.check/v1",
        records=(*_records(report), summary),
        fields=_FIELDS,
        blocks=(*_grid(report), Lines(tuple(lines))),
    )


def repair_answer(report: RepairReport) -> Answer:
    """Return what `lake repair` found and what it changed, or would change."""
    verb = "would be" if report.dry_run else "is now"
    lines = [
        *(f"{table} {verb} stale: {labels}" for table, labels in report.stale),
        *(f"{table} {verb} missing: {labels}" for table, labels in report.missing if labels),
        *(f"{table}: what others wrote {verb} taken out" for table, labels in report.missing if not labels),
    ]
    changed = [("stale", *one) for one in report.stale] + [("missing", *one) for one in report.missing]
    records: list[Record] = [{"kind": kind, "table": table, "intervals": labels} for kind, table, labels in changed]
    summary: Record = {
        "kind": "repair",
        "found": len(report.check.found),
        "tables": len({table for table, _ in (*report.stale, *report.missing)}),
        "dry_run": report.dry_run,
    }
    if not lines:
        lines.append("nothing to repair" if not report.check.found else "nothing of this can be made again")
    elif not report.dry_run:
        lines.append("do: `mtctl refresh --all`")
    return Answer(
        schema="mtctl.lake.repair/v1",
        records=(*_records(report.check), *records, summary),
        fields=_FIELDS,
        blocks=(*_grid(report.check), Lines((_verdict(report.check), *lines))),
    )


def _verdict(report: CheckReport) -> str:
    how = "read and compared" if report.deep else "looked at"
    found = many(len(report.found), "finding") if report.found else "all there and whole"
    return f"{many(report.files, 'file')}, {size(report.bytes)} {how} in {lasting(report.seconds)}: {found}"


def _grid(report: CheckReport) -> tuple[Block, ...]:
    if not report.found:
        return ()
    rows = tuple(
        (one.subject, one.check, one.intervals, f"{one.path}: {one.detail}" if one.path else one.detail)
        for one in report.found
    )
    return (Grid(heads=("TABLE", "CHECK", "INTERVALS", "FOUND"), rows=rows),)


def _records(report: CheckReport) -> tuple[Record, ...]:
    return tuple(
        {
            "kind": "damage",
            "table": one.table,
            "check": one.check,
            "intervals": one.intervals,
            "path": one.path,
            "detail": one.detail,
            "mends": one.mends,
            "version": one.version,
        }
        for one in report.found
    )
