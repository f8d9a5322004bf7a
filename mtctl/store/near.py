"""Floor 2. Reads of one thing from near: an instance, its tasks, how a workflow's instances went, a table's files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from mtctl.core.states import Outcome, TaskState
from mtctl.ports.near import (
    FileTotals,
    NearAttempt,
    NearEvent,
    NearFile,
    NearInstance,
    NearTable,
    NearTask,
    RunStats,
    TaskWords,
    Try,
)
from mtctl.store import definition, work_rows
from mtctl.store.view import coverage_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mtctl.core.model import Instant, TableDefinition
    from mtctl.ports.work import InstanceRow
    from mtctl.store.session import Row, Session

_INSTANCE = 22
"""How many columns `work_rows.instance` takes; so many stand before those of this module."""

_TASK = 32
"""The same of `work_rows.task`."""

_ATTEMPT = 15
"""The same of `work_rows.attempt`."""

_EVENT = 10
"""The same of `work_rows.event`."""


class SqliteNear:
    """Implements `ports.near.Near`; valid inside the transaction that made it."""

    def __init__(self, session: Session) -> None:
        """Read through this session."""
        self.session = session

    def instance(self, ulid: str) -> NearInstance | None:
        """Return an instance by its whole id."""
        row = self.session.row("near.instance", {"ulid": ulid})
        if row is None:
            return None
        task, error = row[_INSTANCE + 2 :]
        return NearInstance(row=_instance(row), failed_task=task, error=error)

    def instances(self, instance_ids: Sequence[int]) -> list[InstanceRow]:
        """Return instances by id, in the order of the ids."""
        rows = self.session.rows("near.instances", {"ids": json.dumps(list(instance_ids))})
        found = {row[0]: _instance(row) for row in rows}
        return [found[one] for one in instance_ids]

    def tasks(self, instance_id: int, states: Sequence[TaskState], offset: int, limit: int) -> list[NearTask]:
        """Return a window of the tasks in some states (none named: in all), in the order in which they were made."""
        asked = {
            "instance_id": instance_id,
            "states": json.dumps([state.value for state in states]) if states else None,
            "offset": offset,
            "limit": limit,
        }
        return [_task(row) for row in self.session.rows("near.tasks", asked)]

    def place(self, instance_id: int, task_id: int) -> int:
        """Return how many tasks of an instance were made before one of them."""
        return int(self.session.value("near.place", {"instance_id": instance_id, "task_id": task_id}))

    def attempts(self, instance_id: int, task_id: int | None, limit: int) -> list[NearAttempt]:
        """Return the newest attempts of an instance or of one of its tasks, newest first."""
        if task_id is None:
            found = self.session.rows("near.attempts", {"instance_id": instance_id, "limit": limit})
        else:
            found = self.session.rows("near.attempts_of_task", {"task_id": task_id, "limit": limit})
        return [_attempt(row) for row in found]

    def events(self, instance_id: int, task_id: int | None, limit: int) -> list[NearEvent]:
        """Return the newest events of an instance or of one of its tasks, newest first."""
        asked = {"instance_id": instance_id, "task_id": task_id, "limit": limit}
        found = self.session.rows("near.events", asked)
        return [NearEvent(row=work_rows.event(row[:_EVENT]), task=row[_EVENT]) for row in found]

    def words(self, instance_id: int, limit: int) -> list[TaskWords]:
        """Return what is to be said of the tasks that failed, wait or were not run: failures first."""
        found = self.session.rows("near.words", {"instance_id": instance_id, "limit": limit})
        return [TaskWords(task=name, state=TaskState(state), text=text) for name, state, text in found]

    def definition(self, task_id: int) -> TableDefinition | None:
        """Return the definition that the newest attempt of a task computed, or that in force; None for no refresh."""
        found = self.session.value("near.definition", {"task_id": task_id})
        return None if found is None else definition.decode(found)

    def run_stats(self, workflow_id: int, since: Instant, most: int, recent: int) -> RunStats:
        """Return how the newest `most` instances that ended since a moment went."""
        asked = {"workflow_id": workflow_id, "since": since, "most": most, "recent": recent}
        ended, succeeded, p50, p95, took = self.session.rows("near.run_stats", asked)[0]
        return RunStats(ended=ended, succeeded=succeeded, p50=p50, p95=p95, recent=tuple(reversed(json.loads(took))))

    def newest_states(self, workflow_id: int, limit: int) -> list[tuple[str, TaskState, int]]:
        """Return name, state and number of the tasks of a workflow's newest instance, at most so many lines."""
        found = self.session.rows("near.newest_states", {"workflow_id": workflow_id, "limit": limit})
        return [(name, TaskState(state), number) for name, state, number in found]

    def table(self, name: str) -> NearTable | None:
        """Return a table in force by its name."""
        row = self.session.row("near.table", {"name": name})
        if row is None:
            return None
        rows, size, files = json.loads(row[5])
        outcome, error, success_at, holder, coverage, any_rebuild = row[6:]
        return NearTable(
            outline=definition.outlines([row[:5]])[0],
            rows=rows,
            bytes=size,
            files=files,
            outcome=None if outcome is None else Outcome(outcome),
            error=error,
            success_at=success_at,
            holder=holder,
            coverage=coverage_of(row[0], json.loads(coverage)),
            any_rebuild=bool(any_rebuild),
        )

    def file_totals(self, table_id: int, small: int) -> FileTotals:
        """Return the live files of a table in numbers; `small` is in bytes."""
        row = self.session.rows("near.file_totals", {"table_id": table_id, "small": small})[0]
        files, rows, size, few, few_bytes, smallest, greatest = row
        return FileTotals(
            files=files,
            rows=rows,
            bytes=size,
            small=few,
            small_bytes=few_bytes,
            smallest=smallest,
            greatest=greatest,
        )

    def files(self, table_id: int, limit: int) -> list[NearFile]:
        """Return live files of a table, the newest first."""
        found = self.session.rows("near.files", {"table_id": table_id, "limit": limit})
        return [NearFile(path=path, rows=rows, bytes=size, snapshot_id=began) for path, rows, size, began in found]


def _instance(row: Row) -> InstanceRow:
    counts, rows = row[_INSTANCE : _INSTANCE + 2]
    tasks = [(TaskState(state), number) for state, number in json.loads(counts)]
    return work_rows.instance(row[:_INSTANCE], tasks, rows or 0)


def _task(row: Row) -> NearTask:
    task = work_rows.task(row[:_TASK])
    name, origin, outline, above, tries = row[_TASK:]
    known = [(task.table_id, name, origin, None, outline)] if outline not in {None, "[]"} else []
    return NearTask(
        row=task,
        tries=tuple(_try(*one) for one in reversed(json.loads(tries))),
        ready_at=max(task.ready_at, above or 0) if task.tries <= 1 else above or 0,
        outline=definition.outlines(known)[0] if known else None,
    )


def _try(
    number: int, ulid: str, outcome: str | None, started_at: int, ended_at: int | None, snapshot_id: int | None
) -> Try:
    return Try(
        number=number,
        ulid=ulid,
        outcome=outcome,
        started_at=started_at,
        ended_at=ended_at,
        snapshot_id=snapshot_id,
    )


def _attempt(row: Row) -> NearAttempt:
    task, pinned, version, epoch = row[_ATTEMPT:]
    return NearAttempt(
        row=work_rows.attempt(row[:_ATTEMPT]), task=task, pinned_snapshot=pinned, version_id=version, epoch=epoch
    )
