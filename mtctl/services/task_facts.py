"""Floor 3. What may hold up the tasks of an instance, as `core.why` takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.states import TaskState
from mtctl.core.why_facts import TaskFacts
from mtctl.services.serial import goes_before

if TYPE_CHECKING:
    from collections.abc import Collection

    from mtctl.core.model import Instant
    from mtctl.ports.store import View
    from mtctl.ports.work import InstanceRow, TaskRow

_DEPENDS = "waits for workflow "
"""How the reason of a task begins that waits for another workflow."""

_TURNS = 1_000  # how many pending tasks are counted that go before one


class TaskReading:
    """Reads the tasks of instances in one view."""

    def __init__(self, view: View, living: Collection[str], now: Instant) -> None:
        """Keep the view; `living` are the words of the processes that are alive."""
        self._view = view
        self._living = living
        self._now = now
        self._busy = view.running()
        self._names: dict[int, str | None] = {}
        self._read: dict[int, list[TaskRow]] = {}
        self._turns: dict[int, int] | None = None

    def tasks(self, row: InstanceRow) -> dict[int, TaskFacts]:
        """Return the facts of the tasks of an instance by id."""
        tasks = self._rows(row)
        older = goes_before(self._view, row)
        first = f"{older.ulid} ({older.state})" if older is not None else ""
        running = sum(task.state is TaskState.RUNNING for task in tasks)
        return {task.task_id: self._facts(row, task, older=first, running=running) for task in tasks}

    def tables_of(self, row: InstanceRow) -> list[tuple[int, int]]:
        """Return the tasks of an instance that refresh a table: task id and table id."""
        return [(task.task_id, task.table_id) for task in self._rows(row) if task.table_id is not None]

    def _rows(self, row: InstanceRow) -> list[TaskRow]:
        if row.instance_id not in self._read:
            self._read[row.instance_id] = self._view.tasks(row.instance_id)
        return self._read[row.instance_id]

    def _facts(self, row: InstanceRow, task: TaskRow, *, older: str, running: int) -> TaskFacts:
        busy = self._busy.get(task.table_id) if task.table_id is not None else None
        others = busy is not None and busy.task_id != task.task_id
        is_waiting = task.state is TaskState.PENDING
        return TaskFacts(
            task_id=task.task_id,
            name=task.name,
            instance=row.ulid,
            state=task.state,
            why=task.why,
            table=self._table(task.table_id),
            queue=task.queue,
            ready_at=task.ready_at,
            tries=task.tries,
            max_tries=task.max_tries,
            error_code=task.error_code or "",
            error=task.error or "",
            started_at=task.started_at,
            holder=task.holder or "",
            cancel_requested=task.cancel_requested or row.cancel_requested,
            upstream=task.upstream,
            waits_for=self._table(task.waits_for),
            depends_on=task.why.removeprefix(_DEPENDS) if task.why.startswith(_DEPENDS) else "",
            owner=row.holder if row.holder in self._living else None,
            older=older,
            busy=(busy.holder or "another process") if others and busy is not None else "",
            max_parallel=row.manifest.get("max_parallel"),
            parallel=running,
            ahead=self._ahead(task) if is_waiting else 0,
        )

    def _table(self, table_id: int | None) -> str | None:
        if table_id is None:
            return None
        if table_id not in self._names:
            found = self._view.table(table_id)
            self._names[table_id] = found.definition.name if found is not None else None
        return self._names[table_id]

    def _ahead(self, task: TaskRow) -> int:
        """Return how many ready tasks of the same queue have their turn before a task."""
        if self._turns is None:
            self._turns, counts = {}, dict[str, int]()
            for one in self._view.pending_tasks(None, _TURNS):
                if one.ready_at <= self._now:
                    self._turns[one.task_id] = counts.get(one.queue, 0)
                    counts[one.queue] = counts.get(one.queue, 0) + 1
        return self._turns.get(task.task_id, 0)
