"""Floor 2. Turns rows about instances, tasks, attempts, holders and events into the values of the ports."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mtctl.core.interval import WHOLE, Interval
from mtctl.core.states import InstanceState, Outcome, TaskState, Trigger
from mtctl.core.values import replace
from mtctl.core.workflow import TaskKind
from mtctl.ports.holders import HolderInfo
from mtctl.ports.work import AttemptRow, EventRow, InstanceRow, TaskRow
from mtctl.store.rows import intervals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.model import Instant
    from mtctl.store.session import Row

_KINDS = {kind.value: kind for kind in TaskKind}
_STATES = {state.value: state for state in TaskState}


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
        reasons=() if row[8] == "[]" else tuple((reason, count) for reason, count in json.loads(row[8])),
        forced=bool(row[9]),
        state=_STATES[row[10]],
        why=row[11],
        tries=row[12],
        max_tries=row[13],
        ready_at=row[14],
        upstream=() if row[23] == "[]" else tuple(sorted(json.loads(row[23]))),
        attempt_id=row[15],
        started_at=row[16],
        ended_at=row[17],
        rows=row[18],
        seconds=row[19],
        error_code=row[20],
        error=row[21],
        holder=row[22],
        kind=_KINDS[row[24]],
        queue=row[25],
        priority=row[26],
        timeout=row[27],
        retry_lost=bool(row[28]),
        waits_for=row[29],
        cancel_requested=bool(row[30]),
        spec={} if row[31] == "{}" else json.loads(row[31]),
    )


def running(
    pending: TaskRow, attempt_id: int, *, tries: int, started_at: Instant, holder: str
) -> TaskRow:
    """Return a task as it stands right after its claim, without another look at it."""
    return replace(
        pending,
        state=TaskState.RUNNING,
        why="",
        tries=tries,
        attempt_id=attempt_id,
        started_at=started_at,
        rows=None,
        seconds=None,
        error_code=None,
        error=None,
        holder=holder,
        waits_for=None,
    )


def _batch(start: int, end: int) -> Interval:
    return WHOLE if (start, end) == (WHOLE.start, WHOLE.end) else Interval(start, end)


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
        workflow=row[13],
        version=row[14],
        logical_date=row[15],
        fire_at=row[16],
        key=row[17],
        rank=row[18],
        priority=row[19],
        variables=json.loads(row[20]),
        tags=tuple(json.loads(row[21]).items()),
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
        groups=tuple((group, started) for group, started in json.loads(row[9])),
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
        actor=row[8],
        workflow_id=row[9],
    )
