"""Floor 4. How workflows and refreshes are, in Flink's words.

A workflow is activated or suspended whatever became of its runs; how one refresh went stands in its own state.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mtctl.core.states import DONE, InstanceState, TaskState, WorkflowState
from mtctl.core.zones import from_instant
from mtctl.embedded.handles import RefreshHandle

if TYPE_CHECKING:
    from datetime import datetime

    from mtctl.core.model import Instant
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.reports.instances import InstanceDetail

_TIMED_OUT = "timeout"  # the error code of a task whose last try ran too long


class OperationStatus(StrEnum):
    """How one refresh is: the states of an operation of Flink's SQL gateway."""

    INITIALIZED = "INITIALIZED"  # nothing has been submitted yet
    PENDING = "PENDING"  # submitted, nothing has begun
    RUNNING = "RUNNING"  # begun and not ended
    FINISHED = "FINISHED"  # all of it is published, or nothing was to be done
    CANCELED = "CANCELED"  # stopped on request
    TIMEOUT = "TIMEOUT"  # a try ran too long, and no further one was left
    ERROR = "ERROR"  # failed
    CLOSED = "CLOSED"  # known no more; asking is an error here

    @property
    def is_terminal(self) -> bool:
        """Whether it ends a refresh; only a person's retry opens it again."""
        return self not in {OperationStatus.INITIALIZED, OperationStatus.PENDING, OperationStatus.RUNNING}


class WorkflowStatus(StrEnum):
    """Whether a workflow fires."""

    ACTIVATED = "ACTIVATED"  # it fires
    SUSPENDED = "SUSPENDED"  # it fires no more until it is resumed
    COMPLETED = "COMPLETED"  # its schedule has no fire left


_WORKFLOW = {
    WorkflowState.ENABLED: WorkflowStatus.ACTIVATED,
    WorkflowState.DISABLED: WorkflowStatus.SUSPENDED,
    WorkflowState.COMPLETED: WorkflowStatus.COMPLETED,
}
_ENDED = {InstanceState.SUCCESS: OperationStatus.FINISHED, InstanceState.CANCELLED: OperationStatus.CANCELED}


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshState:
    """How one refresh is.

    `progress` is in percent of its intervals, 100 where all are done. `duration` is in seconds since the first try
    began, None before. `retry_count` counts the tries after the first of each of its tasks, `rows` what was published.
    """

    status: OperationStatus
    progress: float = 0.0
    error: str | None = None
    error_code: str | None = None
    duration: float | None = None
    retry_count: int = 0
    rows: int = 0
    handle: RefreshHandle | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowInfo:
    """One workflow. Instants are in UTC; `table` names the table whose own schedule it is, else None.

    `last_execution` is when its newest instance began, `last_status` how that one is.
    """

    id: str
    name: str
    status: WorkflowStatus
    handle: RefreshHandle
    cron: str | None
    time_zone: str
    table: str | None
    created_at: datetime
    next_execution: datetime | None
    last_execution: datetime | None
    last_status: OperationStatus | None
    last_refresh: RefreshHandle | None


def operation_status(row: InstanceRow, *, timed_out: bool = False) -> OperationStatus:
    """Return the state of an instance in Flink's words; what is held counts as not begun or as still running."""
    if row.state is InstanceState.FAILED:
        return OperationStatus.TIMEOUT if timed_out else OperationStatus.ERROR
    if row.state in _ENDED:
        return _ENDED[row.state]
    return OperationStatus.PENDING if row.started_at is None else OperationStatus.RUNNING


def refresh_state(detail: InstanceDetail, now: Instant) -> RefreshState:
    """Return how the refresh of an instance is."""
    row, tasks = detail.instance, detail.tasks
    failed = next((task for task in tasks if task.state is TaskState.FAILED), None)
    timed_out = failed is not None and failed.error_code == _TIMED_OUT
    status = operation_status(row, timed_out=timed_out)
    total = sum(task.interval_count for task in tasks)
    done = sum(task.interval_count for task in tasks if task.state in DONE)
    whole = status is OperationStatus.FINISHED
    told = failed or next((task for task in tasks if task.error), None)
    until = row.ended_at if row.ended_at is not None else now
    return RefreshState(
        status=status,
        progress=100.0 if whole else round(100.0 * done / total, 1) if total else 0.0,
        error=(told.error or told.why or None) if told is not None and not whole else None,
        error_code=told.error_code if told is not None and not whole else None,
        duration=(until - row.started_at) / 1e6 if row.started_at is not None else None,
        retry_count=sum(max(0, task.tries - 1) for task in tasks),
        rows=row.rows,
        handle=RefreshHandle(row.ulid),
    )


def workflow_info(row: WorkflowRow, last: InstanceRow | None) -> WorkflowInfo:
    """Return one workflow with its newest instance."""
    schedule = row.definition.schedule
    return WorkflowInfo(
        id=row.name,
        name=row.name,
        status=_WORKFLOW[row.state],
        handle=RefreshHandle(row.name),
        cron=schedule.text if schedule is not None else None,
        time_zone=row.definition.zone,
        table=row.definition.table,
        created_at=from_instant(row.created_at, "UTC"),
        next_execution=_at(row.next_fire_at),
        last_execution=_at(last.started_at) if last is not None else None,
        last_status=operation_status(last) if last is not None else None,
        last_refresh=RefreshHandle(last.ulid) if last is not None else None,
    )


def _at(instant: Instant | None) -> datetime | None:
    return None if instant is None else from_instant(instant, "UTC")
