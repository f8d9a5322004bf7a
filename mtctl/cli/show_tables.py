"""Floor 4. Tables as answers: `status`, `table list`, `table show`, `table partitions`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Facts, Grid, Later, Lines, Record, State
from mtctl.core.values import replace
from mtctl.core.words import ago, bounds, count, many, moment, rfc3339, size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.ports.damage import ForeignTable
    from mtctl.services.reports.details import PartitionRow, TableDetail
    from mtctl.services.reports.tables import Status, TableStatus

_TABLE_FIELDS = (
    "table", "health", "mode", "grain", "wanted", "fresh", "missing_count", "stale_count", "missing", "stale", "why",
    "rows", "bytes", "files", "last_success_at", "last_outcome", "last_error", "running", "schedule", "freshness",
    "origin", "file", "comment", "tags", "rebuild_done", "rebuild_total", "held_up",
)  # fmt: skip

_PARTITION_FIELDS = (
    "table", "label", "interval", "state", "reason", "rows", "file", "attempt", "refreshed_at", "fingerprint",
)  # fmt: skip


def status_answer(status: Status) -> Answer:
    """Return the health of the project: a line for each table, then what needs attention."""
    attention = [
        *(f"changed since it was read: {source}" for source in status.changed_sources),
        *(f"not applied yet: {file}" for file in status.unapplied),
        *(f"gone, its table stays until `mtctl apply --prune`: {file}" for file in status.vanished),
        *(f"running: {row.title} ({row.ulid})" for row in status.running),
    ]
    blocks: list[Block] = [_health_grid(status)]
    lacking = (table for table in status.tables if table.missing_count or table.stale_count or table.rebuilding)
    behind = tuple(map(_behind, lacking))
    if behind:
        blocks.append(Lines(behind))
    if attention:
        blocks.append(Lines(tuple(attention)))
    project: Record = {
        "kind": "project",
        "project": status.project,
        "snapshot": status.snapshot_id,
        "changed_sources": list(status.changed_sources),
        "unapplied": list(status.unapplied),
        "vanished": list(status.vanished),
        "running": [row.ulid for row in status.running],
    }
    return Answer(
        schema="mtctl.project.status/v1",
        records=Later(lambda: (*map(table_record, status.tables), project)),
        fields=("kind", *_TABLE_FIELDS),
        blocks=tuple(blocks) if status.tables else (Lines(("no tables yet: write tables/<name>.sql",)), *blocks[1:]),
    )


def list_answer(status: Status) -> Answer:
    """Return `table list`."""
    heads = ("TABLE", "HEALTH", "GRAIN", "ROWS", "SIZE", "SCHEDULE")
    rows = tuple(
        (
            table.table,
            State(table.health),
            table.grain or "whole",
            count(table.rows),
            size(table.bytes),
            table.schedule or table.freshness,
        )
        for table in status.tables
    )
    return Answer(
        schema="mtctl.table.list/v1",
        records=tuple(map(table_record, status.tables)),
        fields=_TABLE_FIELDS,
        blocks=(Grid(heads=heads, rows=rows, right=frozenset({"ROWS", "SIZE"})),),
        total=len(status.tables),
    )


def foreign_block(answer: Answer, foreign: Sequence[ForeignTable]) -> Answer:
    """Return `table list` with the tables of other clients below."""
    if not foreign:
        return answer
    heads = ("FOREIGN TABLE", "FILES", "ROWS", "SIZE")
    rows = tuple((f"{one.schema}.{one.name}", count(one.files), count(one.rows), size(one.bytes)) for one in foreign)
    records: tuple[Record, ...] = tuple(
        {"kind": "foreign", "table": one.name, "schema": one.schema, "rows": one.rows, "bytes": one.bytes}
        for one in foreign
    )
    return replace(
        answer,
        records=(*answer.records, *records),
        fields=("kind", *answer.fields),
        blocks=(*answer.blocks, Grid(heads=heads, rows=rows, right=frozenset(heads[1:]))),
    )


def detail_answer(detail: TableDetail) -> Answer:
    """Return everything about one table."""
    table = detail.status
    facts = Facts(
        (
            ("table", table.table),
            ("health", State(table.health)),
            ("comment", table.comment),
            ("mode", f"{table.mode}{f', a {table.grain} an interval' if table.grain else ''}, time zone {detail.zone}"),
            ("wanted", _span(detail)),
            ("fresh", f"{count(table.fresh)} of {many(table.wanted, 'interval')}"),
            ("rebuilding", _rebuilding(table)),
            ("held up", f"{table.held_up.text} – {table.held_up.fix}" if table.held_up else ""),
            ("missing", table.missing),
            ("stale", f"{table.stale} ({table.why})" if table.stale else ""),
            ("holds", f"{many(table.rows, 'row')}, {size(table.bytes)} in {many(table.files, 'file')}"),
            ("last success", moment(table.last_success_at)),
            ("last error", table.last_error),
            ("schedule", table.schedule),
            ("freshness", table.freshness),
            ("refresh mode", detail.refresh_mode),
            ("reads", ", ".join((*detail.upstream, *detail.sources))),
            ("read by", ", ".join(detail.downstream)),
            ("batches", "several intervals share a statement" if detail.batchable else "an interval a statement"),
            ("volatile", ", ".join(detail.volatile)),
            ("from", table.file or str(table.origin)),
            ("fingerprint", detail.fingerprint),
        )
    )
    shown = Facts(tuple(pair for pair in facts.pairs if pair[1] not in {None, ""}))
    rows = tuple((column.name, column.type, column.stored_type, column.note) for column in detail.columns)
    columns = Grid(heads=("COLUMN", "TYPE", "STORED AS", "NOTE"), rows=rows)
    blocks: tuple[Block, ...] = (shown, columns, Lines(tuple(detail.ddl.splitlines())))
    if detail.coverage:
        blocks = (shown, Lines(tuple(detail.coverage.splitlines())), *blocks[1:])
    return Answer(
        schema="mtctl.table.show/v1",
        records=(_detail_record(detail),),
        fields=(*_TABLE_FIELDS, "zone", "start", "end", "upstream", "downstream", "sources", "fingerprint", "ddl"),
        blocks=blocks,
    )


def partitions_answer(name: str, rows: Sequence[PartitionRow], limit: int) -> Answer:
    """Return the intervals of a table, at most `limit` for people and machines alike."""
    shown = rows[:limit]
    heads = ("INTERVAL", "STATE", "ROWS", "REFRESHED", "REASON", "FILE")
    cells = tuple(
        (row.interval, State(row.state), count(row.rows), moment(row.refreshed_at), row.reason, _short(row.file))
        for row in shown
    )
    left = len(rows) - len(shown)
    return Answer(
        schema="mtctl.table.partitions/v1",
        records=tuple(_partition_record(name, row) for row in shown),
        fields=_PARTITION_FIELDS,
        blocks=(Grid(heads=heads, rows=cells, right=frozenset({"ROWS"})),),
        warnings=(f"{many(left, 'more interval')} (use --limit)",) if left else (),
        limit=limit,
        total=len(rows),
    )


def _short(file: str | None) -> str | None:
    """Return the table's folder and the file, which are enough for people."""
    return None if file is None else "/".join(file.split("/")[-2:])


def table_record(table: TableStatus) -> Record:
    """Return a table for machines."""
    return {
        "kind": "table",
        "table": table.table,
        "health": str(table.health),
        "mode": str(table.mode),
        "grain": table.grain,
        "wanted": table.wanted,
        "fresh": table.fresh,
        "missing_count": table.missing_count,
        "stale_count": table.stale_count,
        "missing": table.missing,
        "stale": table.stale,
        "why": table.why,
        "rows": table.rows,
        "bytes": table.bytes,
        "files": table.files,
        "last_success_at": rfc3339(table.last_success_at),
        "last_outcome": table.last_outcome,
        "last_error": table.last_error,
        "running": table.running,
        "schedule": table.schedule,
        "freshness": table.freshness,
        "origin": str(table.origin),
        "file": table.file,
        "comment": table.comment,
        "tags": dict(table.tags),
        "rebuild_done": table.rebuilding[0] if table.rebuilding else None,
        "rebuild_total": table.rebuilding[1] if table.rebuilding else None,
        "held_up": table.held_up.text if table.held_up else None,
    }


def _health_grid(status: Status) -> Grid:
    heads = ("TABLE", "HEALTH", "FRESH", "MISSING", "STALE", "ROWS", "LAST SUCCESS", "NOTE")
    rows = tuple(
        (
            table.table,
            State(table.health),
            f"{count(table.fresh)}/{count(table.wanted)}",
            table.missing_count,
            table.stale_count,
            count(table.rows),
            ago(table.last_success_at, status.at),
            table.running or table.last_error or "",
        )
        for table in status.tables
    )
    return Grid(heads=heads, rows=rows, right=frozenset({"FRESH", "ROWS"}))


def _behind(table: TableStatus) -> str:
    parts = []
    if table.rebuilding:
        parts.append(f"rebuilding: {_rebuilding(table)}")
    if table.missing_count:
        parts.append(f"{many(table.missing_count, 'missing interval')}: {table.missing}")
    if table.stale_count:
        parts.append(f"{many(table.stale_count, 'stale interval')}: {table.stale} ({table.why})")
    if table.held_up:
        parts.append(f"{table.held_up.text} – {table.held_up.fix}")
    return f"{table.table}: {'; '.join(parts)}"


def _rebuilding(table: TableStatus) -> str:
    if table.rebuilding is None:
        return ""
    done, total = table.rebuilding
    return f"{count(done)} of {many(total, 'interval')}, until then the old version is read"


def _span(detail: TableDetail) -> str:
    if detail.start is None:
        return "the whole table"
    return f"from {detail.start} until {detail.end or 'now'}"


def _detail_record(detail: TableDetail) -> Record:
    return {
        **table_record(detail.status),
        "zone": detail.zone,
        "start": detail.start,
        "end": detail.end,
        "refresh_mode": detail.refresh_mode,
        "columns": [
            {"name": column.name, "type": column.type, "stored_type": column.stored_type, "note": column.note}
            for column in detail.columns
        ],
        "upstream": list(detail.upstream),
        "downstream": list(detail.downstream),
        "sources": list(detail.sources),
        "batchable": detail.batchable,
        "params": list(detail.params),
        "volatile": list(detail.volatile),
        "options": dict(detail.options),
        "fingerprint": detail.fingerprint,
        "epoch": detail.epoch,
        "query": detail.query,
        "ddl": detail.ddl,
    }


def _partition_record(name: str, row: PartitionRow) -> Record:
    return {
        "kind": "partition",
        "table": name,
        "label": row.interval,
        "interval": bounds(row.start, row.end),
        "state": row.state,
        "reason": row.reason,
        "rows": row.rows,
        "file": row.file,
        "attempt": row.attempt,
        "refreshed_at": rfc3339(row.refreshed_at),
        "fingerprint": row.fingerprint,
    }
