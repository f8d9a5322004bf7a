"""Floor 4. Workflow instances as answers: `instance list` and `instance show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.cli.answer import Answer, Block, Facts, Grid, Record, State
from mtctl.core.states import TaskState
from mtctl.core.words import ago, bounds, count, lasting, moment, rfc3339

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Instant
    from mtctl.ports.work import AttemptRow, EventRow, InstanceRow, TaskRow
    from mtctl.services.reports.instances import InstanceDetail

_FIELDS = ("id", "title", "trigger", "state", "created_at", "started_at", "finished_at", "duration_s", "rows", "tasks")


def instances_answer(rows: Sequence[InstanceRow], limit: int, now: Instant) -> Answer:
    """Return the newest instances first."""
    heads = ("INSTANCE", "STATE", "TITLE", "TASKS", "ROWS", "STARTED", "TOOK")
    cells = tuple(
        (
            row.ulid,
            State(row.state),
            row.title,
            _tasks_text(row),
            count(row.rows),
            ago(row.started_at or row.created_at, now),
            lasting(_seconds(row.started_at, row.ended_at)),
        )
        for row in rows
    )
    return Answer(
        schema="mtctl.instance.list/v1",
        records=tuple(map(_instance_record, rows)),
        fields=_FIELDS,
        blocks=(Grid(heads=heads, rows=cells, right=frozenset({"ROWS"})),),
        limit=limit,
    )


def instance_answer(detail: InstanceDetail) -> Answer:
    """Return one instance with its tasks, attempts and events."""
    row = detail.instance
    pairs = (
        ("instance", row.ulid),
        ("title", row.title),
        ("state", State(row.state)),
        ("workflow", row.workflow and f"{row.workflow} (version {row.version})"),
        ("trigger", str(row.trigger)),
        ("interval", _interval_text(row)),
        ("key", row.key),
        ("queue", row.queue),
        ("priority", row.priority or None),
        ("created", moment(row.created_at)),
        ("started", moment(row.started_at)),
        ("ended", moment(row.ended_at)),
        ("took", lasting(_seconds(row.started_at, row.ended_at))),
        ("rows", count(row.rows)),
        ("held by", row.holder),
        ("error", detail.error),
    )
    facts = Facts(tuple(pair for pair in pairs if pair[1] not in {None, ""}))
    blocks: list[Block] = [facts, _task_grid(detail)]
    if row.variables:
        values = tuple(row.variables.items())
        blocks.append(Grid(heads=("VARIABLE", "VALUE"), rows=values, title="Variables"))
    if detail.attempts:
        blocks.append(_attempt_grid(detail))
    if detail.logs:
        blocks.append(Grid(heads=("ATTEMPT", "LOG"), rows=tuple(detail.logs.items()), title="Output"))
    record: Record = {
        **_instance_record(row),
        "error": detail.error,
        "task_instances": [_task_record(task, detail) for task in detail.tasks],
        "attempts": [_attempt_record(attempt) | {"log": detail.logs.get(attempt.ulid)} for attempt in detail.attempts],
        "events": [_event_record(event) for event in detail.events],
    }
    return Answer(schema="mtctl.instance.show/v1", records=(record,), fields=_FIELDS, blocks=tuple(blocks))


def _task_grid(detail: InstanceDetail) -> Grid:
    heads = ("TASK", "INTERVAL", "STATE", "TRIES", "ROWS", "SECONDS", "WHY")
    rows = tuple(
        (
            task.name,
            detail.labels.get(task.task_id, ""),
            State(task.state),
            f"{task.tries}/{task.max_tries}",
            count(task.rows),
            "" if task.seconds is None else f"{task.seconds:.2f}",
            _why(task),
        )
        for task in detail.tasks
    )
    return Grid(heads=heads, rows=rows, title="Tasks", right=frozenset({"TRIES", "ROWS", "SECONDS"}))


def _attempt_grid(detail: InstanceDetail) -> Grid:
    names = {task.task_id: task.name for task in detail.tasks}
    heads = ("ATTEMPT", "TASK", "TRY", "OUTCOME", "INTERVALS", "ROWS", "SECONDS", "SNAPSHOT", "HOLDER")
    rows = tuple(
        (
            attempt.ulid,
            names.get(attempt.task_id, ""),
            attempt.number,
            State(attempt.outcome or "running"),
            attempt.intervals,
            count(attempt.rows),
            "" if attempt.seconds is None else f"{attempt.seconds:.2f}",
            attempt.snapshot_id,
            attempt.holder,
        )
        for attempt in detail.attempts
    )
    return Grid(heads=heads, rows=rows, title="Attempts", right=frozenset({"ROWS", "SECONDS", "SNAPSHOT"}))


def _instance_record(row: InstanceRow) -> Record:
    return {
        "kind": "instance",
        "id": row.ulid,
        "title": row.title,
        "workflow": row.workflow,
        "version": row.version,
        "trigger": str(row.trigger),
        "state": str(row.state),
        "queue": row.queue,
        "holder": row.holder,
        "detached": row.detached,
        "cancel_requested": row.cancel_requested,
        "created_at": rfc3339(row.created_at),
        "started_at": rfc3339(row.started_at),
        "finished_at": rfc3339(row.ended_at),
        "duration_s": _seconds(row.started_at, row.ended_at),
        "tasks": {str(state): number for state, number in row.tasks},
        "rows": row.rows,
        "logical_date": rfc3339(row.logical_date),
        "fire_at": rfc3339(row.fire_at),
        "key": row.key,
        "rank": row.rank,
        "priority": row.priority,
        "variables": dict(row.variables),
        "tags": {key: value for key, value in row.tags},  # noqa: C416 - pairs to an object
    }


def _task_record(task: TaskRow, detail: InstanceDetail) -> Record:
    return {
        "kind": "task",
        "task": task.name,
        "task_kind": str(task.kind),
        "queue": task.queue,
        "priority": task.priority,
        "label": detail.labels.get(task.task_id),
        "interval": None if task.batch is None else bounds(task.batch.start, task.batch.end),
        "intervals": task.interval_count,
        "reasons": {reason: number for reason, number in task.reasons},  # noqa: C416 - pairs to an object
        "forced": task.forced,
        "state": str(task.state),
        "why": task.why,
        "tries": task.tries,
        "max_tries": task.max_tries,
        "started_at": rfc3339(task.started_at),
        "finished_at": rfc3339(task.ended_at),
        "rows": task.rows,
        "seconds": task.seconds,
        "error_code": task.error_code,
        "error": task.error,
    }


def _attempt_record(attempt: AttemptRow) -> Record:
    return {
        "kind": "attempt",
        "id": attempt.ulid,
        "try": attempt.number,
        "holder": attempt.holder,
        "outcome": None if attempt.outcome is None else str(attempt.outcome),
        "started_at": rfc3339(attempt.started_at),
        "finished_at": rfc3339(attempt.ended_at),
        "snapshot": attempt.snapshot_id,
        "intervals": attempt.intervals,
        "rows": attempt.rows,
        "bytes": attempt.bytes,
        "seconds": attempt.seconds,
        "error_code": attempt.error_code,
        "error": attempt.error,
    }


def _event_record(event: EventRow) -> Record:
    return {
        "kind": "event",
        "at": rfc3339(event.at),
        "event": event.kind,
        "actor": event.actor or None,
        "detail": dict(event.detail),
    }


def _why(task: TaskRow) -> str:
    """Return why a task is as it is: its error while that still stands, else the reason of its state."""
    error = task.error if task.state not in {TaskState.SKIPPED, TaskState.SUCCESS} else ""
    return error or task.why or ", ".join(f"{reason} ({number})" for reason, number in task.reasons)


def _interval_text(row: InstanceRow) -> str | None:
    """Return the data interval that the instance is for, None for one that has none."""
    if row.logical_date is None or row.fire_at is None:
        return None
    return f"{moment(row.logical_date)} to {moment(row.fire_at)}"


def _tasks_text(row: InstanceRow) -> str:
    return ", ".join(f"{number} {state}" for state, number in row.tasks)


def _seconds(start: Instant | None, end: Instant | None) -> float | None:
    if start is None or end is None:
        return None
    return round((end - start) / 1e6, 3)
