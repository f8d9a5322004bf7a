"""Floor 2. Turns rows of the named statements into the values of the ports; column orders are those of the SQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.interval import WHOLE, Interval, IntervalSet
from mtctl.core.model import ColumnStats, LedgerRow, Origin, Table
from mtctl.core.states import InstanceState, Outcome, TaskState, Trigger
from mtctl.ports import AttemptRow, DataFile, EventRow, HolderInfo, InstanceRow, LastAttempt, TaskRow
from mtctl.store.definition import decode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mtctl.store.session import Row

_ORIGINS = {origin.value: origin for origin in Origin}
_STATES = {state.value: state for state in TaskState}


def table(row: Row) -> Table:
    """Return a table with its definition in force."""
    return Table(
        table_id=row[0],
        uuid=row[1],
        lake_table_id=row[2],
        folder=row[3],
        epoch=row[4],
        version_id=row[5],
        origin=_ORIGINS[row[6]],
        file=row[7],
        file_sha256=row[8],
        created_at=row[9],
        definition=decode(row[10]),
    )


def ledger_row(table_id: int, row: Row) -> LedgerRow:
    """Return one interval of the ledger."""
    return LedgerRow(
        table_id=table_id,
        interval=Interval(row[0], row[1]),
        version_id=row[2],
        attempt_id=row[3],
        file_id=row[4],
        row_start=row[5],
        rows=row[6],
        fingerprint=row[7],
        reads=reads(row[8]),
        source_set_id=row[9],
        begin_snapshot=row[10],
        invalidated=row[11],
    )


def reads(text: str) -> tuple[tuple[int, str], ...]:
    """Return recorded reads: upstream table id and digest of what was read."""
    return () if text == "[]" else tuple((upstream, digest) for upstream, digest in json.loads(text))


def intervals_json(intervals: Iterable[Interval]) -> str:
    """Return intervals as `[[start, end], …]`."""
    return json.dumps([[interval.start, interval.end] for interval in intervals])


def intervals(text: str | None) -> IntervalSet:
    """Return what `intervals_json` wrote; nothing for None."""
    return IntervalSet.of(Interval(start, end) for start, end in json.loads(text)) if text else IntervalSet()


def task(row: Row) -> TaskRow:
    """Return a task with its newest attempt."""
    return TaskRow(
        task_id=row[0],
        instance_id=row[1],
        name=row[2],
        table_id=row[3],
        batch=None if row[4] is None else _batch(row[4], row[5]),
        intervals=intervals(row[6]),
        interval_count=row[7],
        reasons=tuple((reason, count) for reason, count in json.loads(row[8])),
        forced=bool(row[9]),
        state=_STATES[row[10]],
        why=row[11],
        tries=row[12],
        max_tries=row[13],
        ready_at=row[14],
        upstream=tuple(sorted(json.loads(row[23]))),
        attempt_id=row[15],
        started_at=row[16],
        ended_at=row[17],
        rows=row[18],
        seconds=row[19],
        error_code=row[20],
        error=row[21],
        holder=row[22],
    )


def _batch(start: int, end: int) -> Interval:
    return WHOLE if (start, end) == (WHOLE.start, WHOLE.end) else Interval(start, end)


def data_file(row: Row, path: str, stats: tuple[ColumnStats, ...]) -> DataFile:
    """Return a data file of the catalog under its absolute path."""
    return DataFile(
        file_id=row[0],
        table_id=row[1],
        path=path,
        rows=row[5],
        bytes=row[6],
        footer_bytes=row[7],
        row_id_start=row[8],
        begin_snapshot=row[9],
        sha256=row[10],
        stats=stats,
    )


def column_stats(row: Row) -> ColumnStats:
    """Return the statistics of one column of one file."""
    return ColumnStats(
        field_id=row[1],
        bytes=row[2],
        value_count=row[3],
        null_count=row[4],
        min=row[5],
        max=row[6],
        contains_nan=None if row[7] is None else bool(row[7]),
    )


def last_attempt(row: Row) -> LastAttempt:
    """Return the newest ended attempt of a table."""
    return LastAttempt(
        table_id=row[0],
        outcome=Outcome(row[1]),
        ended_at=row[2],
        seconds=row[3],
        intervals=row[4],
        rows=row[5],
        error_code=row[6],
        error=row[7],
        last_success_at=row[8],
    )


def instance(row: Row, tasks: Sequence[tuple[TaskState, int]], rows: int) -> InstanceRow:
    """Return an instance with its task counts and the rows it published."""
    manifest: Mapping[str, Any] = json.loads(row[12])
    return InstanceRow(
        instance_id=row[0],
        ulid=row[1],
        title=row[2],
        trigger=Trigger(row[3]),
        state=InstanceState(row[4]),
        queue=row[5],
        holder=row[6],
        detached=bool(row[7]),
        cancel_requested=bool(row[8]),
        created_at=row[9],
        started_at=row[10],
        ended_at=row[11],
        tasks=tuple(tasks),
        rows=rows,
        manifest=manifest,
    )


def attempt(row: Row) -> AttemptRow:
    """Return one attempt."""
    return AttemptRow(
        attempt_id=row[0],
        ulid=row[1],
        task_id=row[2],
        number=row[3],
        holder=row[4],
        outcome=None if row[5] is None else Outcome(row[5]),
        started_at=row[6],
        ended_at=row[7],
        snapshot_id=row[8],
        intervals=row[9],
        rows=row[10],
        bytes=row[11],
        seconds=row[12],
        error_code=row[13],
        error=row[14],
    )


def holder(row: Row) -> HolderInfo:
    """Return one holder."""
    return HolderInfo(
        holder_id=row[0],
        ulid=row[1],
        kind=row[2],
        pid=row[3],
        pid_started=row[4],
        boot_id=row[5],
        command=row[6],
        runner_group=row[7],
        ended=bool(row[8]),
    )


def event(row: Row) -> EventRow:
    """Return one line of the log."""
    return EventRow(
        event_id=row[0],
        at=row[1],
        kind=row[2],
        table_id=row[3],
        instance_id=row[4],
        task_id=row[5],
        attempt_id=row[6],
        detail=json.loads(row[7]),
    )
