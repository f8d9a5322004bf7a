"""Floor 3. `workflow run`: an instance of a workflow because a person asks, run in this process or left to others.

It goes before everything scheduled (rank 0) and waits for nobody's instances. A named interval is parsed for each table
with that table's own grain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.calendar import Calendar
from mtctl.core.errors import MtctlError, not_found, usage
from mtctl.core.interval import WHOLE, Grain, Interval, IntervalSet
from mtctl.core.names import closest
from mtctl.core.schedule import data_interval, previous_fire
from mtctl.core.selector import reverse
from mtctl.core.states import TaskState, Trigger
from mtctl.core.table_calendar import calendar_of
from mtctl.core.times import parse_interval
from mtctl.core.values import replace
from mtctl.core.workflow import RefreshSpec, TaskKind
from mtctl.services.making import Occurrence, make_instance
from mtctl.services.reports.workflows import RunReport, TaskResult
from mtctl.services.snapshot import Snapshot
from mtctl.services.workflow_naming import find_workflow

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager

    from mtctl.core.model import Instant
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.ports.changes import NewInstance
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, Tx, View
    from mtctl.ports.work import InstanceRow, TaskRow
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.reports.workflows import RunArgs

POLL_SECONDS = 0.5
"""How often somebody who waits for another process looks."""


class WorkflowRuns:
    """Instances that people ask for."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        new_ulid: Callable[[], str],
        observe: Callable[[Iterable[str]], None],
        dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]],
        stop: threading.Event,
    ) -> None:
        """Keep the ports.

        `observe` looks at the source files of tables by name, `dispatching` makes this process a holder with a
        dispatcher, `stop` ends waiting.
        """
        self._store = store
        self._clock = clock
        self._new_ulid = new_ulid
        self._observe = observe
        self._dispatching = dispatching
        self._stop = stop

    def run(self, name: str, args: RunArgs, on_event: Callable[[TaskEvent], None], *, actor: str) -> RunReport:
        """Make an instance and, unless it is left to others, run it to its end.

        With a key that was used before nothing is made: the report is of the instance that has it. Errors:
        `workflow_unknown`, `task_unknown`, `param_unknown`, those of the interval and of variables.
        """
        began = self._clock.boottime()
        with self._store.read() as view:
            row = find_workflow(view, name)
            known = view.instance_by_key(args.key) if args.key is not None else None
        if known is None:
            self._observe(task.spec.table for task in row.definition.tasks if isinstance(task.spec, RefreshSpec))
            if args.detach:
                known = self._leave(row.name, args, actor)
            else:
                return self._run_here(row.name, args, on_event, actor, began)
            existing = False
        else:
            existing = True
        if known is None:
            return self._nothing(row.name, began)
        if args.wait:
            known = self._await(known)
        return self._report(row.name, known, began, existing=existing, detached=args.detach)

    # --- making and running -------------------------------------------------------------------------------------

    def _run_here(
        self, name: str, args: RunArgs, on_event: Callable[[TaskEvent], None], actor: str, began: int
    ) -> RunReport:
        with self._dispatching(f"workflow run {name}", on_event) as dispatcher:
            made = self._make(name, args, actor, holder_id=dispatcher.holder.holder_id)
            if made is None:
                return self._nothing(name, began)
            instance_id, ulid, existing = made
            if not existing:
                dispatcher.run_instance(instance_id)
                if dispatcher.stopped:
                    dispatcher.cancel(instance_id)
        with self._store.read() as view:
            row = _instance(view, ulid)
        report = self._report(name, row, began, existing=existing)
        return replace(report, interrupted=dispatcher.stopped)

    def _leave(self, name: str, args: RunArgs, actor: str) -> InstanceRow | None:
        made = self._make(name, args, actor, holder_id=None)
        if made is None:
            return None
        with self._store.read() as view:
            return _instance(view, made[1])

    def _make(self, name: str, args: RunArgs, actor: str, *, holder_id: int | None) -> tuple[int, str, bool] | None:
        """Insert the instance; return its id, its ulid and whether its key had one already, None with nothing to do."""
        with self._store.write() as tx:
            row = find_workflow(tx, name)
            known = tx.instance_by_key(args.key) if args.key is not None else None
            if known is not None:
                return known.instance_id, known.ulid, True
            snapshot = Snapshot(tx)
            occurrence = self._occurrence(row, args, snapshot, tx.now)
            new = make_instance(row, occurrence, snapshot, tx.open_intervals, self._new_ulid)
            if new is None:
                return None
            new = replace(new, holder_id=holder_id, detached=holder_id is None)
            instance_id = self._insert(tx, new, row, actor)
            return instance_id, new.ulid, False

    def _insert(self, tx: Tx, new: NewInstance, row: WorkflowRow, actor: str) -> int:
        instance_id = tx.add_instance(new)
        tx.add_note(
            "workflow_run", actor=actor, workflow_id=row.workflow_id, instance_id=instance_id, workflow=row.name
        )
        return instance_id

    def _occurrence(self, row: WorkflowRow, args: RunArgs, snapshot: Snapshot, now: Instant) -> Occurrence:
        definition = row.definition
        named = _named_intervals(definition, args.interval, snapshot) if args.interval is not None else None
        start, end = _span(definition, args.interval, named, now)
        return Occurrence(
            trigger=Trigger.MANUAL,
            rank=0,
            logical_date=start,
            fire_at=end,
            title=f"workflow run {row.name}{f' {args.interval}' if args.interval else ''}",
            params=dict(args.params),
            intervals=named,
            tasks=chosen_tasks(definition, args.task, upstream=args.upstream, downstream=args.downstream),
            key=args.key,
            priority=args.priority,
            forced=args.force,
        )

    # --- the end ------------------------------------------------------------------------------------------------

    def _await(self, instance: InstanceRow) -> InstanceRow:
        """Return an instance once it has ended, or as it is when somebody asks to stop."""
        while instance.ended_at is None and not self._stop.is_set():
            self._clock.wait(self._stop, POLL_SECONDS)
            with self._store.read() as view:
                instance = _instance(view, instance.ulid)
        return instance

    def _report(
        self, workflow: str, row: InstanceRow, began: int, *, existing: bool, detached: bool = False
    ) -> RunReport:
        with self._store.read() as view:
            tasks = view.tasks(row.instance_id)
        return RunReport(
            workflow=workflow,
            instance=row.ulid,
            state=row.state,
            tasks=results_of(tasks),
            seconds=(self._clock.boottime() - began) / 1e9,
            existing=existing,
            detached=detached,
            interrupted=self._stop.is_set(),
        )

    def _nothing(self, workflow: str, began: int) -> RunReport:
        seconds = (self._clock.boottime() - began) / 1e9
        return RunReport(workflow=workflow, instance=None, state=None, tasks=(), seconds=seconds)


def results_of(tasks: Sequence[TaskRow]) -> tuple[TaskResult, ...]:
    """Return how the tasks of an instance ended, the batches of one task together, in their order."""
    by_name: dict[str, list[TaskRow]] = {}
    for task in tasks:
        by_name.setdefault(task.name, []).append(task)
    return tuple(_result(name, rows) for name, rows in by_name.items())


def chosen_tasks(
    definition: WorkflowDefinition, name: str | None, *, upstream: bool, downstream: bool
) -> frozenset[str] | None:
    """Return a task with all that it waits for, or all that waits for it; None means every task."""
    if name is None:
        if upstream or downstream:
            raise usage("task_missing", "--with-upstream and --downstream need --task", fix="add --task TASK")
        return None
    edges = {task.name: frozenset(task.upstream) for task in definition.tasks}
    if name not in edges:
        near = closest(name, edges)
        fix = f"did you mean {near!r}?" if near else f"the tasks are {', '.join(edges)}"
        raise not_found("task_unknown", f"workflow {definition.name!r} has no task {name!r}", fix=fix)
    found = {name}
    for way in (*([edges] if upstream else []), *([reverse(edges)] if downstream else [])):
        left = [name]
        while left:
            fresh = [one for one in way.get(left.pop(), frozenset()) if one not in found]
            found.update(fresh)
            left.extend(fresh)
    return frozenset(found)


def _named_intervals(definition: WorkflowDefinition, text: str, snapshot: Snapshot) -> dict[str, IntervalSet]:
    """Return the named interval in the grain of each table; a whole table is refreshed whole."""
    found: dict[str, IntervalSet] = {}
    for task in definition.tasks:
        if not isinstance(task.spec, RefreshSpec):
            continue
        table = snapshot.table(task.spec.table)
        if table is None:
            continue
        calendar = calendar_of(table.definition)
        try:
            piece = parse_interval(text, calendar) if calendar is not None else WHOLE
        except MtctlError as error:
            error.what = f"{task.spec.table}: {error.what}"
            raise
        found[task.spec.table] = IntervalSet.of([piece])
    return found


def _span(
    definition: WorkflowDefinition, text: str | None, named: dict[str, IntervalSet] | None, now: Instant
) -> tuple[Instant, Instant]:
    """Return the data interval of a run: the named one, else from the last fire until now."""
    spans = [piece for intervals in (named or {}).values() for piece in intervals if piece != WHOLE]
    if spans:
        return min(piece.start for piece in spans), max(piece.end for piece in spans)
    if text is not None:
        span = _plain_span(text, definition.zone)
        return span.start, span.end
    schedule = definition.schedule
    if schedule is None:
        return now, now
    before = previous_fire(schedule, now)
    return (before if before is not None else data_interval(schedule, now)[0]), now


def _plain_span(text: str, zone: str) -> Interval:
    """Return an interval for a workflow without interval tables: days, else hours, else minutes of its zone."""
    trouble: MtctlError | None = None
    for grain in (Grain.DAY, Grain.HOUR, Grain.MINUTE):
        try:
            return parse_interval(text, Calendar(grain, zone, wall=False))
        except MtctlError as error:
            trouble = error
    raise trouble or usage("time_parse", f"'{text}' is not an interval", where="--interval")


def _instance(view: View, ulid: str) -> InstanceRow:
    return next(row for row in view.instance(ulid) if row.ulid == ulid)


def _result(name: str, rows: Sequence[TaskRow]) -> TaskResult:
    order = (
        *(TaskState.FAILED, TaskState.CANCELLED, TaskState.RUNNING, TaskState.PENDING, TaskState.CREATED),
        *(TaskState.SUSPENDED, TaskState.SUCCESS, TaskState.SKIPPED),
    )
    state = next(one for one in order if any(row.state is one for row in rows))
    bad = next((row for row in rows if row.state in {TaskState.FAILED, TaskState.CANCELLED}), None)
    done = [row for row in rows if row.state is TaskState.SUCCESS]
    return TaskResult(
        task=name,
        kind=str(rows[0].kind),
        state=str(state),
        intervals=sum(row.interval_count for row in done) if rows[0].kind is TaskKind.REFRESH else 0,
        rows=sum(row.rows or 0 for row in done),
        seconds=sum(row.seconds or 0.0 for row in rows),
        error=(bad.error or bad.why or None) if bad is not None else None,
        error_code=bad.error_code if bad is not None else None,
    )
