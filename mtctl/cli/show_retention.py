"""Floor 4. The lake in numbers, and what an expiry lets go, as answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Facts, Grid, Lines, Record
from mtctl.core.words import ago, count, many, rfc3339, size

if TYPE_CHECKING:
    from mtctl.services.reports.retention import ExpiryReport, InfoReport

_FIELDS = ("kind", "table", "versions", "live_bytes", "old_bytes")
_EXPIRY_FIELDS = ("snapshots", "kept", "files", "bytes", "rows", "instances", "events", "dry_run")


def expiry_answer(report: ExpiryReport) -> Answer:
    """Return what `lake expire` let go, or would let go."""
    record: Record = {"kind": "expire", **_expiry(report)}
    verb = "would expire" if report.dry_run else "expired"
    lines = [f"{verb} {many(report.snapshots, 'snapshot')}, {many(report.kept, 'snapshot')} {_stay(report.kept)}"]
    if report.dry_run:
        lines.append(f"nothing would show {_files(report)} any more")
        lines.append(f"would forget {many(report.instances, 'instance')}")
    else:
        lines.append(f"nothing shows {many(report.files, 'file')} any more: `mtctl lake gc` removes them after an hour")
        lines.append(f"forgot {many(report.instances, 'instance')} and {many(report.events, 'event')}")
    return Answer(
        schema="mtctl.lake.expire/v1", records=(record,), fields=_EXPIRY_FIELDS, blocks=(Lines(tuple(lines)),)
    )


def info_answer(report: InfoReport) -> Answer:
    """Return the lake in numbers, the pins, and what the next expiry would do."""
    counts = report.counts
    record: Record = {
        "kind": "lake",
        "data_path": report.data_path,
        "snapshots": counts.snapshots,
        "oldest_snapshot": counts.oldest_snapshot,
        "oldest_at": rfc3339(counts.oldest_at),
        "newest_snapshot": counts.newest_snapshot,
        "newest_at": rfc3339(counts.newest_at),
        "tables": counts.tables,
        "live_files": counts.live_files,
        "live_bytes": counts.live_bytes,
        "old_files": counts.old_files,
        "old_bytes": counts.old_bytes,
        "scheduled_files": counts.scheduled_files,
        "state_bytes": counts.state_bytes,
        "free_bytes": counts.free_bytes,
        "pins": [{"snapshot": one.snapshot_id, "holder": one.holder, "purpose": one.purpose} for one in report.pins],
        "next_expiry": _expiry(report.next),
    }
    tables: tuple[Record, ...] = tuple(
        {
            "kind": "table",
            "table": one.table,
            "versions": one.versions,
            "live_bytes": one.live_bytes,
            "old_bytes": one.old_bytes,
        }
        for one in report.tables
    )
    return Answer(
        schema="mtctl.lake.info/v1", records=(record, *tables), fields=_FIELDS, blocks=tuple(_info_blocks(report))
    )


def _info_blocks(report: InfoReport) -> list[Block]:
    counts, now = report.counts, report.now
    oldest = f"{counts.oldest_snapshot}, {ago(counts.oldest_at, now)}"
    newest = f"{counts.newest_snapshot}, {ago(counts.newest_at, now)}"
    would = f"{many(report.next.snapshots, 'snapshot')} and {_files(report.next)} would go"
    facts = Facts(
        (
            ("data", report.data_path),
            ("snapshots", f"{count(counts.snapshots)} (oldest {oldest}; newest {newest})"),
            ("tables", counts.tables),
            ("live files", f"{count(counts.live_files)}, {size(counts.live_bytes)}"),
            ("old versions", f"{count(counts.old_files)} files, {size(counts.old_bytes)}"),
            ("to be removed", f"{many(counts.scheduled_files, 'file')} (`mtctl lake gc`)"),
            ("state file", f"{size(counts.state_bytes)}, of that free {size(counts.free_bytes)}"),
            ("next expiry", would),
        )
    )
    blocks: list[Block] = [facts]
    if report.pins:
        rows = tuple((one.snapshot_id, one.holder, one.purpose) for one in report.pins)
        blocks.append(Grid(heads=("SNAPSHOT", "PINNED BY", "FOR"), rows=rows))
    if report.tables:
        held = tuple((one.table, one.versions, size(one.live_bytes), size(one.old_bytes)) for one in report.tables)
        right = frozenset({"LIVE", "OLD"})
        blocks.append(Grid(heads=("TABLE", "VERSIONS", "LIVE", "OLD"), rows=held, right=right))
    return blocks


def _expiry(report: ExpiryReport) -> Record:
    return {
        "snapshots": report.snapshots,
        "kept": report.kept,
        "files": report.files,
        "bytes": report.bytes,
        "rows": report.rows,
        "instances": report.instances,
        "events": report.events,
        "dry_run": report.dry_run,
    }


def _files(report: ExpiryReport) -> str:
    return f"{many(report.files, 'file')} of {size(report.bytes)}"


def _stay(number: int) -> str:
    return "stays" if number == 1 else "stay"
