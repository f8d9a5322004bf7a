"""Floor 3. One thing from near, for a dashboard: an instance and its tasks, a workflow's runs, a table's files.

Each answer is a few statements and at most a screenful of rows, however long the thing's history is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.errors import not_found
from mtctl.core.interval import WHOLE
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import frozen
from mtctl.services.near_table import TableNear, table_cells, table_near
from mtctl.services.workflow_naming import find_workflow

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mtctl.core.model import Instant, TableDefinition
    from mtctl.core.states import TaskState
    from mtctl.ports.clock import Clock
    from mtctl.ports.near import (
        FileTotals,
        NearAttempt,
        NearEvent,
        NearFile,
        NearInstance,
        NearTask,
        RunStats,
        TaskWords,
    )
    from mtctl.ports.store import Store
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.board import CalendarCell

STATS_DAYS = 30
"""Over how many days a workflow's success and durations are counted."""

STATS_RUNS = 10_000
"""Over how many instances at most."""

RECENT = 20
"""How many of the newest durations are drawn."""

ATTEMPTS = 100
"""How many attempts are told."""

EVENTS = 100
"""How many events are told."""

TREE = 200
"""How many tasks of a workflow are drawn."""

FILES = 100
"""How many files of a table are listed."""

_DAY = 86_400_000_000


@frozen
class TaskPart:
    """A part of an instance's tasks; `total` counts those in the asked states, `labels` name intervals by task."""

    near: NearInstance
    total: int
    offset: int
    tasks: tuple[NearTask, ...]
    labels: Mapping[int, str]
    now: Instant


@frozen
class FlowNear:
    """A workflow with how its instances of the last days went."""

    row: WorkflowRow
    stats: RunStats


@frozen
class TableFiles:
    """The live files of a table: in numbers, and the newest of them."""

    totals: FileTotals
    small: int
    files: tuple[NearFile, ...]


class Nears:
    """Reads of one thing from near."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep the ports."""
        self._store = store
        self._clock = clock

    def tasks(self, ulid: str, states: Sequence[TaskState], offset: int, limit: int) -> TaskPart:
        """Return an instance and a part of its tasks; error `instance_unknown` (NOT_FOUND)."""
        with self._store.read() as view:
            near = view.near().instance(ulid)
            if near is None:
                raise not_found("instance_unknown", f"instance {ulid} is gone", fix="`mtctl instance list` shows all")
            tasks = tuple(view.near().tasks(near.row.instance_id, states, offset, limit))
        return TaskPart(
            near=near,
            total=sum(number for state, number in near.row.tasks if not states or state in states),
            offset=offset,
            tasks=tasks,
            labels={task.row.task_id: _label(task) for task in tasks},
            now=self._clock.now(),
        )

    def place(self, instance_id: int, task_id: int) -> int:
        """Return where a task stands among all tasks of its instance, from 0 on."""
        with self._store.read() as view:
            return view.near().place(instance_id, task_id)

    def attempts(self, instance_id: int, task_id: int | None) -> tuple[NearAttempt, ...]:
        """Return the newest attempts of an instance or of one of its tasks, newest first."""
        with self._store.read() as view:
            return tuple(view.near().attempts(instance_id, task_id, ATTEMPTS))

    def events(self, instance_id: int, task_id: int | None) -> tuple[NearEvent, ...]:
        """Return the newest events of an instance or of one of its tasks, oldest first."""
        with self._store.read() as view:
            return tuple(reversed(view.near().events(instance_id, task_id, EVENTS)))

    def words(self, instance_id: int) -> tuple[TaskWords, ...]:
        """Return what is to be said of the tasks that did not simply succeed, failures first."""
        with self._store.read() as view:
            return tuple(view.near().words(instance_id, ATTEMPTS))

    def definition(self, task_id: int) -> TableDefinition | None:
        """Return the definition that a refresh computed last; None for what is no refresh."""
        with self._store.read() as view:
            return view.near().definition(task_id)

    def workflow(self, name: str) -> FlowNear:
        """Return a workflow and how its instances went; error `workflow_unknown` (NOT_FOUND)."""
        since = self._clock.now() - STATS_DAYS * _DAY
        with self._store.read() as view:
            row = find_workflow(view, name)
            return FlowNear(row=row, stats=view.near().run_stats(row.workflow_id, since, STATS_RUNS, RECENT))

    def newest_states(self, workflow_id: int) -> dict[str, dict[TaskState, int]]:
        """Return how many tasks of each name are in which state, in a workflow's newest instance."""
        states: dict[str, dict[TaskState, int]] = {}
        with self._store.read() as view:
            for name, state, number in view.near().newest_states(workflow_id, TREE):
                states.setdefault(name, {})[state] = number
        return states

    def table(self, name: str) -> TableNear:
        """Return a table and how it stands; error `table_unknown`."""
        with self._store.read() as view:
            return table_near(view, name, self._clock.now())

    def calendar(self, name: str) -> tuple[TableNear, tuple[CalendarCell, ...]]:
        """Return a table and every interval of it; error `table_unknown`."""
        with self._store.read() as view:
            table = table_near(view, name, self._clock.now())
            return table, table_cells(view, table)

    def files(self, table_id: int, target_bytes: int) -> TableFiles:
        """Return the live files of a table; those below half of the target size are small."""
        small = target_bytes // 2
        with self._store.read() as view:
            return TableFiles(
                totals=view.near().file_totals(table_id, small),
                small=small,
                files=tuple(view.near().files(table_id, FILES)),
            )


def _label(task: NearTask) -> str:
    if task.row.batch is None or task.outline is None or task.row.batch == WHOLE:
        return ""
    return show_interval(task.row.batch, calendar_of(task.outline))
