"""Floor 3. Gathers the facts that `core.why` decides over: one moment of the state file, and which files are there.

Reads only: a holder that is dead is not ended here, its instances are just not called owned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import iso_utc, show_interval
from mtctl.core.errors import MtctlError, not_found
from mtctl.core.ledger import todo
from mtctl.core.model import Mode
from mtctl.core.names import closest, printable
from mtctl.core.plan import unready
from mtctl.core.pulse import LATE_LOOK, is_behind
from mtctl.core.states import InstanceState, TaskState
from mtctl.core.why import why_instance, why_table, why_workflow
from mtctl.core.why_facts import Facts, QueueFacts, ScheduleFacts, TableFacts
from mtctl.core.workflow import RefreshSpec
from mtctl.services.health import written_at
from mtctl.services.instance_naming import find_instance
from mtctl.services.instances import open_instances
from mtctl.services.rebuilding import trouble
from mtctl.services.reports.why import WhyReport
from mtctl.services.snapshot import Snapshot
from mtctl.services.sources import listed, located
from mtctl.services.task_facts import TaskReading
from mtctl.services.unapplied import unapplied
from mtctl.services.verbs import ENDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mtctl.config import Project
    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Instant
    from mtctl.core.table_view import TableView
    from mtctl.core.why_facts import TaskFacts
    from mtctl.ports.clock import Clock
    from mtctl.ports.holders import HolderInfo
    from mtctl.ports.store import Store, View
    from mtctl.ports.work import InstanceRow
    from mtctl.ports.workflows import SkippedFires, WorkflowRow
    from mtctl.services.looks import Looks

MOST_OPEN = 500
"""How many open instances of each state are looked through for a table's tasks."""

_SHOWN = 3
_BAD = frozenset({TaskState.FAILED, TaskState.CANCELLED})


class Whys:
    """Answers why."""

    def __init__(
        self,
        project: Project,
        store: Store,
        clock: Clock,
        looks: Looks,
        is_alive: Callable[[HolderInfo], bool],
    ) -> None:
        """Keep the ports; `is_alive` tells whether a holder's process lives."""
        self._project = project
        self._store = store
        self._clock = clock
        self._looks = looks
        self._is_alive = is_alive

    def why(self, name: str) -> WhyReport:
        """Return why a table, a workflow or an instance is not further; error `subject_unknown` (not found)."""
        with self._store.read() as view:
            gathering = _Gathering(view, self._clock.now(), self._project, self._looks.last(), self._living(view))
            tables = {table.definition.name for table in view.tables()}
            if name.lower() in tables:
                return gathering.table(name.lower())
            workflows = {row.name: row for row in view.workflows()}
            found = workflows.get(name) or workflows.get(name.lower())
            if found is not None:
                return gathering.workflow(found)
            row = _instance(view, name)
            if row is not None:
                return gathering.instance(row)
        raise _unknown(name, [*tables, *workflows], self._new_file(name))

    def _living(self, view: View) -> list[HolderInfo]:
        return [holder for holder in view.holders() if self._is_alive(holder)]

    def _new_file(self, name: str) -> str:
        """Return the definition file that was never applied and bears the name, '' if none."""
        with self._store.read() as view:
            changed, _ = unapplied(self._project, view.applied_files())
        return next((path for path in changed if path.endswith(f"/{name.lower()}.sql")), "")


class _Gathering:
    """The facts of one question."""

    def __init__(
        self, view: View, now: Instant, project: Project, looked_at: Instant | None, living: list[HolderInfo]
    ) -> None:
        self._view = view
        self._now = now
        self._project = project
        self._snapshot = Snapshot(view)
        self._reading = TaskReading(view, frozenset(holder.command for holder in living), now)
        self._written = written_at(view)
        self._is_watched = any(holder.kind in {"daemon", "worker"} for holder in living) or (
            looked_at is not None and now - looked_at <= LATE_LOOK
        )
        self._rows: list[WorkflowRow] | None = None
        self._open: dict[int, TaskFacts] | None = None
        self._tasks: dict[int, TaskFacts] = {}
        self._unapplied: dict[int, str] | None = None

    # --- the three questions --------------------------------------------------------------------------------------

    def table(self, name: str) -> WhyReport:
        """Answer for a table."""
        return WhyReport(kind="table", subject=name, why=why_table(self._facts(self._closure([name])), name))

    def instance(self, row: InstanceRow, subject: str = "") -> WhyReport:
        """Answer for an instance."""
        self._tasks |= self._reading.tasks(row)
        waits = [task.waits_for for task in self._tasks.values() if task.waits_for is not None]
        facts = self._facts(self._closure(waits))
        kind = "workflow" if subject else "instance"
        return WhyReport(kind=kind, subject=subject or row.ulid, why=why_instance(facts, row.ulid, row.state))

    def workflow(self, row: WorkflowRow) -> WhyReport:
        """Answer for a workflow: its oldest open instance, its last one where that went wrong, else its schedule."""
        opened = self._view.open_instances(row.workflow_id)
        newest, _ = self._view.history(row.workflow_id, 1)
        if opened:
            found = self._view.instances_by_id([opened[0].instance_id])
            return self.instance(found[opened[0].instance_id], row.name)
        if newest and newest[0].state in ENDED - {InstanceState.SUCCESS}:
            return self.instance(newest[0], row.name)
        why = why_workflow(self._facts({}), self._schedule(row))
        return WhyReport(kind="workflow", subject=row.name, why=why)

    def _facts(self, tables: dict[str, TableFacts]) -> Facts:
        behind = self._written - self._now if is_behind(self._now, self._written) else 0
        return Facts(
            now=self._now,
            behind=behind // 1_000_000,
            is_watched=self._is_watched,
            tables=tables,
            tasks=self._tasks,
            queues={
                row.name: QueueFacts(
                    name=row.name, slots=row.slots, paused=row.paused, paused_why=row.paused_why, holders=row.holders
                )
                for row in self._view.queues()
            },
        )

    # --- tables ---------------------------------------------------------------------------------------------------

    def _closure(self, names: Iterable[str]) -> dict[str, TableFacts]:
        """Return the facts of tables and of everything that they wait for, directly or not."""
        found: dict[str, TableFacts] = {}
        left = list(names)
        while left:
            name = left.pop()
            view = self._snapshot.view(name, self._now)
            if name in found or view is None:
                continue
            found[name] = facts = self._table(view)
            left += facts.blockers
            if facts.task is not None and facts.task.waits_for is not None:
                left.append(facts.task.waits_for)
        return found

    def _table(self, view: TableView) -> TableFacts:
        due = todo(view.wanted, view.coverage)
        table_id, name = view.table.table_id, view.definition.name
        lacking = unready(view, due, self._snapshot.at(self._now)) if due else []
        blockers = [table for table, waiting in lacking if not due - waiting]
        held = trouble(self._view, view.definition, table_id, view)
        return TableFacts(
            name=name,
            due=_ranges(due, view),
            fresh=_fresh(view),
            closes_at=_closes_at(view, self._now),
            task=self._open_task(table_id),
            last=self._last_task(name, table_id) if due else None,
            blockers=tuple(blockers),
            schedules=tuple(self._schedule(row) for row in self._workflows() if _refreshes(row, name)),
            unapplied=self._changed_files().get(table_id, ""),
            lost_source=self._lost(view) if due else "",
            held_up=held.text if held is not None else "",
            way_out=held.fix if held is not None else "",
        )

    def _open_task(self, table_id: int) -> TaskFacts | None:
        if self._open is None:
            self._open = {}
            for row in reversed(open_instances(self._view, MOST_OPEN)):
                tasks = self._reading.tasks(row)
                self._tasks |= tasks
                for task_id, table in self._reading.tables_of(row):
                    if tasks[task_id].state not in _BAD | {TaskState.SUCCESS, TaskState.SKIPPED}:
                        self._open[table] = _further(self._open.get(table), tasks[task_id])
        return self._open.get(table_id)

    def _last_task(self, name: str, table_id: int) -> TaskFacts | None:
        """Return the newest ended task of a table where that did not end well."""
        for row in self._view.instances(limit=1, state=None, table=name):
            tasks = self._reading.tasks(row)
            mine = [tasks[task_id] for task_id, table in self._reading.tables_of(row) if table == table_id]
            return next((task for state in _BAD_ORDER for task in mine if task.state is state), None)
        return None

    def _lost(self, view: TableView) -> str:
        """Return the first source of a table of which no file is there, '' if none."""
        for source in located(view.definition.sources, self._project):
            paths = [path for path in source.paths if "://" not in path]
            if paths and not listed(paths):
                return source.text
        return ""

    def _changed_files(self) -> dict[int, str]:
        if self._unapplied is None:
            applied = self._view.applied_files()
            changed, _ = unapplied(self._project, applied)
            self._unapplied = {applied[path][0]: path for path in changed if path in applied}
        return self._unapplied

    # --- workflows ------------------------------------------------------------------------------------------------

    def _workflows(self) -> list[WorkflowRow]:
        if self._rows is None:
            self._rows = self._view.workflows()
        return self._rows

    def _schedule(self, row: WorkflowRow) -> ScheduleFacts:
        schedule = row.definition.schedule
        newest, skipped = self._view.history(row.workflow_id, 1)
        after = (newest[0].fire_at or newest[0].created_at) if newest else 0
        return ScheduleFacts(
            workflow=row.name,
            state=row.state,
            text=schedule.text if schedule is not None else None,
            next_fire_at=row.next_fire_at,
            due_at=row.due_at,
            skipped=_skipped(skipped[0]) if skipped and skipped[0].last_fire_at > after else "",
        )


_BAD_ORDER = (TaskState.FAILED, TaskState.CANCELLED)

_BY_PROGRESS = (TaskState.RUNNING, TaskState.PENDING, TaskState.SUSPENDED, TaskState.CREATED)


def _further(one: TaskFacts | None, other: TaskFacts) -> TaskFacts:
    """Return which of two open tasks of a table tells more: what runs, else what comes first."""
    if one is None or _BY_PROGRESS.index(other.state) < _BY_PROGRESS.index(one.state):
        return other
    return one


def _instance(view: View, text: str) -> InstanceRow | None:
    """Return an instance by the beginning of its id; None where nothing begins so."""
    try:
        return find_instance(view, text)
    except MtctlError as error:
        if error.code == "instance_ambiguous":
            raise
        return None


def _refreshes(row: WorkflowRow, table: str) -> bool:
    return any(isinstance(task.spec, RefreshSpec) and task.spec.table == table for task in row.definition.tasks)


def _skipped(found: SkippedFires) -> str:
    first, last = iso_utc(found.first_fire_at), iso_utc(found.last_fire_at)
    which = f"the fire {first} was" if first == last else f"the fires {first} to {last} were"
    return f"{which} skipped ({found.reason})"


def _ranges(intervals: IntervalSet, view: TableView) -> str:
    if not intervals:
        return ""
    if view.definition.mode is Mode.FULL:
        return "the table is"
    pieces = list(intervals)
    text = ", ".join(show_interval(piece, view.calendar) for piece in pieces[:_SHOWN])
    return f"{text}{' …' if len(pieces) > _SHOWN else ''} {'is' if _count(intervals, view) == 1 else 'are'}"


def _fresh(view: TableView) -> str:
    """Return what of a table is wanted, in words, '' where nothing is."""
    if not view.wanted:
        return ""
    if view.definition.mode is Mode.FULL:
        return "the table is"
    number = _count(view.wanted, view)
    return "its one wanted interval is" if number == 1 else f"all {number:,} wanted intervals are"


def _count(intervals: IntervalSet, view: TableView) -> int:
    calendar = view.calendar
    return sum(calendar.count(piece.start, piece.end) for piece in intervals) if calendar is not None else 1


def _closes_at(view: TableView, now: Instant) -> Instant | None:
    """Return when the next interval of a table is wanted, None where no more is."""
    definition, calendar = view.definition, view.calendar
    if calendar is None or definition.start is None:
        return None
    begun = max(now - definition.delay, definition.start)
    edge = calendar.next(begun)
    if definition.open:
        return None if definition.end is not None and edge >= definition.end else edge + definition.delay
    return None if definition.end is not None and edge > definition.end else edge + definition.delay


def _unknown(name: str, known: Iterable[str], new_file: str) -> MtctlError:
    shown = printable(name[:80])
    if new_file:
        what = f"{new_file} was never applied"
        return not_found("subject_unknown", what, fix="`mtctl plan` shows what it would do, `mtctl apply` does it")
    near = closest(name, sorted(known))
    fix = f"did you mean '{near}'?" if near else "`mtctl table list`, `mtctl workflow list` and `mtctl instance list`"
    return not_found("subject_unknown", f"no table, workflow or instance is named '{shown}'", fix=fix)
