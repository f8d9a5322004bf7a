"""Floor 3. `refresh` and `up --once`: from what was asked for to an instance, its run, and the report.

The request becomes intervals per table, the planner says what is to be done and what is not ready, an instance is
inserted with its tasks, and the dispatcher runs it. Nothing is computed twice: what the plan did not know any more at
the claim is skipped there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.errors import MtctlError, conflict, usage
from mtctl.core.interval import WHOLE, IntervalSet
from mtctl.core.plan import RefreshPlan, RefreshRequest, refresh_plan
from mtctl.core.states import TaskState, Trigger
from mtctl.core.values import frozen, replace
from mtctl.services.loading import load_views, table_view
from mtctl.services.reports.refreshing import RefreshArgs, RefreshReport, TableResult
from mtctl.services.selecting import chosen_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from mtctl.core.calendar import Calendar
    from mtctl.core.interval import Interval
    from mtctl.core.model import Partition
    from mtctl.core.table_view import TableView
    from mtctl.ports.changes import NewInstance
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.ports.work import TaskRow
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.reports.running import PlannedStep, TaskEvent
    from mtctl.services.sources import Sources

_COMMAND_TRIES = 1
"""A person at a command line sees the failure and decides; nobody waits for a backoff."""

_DETACHED_TRIES = 3


@frozen
class _Job:
    """A request on its way: its plan, and what to tell about it.

    `takes_detached` says that the run also takes what others left detached.
    """

    plan: RefreshPlan
    views: Mapping[str, TableView]
    args: RefreshArgs
    title: str
    not_ready: tuple[str, ...]
    notes: tuple[str, ...]
    began: int
    takes_detached: bool


class Refresher:
    """The verbs that fill tables."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        sources: Sources,
        dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]],
        sweep: Callable[[], int],
    ) -> None:
        """Keep the ports; `dispatching` registers this process as a holder and gives it a dispatcher."""
        self._store = store
        self._clock = clock
        self._sources = sources
        self._dispatching = dispatching
        self._sweep = sweep

    def refresh(self, args: RefreshArgs, on_event: Callable[[TaskEvent], None]) -> RefreshReport:
        """Refresh what was selected: wanted and not fresh, or what was named.

        Raises conflict `upstream_not_ready` when nothing of what was named can run, usage and not_found errors.
        """
        began = self._clock.boottime()
        if not args.dry_run:
            self._sweep()
        views = self._views()
        selected = self._selected(args, views)
        request = self._request(args, selected, views)
        title = f"refresh {' '.join(args.selectors) if args.selectors else '--all'}"
        job = self._job(request, args, views, title, began, takes_detached=False)
        if not job.plan.tasks and job.not_ready:
            raise _upstream_not_ready(job.not_ready)
        if args.dry_run or not job.plan.tasks:
            return self._report(job, ())
        return self._run(job, on_event)

    def up_once(self, on_event: Callable[[TaskEvent], None]) -> RefreshReport:
        """Refresh everything that is wanted of the tables that are not kept out, then what was left detached."""
        began = self._clock.boottime()
        self._sweep()
        views = self._views()
        selected = tuple(name for name, view in views.items() if view.definition.auto)
        request = RefreshRequest(selected=selected)
        job = self._job(request, RefreshArgs(), views, "up --once", began, takes_detached=True)
        if job.plan.tasks:
            return self._run(job, on_event)
        with self._store.read() as view:
            waiting = view.next_task(None) is not None
        if not waiting:
            return self._report(job, ())
        with self._dispatching(job.title, on_event) as dispatcher:
            dispatcher.run_ownerless()
        with self._store.read() as view:
            others = [row for other in sorted(dispatcher.served) for row in view.tasks(other)]
        return replace(self._report(job, others), interrupted=dispatcher.stopped)

    def request_all(self) -> str | None:
        """Leave everything that is wanted of the tables that are not kept out to whoever runs next; return the ulid.

        What open tasks are about to do is not asked for again.
        """
        from mtctl.core.ulid import ulid as make_ulid  # noqa: PLC0415 - only where something is made

        views = self._views()
        with self._store.read() as view:
            asked = {
                name: found.wanted - view.open_intervals(found.table.table_id)
                for name, found in views.items()
                if found.definition.auto
            }
        request = RefreshRequest(selected=tuple(asked), intervals=asked)
        args = RefreshArgs(detach=True)
        job = self._job(request, args, views, "up", self._clock.boottime(), takes_detached=False)
        if not job.plan.tasks:
            return None
        new = self._instance(job, make_ulid(self._clock.now(), os.urandom(10)), None)
        with self._store.write() as tx:
            tx.add_instance(new)
        return new.ulid

    def _job(
        self,
        request: RefreshRequest,
        args: RefreshArgs,
        views: dict[str, TableView],
        title: str,
        began: int,
        *,
        takes_detached: bool,
    ) -> _Job:
        plan = refresh_plan(self._with_history(views, request.selected), request, self._clock.now())
        return _Job(
            plan=plan,
            views=views,
            args=args,
            title=title,
            not_ready=tuple(_not_ready_lines(plan, views)),
            notes=(*self._sources.troubles, *_notes(plan, args, views)),
            began=began,
            takes_detached=takes_detached,
        )

    # --- what was asked for -------------------------------------------------------------------------------------

    def _views(self) -> dict[str, TableView]:
        self._sources.observe()
        with self._store.read() as view:
            views = load_views(view, self._clock.now())
        if not self._sources.restate(view.table for view in views.values()):
            return views
        with self._store.read() as view:
            return load_views(view, self._clock.now())

    def _with_history(self, views: dict[str, TableView], selected: Sequence[str]) -> dict[str, TableView]:
        """Add seconds per interval for the tables that have something to do: only batches need it."""
        busy = [views[name].table.table_id for name in selected if views[name].wanted - views[name].coverage.fresh]
        if not busy:
            return views
        with self._store.read() as view:
            history = view.seconds_per_interval(busy)
        now = self._clock.now()
        return {
            name: table_view(found.table, found.coverage, now, history[found.table.table_id], found.rebuild)
            if found.table.table_id in history
            else found
            for name, found in views.items()
        }

    def _selected(self, args: RefreshArgs, views: Mapping[str, TableView]) -> tuple[str, ...]:
        if args.everything and args.selectors:
            raise usage("selection", "names and --all exclude each other", fix="leave one of them out")
        if args.everything:
            return tuple(views)
        if not args.selectors:
            raise usage("selection", "no table is named", fix="name tables, a glob, +x or x+, or use --all")
        return chosen_tables(args.selectors, views, self._store)

    def _request(self, args: RefreshArgs, selected: tuple[str, ...], views: Mapping[str, TableView]) -> RefreshRequest:
        named = bool(args.intervals or args.start or args.end or args.partition)
        if args.full and named:
            raise usage("selection", "--full and intervals exclude each other", fix="leave one of them out")
        intervals = self._named_intervals(args, selected, views) if named else None
        return RefreshRequest(
            selected=selected,
            intervals=intervals,
            force=args.force,
            upstream=args.upstream,
            downstream=args.downstream,
            full=args.full,
            batch=args.batch,
        )

    def _named_intervals(
        self, args: RefreshArgs, selected: Sequence[str], views: Mapping[str, TableView]
    ) -> dict[str, IntervalSet]:
        found: dict[str, IntervalSet] = {}
        for name in selected:
            view = views[name]
            if view.calendar is None or view.definition.partition is None:
                if len(selected) == 1:
                    raise usage("no_intervals", f"table {name!r} has no intervals", fix="leave the interval out")
                found[name] = IntervalSet.of([WHOLE])
                continue
            try:
                found[name] = self._pieces(args, view.definition.partition, view.calendar)
            except MtctlError as error:
                if len(selected) > 1:
                    error.what = f"{name}: {error.what}"
                    error.fix = f"{error.fix}; or name tables of one grain and add --downstream"
                raise
        return found

    def _pieces(self, args: RefreshArgs, partition: Partition, calendar: Calendar) -> IntervalSet:
        from mtctl.core.partition import interval_of_values  # noqa: PLC0415 - a refresh of everything names none
        from mtctl.core.times import parse_interval, parse_range  # noqa: PLC0415 - the same

        pieces: list[Interval] = [parse_interval(text, calendar) for text in args.intervals]
        if args.start or args.end:
            start, end = self._range_texts(args)
            pieces.append(parse_range(start, end, calendar))
        pieces += [interval_of_values(partition, one, calendar) for one in _partitions(args.partition)]
        return IntervalSet.of(pieces)

    def _range_texts(self, args: RefreshArgs) -> tuple[str, str]:
        if not (args.start and args.end):
            missing = "--to" if args.start else "--from"
            raise usage("time_range", f"{missing} is missing", fix="give --from and --to; the range is half-open")
        return args.start, args.end

    # --- the run ------------------------------------------------------------------------------------------------

    def _run(self, job: _Job, on_event: Callable[[TaskEvent], None]) -> RefreshReport:
        with self._dispatching(job.title, on_event) as dispatcher:
            holder = dispatcher.holder
            new = self._instance(job, holder.new_ulid(), holder.holder_id)
            with self._store.write() as tx:
                instance_id = tx.add_instance(new)
            if not job.args.detach:
                dispatcher.run_instance(instance_id)
                if dispatcher.stopped:
                    dispatcher.cancel(instance_id)
                elif job.takes_detached:
                    dispatcher.run_ownerless()
        # Read after signing off: a holder that lost its leases gives up its tasks with that.
        with self._store.read() as view:
            tasks = view.tasks(instance_id)
            state = next(row.state for row in view.instance(new.ulid))
            others = [row for other in dispatcher.served - {instance_id} for row in view.tasks(other)]
        report = self._report(job, () if job.args.detach else (*tasks, *others))
        return replace(report, instance=new.ulid, state=state, interrupted=dispatcher.stopped, detached=job.args.detach)

    def _instance(self, job: _Job, new_ulid: str, holder_id: int | None) -> NewInstance:
        from mtctl.ports.changes import NewInstance, planned_tasks  # noqa: PLC0415 - only where something is to be done

        args = job.args
        tries = _DETACHED_TRIES if args.detach else _COMMAND_TRIES
        return NewInstance(
            ulid=new_ulid,
            title=job.title,
            trigger=Trigger.MANUAL,
            manifest={"request": job.title, "force": args.force, "full": args.full, "batch": args.batch},
            tasks=planned_tasks(job.plan.tasks, forced=args.force or args.full, max_tries=tries),
            holder_id=None if args.detach else holder_id,
            detached=args.detach,
        )

    def _report(self, job: _Job, tasks: Sequence[TaskRow]) -> RefreshReport:
        return RefreshReport(
            instance=None,
            state=None,
            plan=tuple(self._steps(job.plan, job.views)) if job.plan.tasks else (),
            tables=tuple(self._results(tasks, job.plan)),
            not_ready=job.not_ready,
            notes=job.notes,
            seconds=(self._clock.boottime() - job.began) / 1e9,
        )

    def _results(self, tasks: Sequence[TaskRow], plan: RefreshPlan) -> list[TableResult]:
        by_table: dict[str, list[TaskRow]] = {}
        for task in tasks:
            by_table.setdefault(task.name, []).append(task)
        found = [_table_result(name, rows) for name, rows in by_table.items()]
        return found + [_up_to_date(name) for name in plan.up_to_date if name not in by_table]

    def _steps(self, plan: RefreshPlan, views: Mapping[str, TableView]) -> list[PlannedStep]:
        from mtctl.services.reports.running import PlannedStep  # noqa: PLC0415 - the same

        names = {task.key: task.table for task in plan.tasks}
        return [
            PlannedStep(
                table=task.table,
                interval=show_interval(task.batch, views[task.table].calendar),
                intervals=task.count,
                reasons=tuple(f"{reason} ({count:,})" for reason, count in task.reasons),
                after=tuple(dict.fromkeys(names[key] for key in task.after)),
            )
            for task in plan.tasks
        ]


def _partitions(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Group `--partition` words: a key that comes again begins another interval."""
    found: list[dict[str, str]] = []
    for key, value in pairs:
        if not found or key in found[-1]:
            found.append({})
        found[-1][key] = value
    return found


def _not_ready_lines(plan: RefreshPlan, views: Mapping[str, TableView]) -> list[str]:
    return [
        f"{found.table} {_short(found.intervals, views[found.table])}: needs {', '.join(found.blockers)}"
        for found in plan.not_ready
    ]


def _notes(plan: RefreshPlan, args: RefreshArgs, views: Mapping[str, TableView]) -> tuple[str, ...]:
    notes = []
    for name, left in plan.left_out:
        line = f"{name}: {_short(left, views[name])} left out: not over yet"
        if args.strict:
            raise usage("interval_open", line, fix="end the range earlier, or leave --strict out")
        notes.append(line)
    for name, outside in plan.outside:
        notes.append(
            f"{name}: {_short(outside, views[name])} left out: outside of what is wanted (--force refreshes it)"
        )
    return tuple(notes)


def _short(intervals: IntervalSet, view: TableView) -> str:
    pieces = list(intervals)
    text = ", ".join(show_interval(piece, view.calendar) for piece in pieces[:3])
    return f"{text} …" if len(pieces) > 3 else text


def _upstream_not_ready(lines: Sequence[str]) -> MtctlError:
    more = f" and {len(lines) - 1} more" if len(lines) > 1 else ""
    error = conflict(
        "upstream_not_ready", f"nothing is ready: {lines[0]}{more}", fix="refresh those first, or add --upstream"
    )
    error.details["not_ready"] = list(lines)
    return error


def _table_result(name: str, rows: Sequence[TaskRow]) -> TableResult:
    states = {row.state for row in rows}
    for state in (TaskState.FAILED, TaskState.CANCELLED, TaskState.SUCCESS):
        if state in states:
            break
    else:
        state = TaskState.SKIPPED if states == {TaskState.SKIPPED} else TaskState.PENDING
    bad = next((row for row in rows if row.state in {TaskState.FAILED, TaskState.CANCELLED}), None)
    return TableResult(
        table=name,
        state=state.value,
        intervals=sum(row.interval_count for row in rows if row.state is TaskState.SUCCESS),
        tasks=len(rows),
        rows=sum(row.rows or 0 for row in rows if row.state is TaskState.SUCCESS),
        seconds=sum(row.seconds or 0.0 for row in rows),
        error=(bad.error or bad.why or None) if bad else None,
        error_code=bad.error_code if bad else None,
    )


def _up_to_date(name: str) -> TableResult:
    return TableResult(
        table=name, state="up_to_date", intervals=0, tasks=0, rows=0, seconds=0.0, error=None, error_code=None
    )
