"""Floor 0. What? Which intervals of which tables a refresh does, in which batches, and what waits for what.

Everything is decided on sets of intervals; intervals are counted only where something is to be done, so that a plan
over tables that are all fresh costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.interval import EMPTY, WHOLE, Interval, IntervalSet
from mtctl.core.ledger import Coverage, bounds, paint, read_range, readers, required, todo, touching
from mtctl.core.model import Mode, RangeKind
from mtctl.core.selector import topological
from mtctl.core.table_view import TableView  # noqa: TC001 - plans are made of it, so it may be had here too
from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mtctl.core.batches import Placed
    from mtctl.core.model import Instant, Read, TableDefinition


@frozen
class RefreshRequest:
    """What was asked for: tables by name, perhaps intervals of them, and how.

    `intervals` None, or a table without an entry, means all that is wanted. `force` refreshes what is fresh, and of
    the named tables also what lies outside the wanted range; `full` forces all that is wanted. `batch` is the most
    intervals a batch may have. `waits` plans what is not ready too: it waits at its claim.
    """

    selected: tuple[str, ...]
    intervals: Mapping[str, IntervalSet] | None = None
    force: bool = False
    upstream: bool = False
    downstream: bool = False
    full: bool = False
    batch: int | None = None
    waits: bool = False

    @property
    def forced(self) -> bool:
        """Whether fresh intervals are refreshed too."""
        return self.force or self.full


@frozen
class PlannedTask:
    """One batch of one table: `count` grain intervals, each with its reason, after the tasks with keys `after`.

    `key` is the task's place in the plan; `after` names earlier places only.
    """

    key: int
    table: str
    table_id: int
    batch: Interval
    intervals: IntervalSet
    count: int
    reasons: tuple[tuple[str, int], ...]
    after: tuple[int, ...]


@frozen
class NotReady:
    """Intervals that were not planned since they read what is not fresh, and the upstream tables at fault."""

    table: str
    intervals: IntervalSet
    blockers: tuple[str, ...]


@frozen
class RefreshPlan:
    """What a refresh does, and what was asked for but is not done.

    `outside` are named intervals beyond the table's start and end, `left_out` named ones that have not closed yet.
    """

    tasks: tuple[PlannedTask, ...]
    not_ready: tuple[NotReady, ...]
    outside: tuple[tuple[str, IntervalSet], ...]
    left_out: tuple[tuple[str, IntervalSet], ...]
    up_to_date: tuple[str, ...]


def refresh_plan(views: Mapping[str, TableView], request: RefreshRequest, now: Instant) -> RefreshPlan:
    """Return what the request does at `now`.

    `views` holds the selected tables, their upstream and, where asked for, all that may be downstream; an upstream
    that is not in it counts as never fresh. Raises `KeyError` for a selected table that is not in it.
    """
    planner = _Planner(views, request)
    for name in planner.order:
        planner.plan(name)
    outside, left_out = planner.beyond(now)
    return RefreshPlan(
        tasks=tuple(planner.tasks),
        not_ready=tuple(planner.not_ready),
        outside=outside,
        left_out=left_out,
        up_to_date=tuple(planner.up_to_date),
    )


def claim_intervals(
    task_intervals: IntervalSet, wanted: IntervalSet, coverage: Coverage, *, forced: bool
) -> IntervalSet:
    """Return what of a task is still to be done at its claim; nothing left means that the task is skipped."""
    return task_intervals if forced else task_intervals & todo(wanted, coverage)


def unready(
    view: TableView, work: IntervalSet, views: Mapping[str, TableView], planned: Mapping[str, IntervalSet] | None = None
) -> list[tuple[str, IntervalSet]]:
    """Return, by upstream table, what of the work reads something that is neither fresh nor `planned` there.

    An upstream that is not in `views` counts as never fresh.
    """
    found = ((read.table, _waiting(read, view, work, views, planned or {})) for read in view.definition.reads)
    return [(table, lacking) for table, lacking in found if lacking]


class _Planner:
    """One planning: tables in dependency order, each deciding with what was planned before it."""

    def __init__(self, views: Mapping[str, TableView], request: RefreshRequest) -> None:
        self._views = views
        self._request = request
        self._named = frozenset(request.selected)
        self._above = _above(views, self._named) if request.upstream else self._named
        self._below = _below(views, self._named) if request.downstream else self._named
        chosen = self._above | self._below
        self.order = topological(chosen, {name: _reads_of(views[name]) & chosen for name in chosen})

        self.tasks: list[PlannedTask] = []
        self.not_ready: list[NotReady] = []
        self.up_to_date: list[str] = []
        self._asked = self._all_asked()
        self._planned: dict[str, IntervalSet] = {}
        self._placed: dict[str, Placed] = {}

    def plan(self, name: str) -> None:
        """Plan one table; all its upstream in the selection were planned before."""
        view = self._views[name]
        asked = self._within(name)
        due = asked if self._request.forced else todo(asked, view.coverage)
        changing = self._changing(view, asked - due)
        work = due | IntervalSet.of(interval for interval, _ in changing)
        if not work:
            if asked or not self._asked[name]:
                self.up_to_date.append(name)
            return

        unready = self._unready(view, due, work)
        runs = work if self._request.waits else work - unready
        if runs:
            self._planned[name] = runs
            self._place(view, runs, changing)

    def beyond(self, now: Instant) -> tuple[tuple[tuple[str, IntervalSet], ...], tuple[tuple[str, IntervalSet], ...]]:
        """Return what was named outside the wanted range: what never comes into it, and what does once closed."""
        outside: list[tuple[str, IntervalSet]] = []
        left_out: list[tuple[str, IntervalSet]] = []
        for name in self.order:
            rest = self._asked[name] - self._within(name)
            if not rest:
                continue
            later = rest & _later(self._views[name], now)
            outside += [(name, rest - later)] if rest - later else []
            left_out += [(name, later)] if later else []
        return tuple(outside), tuple(left_out)

    def _all_asked(self) -> dict[str, IntervalSet]:
        """Return what each table is asked for, before the wanted range limits it."""
        given = self._request.intervals
        if given is None or self._request.full:
            return {name: self._views[name].wanted for name in self.order}

        self._asked = dict.fromkeys(self.order, EMPTY)
        for name in self._named:
            view = self._views[name]
            asked = given.get(name, view.wanted)
            self._asked[name] = view.wanted if asked and view.definition.mode is Mode.FULL else asked
        self._ask_upstream()
        self._ask_downstream()
        return self._asked

    def _ask_upstream(self) -> None:
        """Ask the upstream tables for what the named intervals read."""
        for name in reversed(self.order) if self._request.upstream else ():
            for read in self._views[name].definition.reads if name in self._above else ():
                upstream = self._views.get(read.table)
                if upstream is not None and read.table in self._above:
                    found = _read_of(read, self._within(name), upstream)
                    self._asked[read.table] |= found & upstream.wanted

    def _ask_downstream(self) -> None:
        """Ask the downstream tables for what reads the named intervals."""
        for name in self.order if self._request.downstream else ():
            view = self._views[name]
            for read in view.definition.reads if name in self._below else ():
                if read.table in self._below:
                    found = readers(read, self._within(read.table), view.definition, view.calendar)
                    self._asked[name] |= found & view.wanted

    def _within(self, name: str) -> IntervalSet:
        """Return what is asked of a table as far as it may be done.

        Force opens the range, which matters for named intervals only: all else that is asked is wanted.
        """
        asked = self._asked[name]
        return asked if self._request.force else asked & self._views[name].wanted

    def _changing(self, view: TableView, rest: IntervalSet) -> list[tuple[Interval, str]]:
        """Return the fresh intervals that a change planned upstream may make stale, with that reason.

        They are planned too and looked at again at the claim: an upstream whose content stays equal skips them.
        """
        found: list[tuple[Interval, str]] = []
        for read in view.definition.reads if rest else ():
            planned = _shown_by(self._views.get(read.table), self._planned.get(read.table, EMPTY))
            hit = readers(read, planned, view.definition, view.calendar) & rest
            found += [(interval, f"upstream {read.table} may change") for interval in hit]
            rest -= hit
        return found

    def _unready(self, view: TableView, due: IntervalSet, work: IntervalSet) -> IntervalSet:
        """Return what of the work cannot be done now; what of it was due is reported with its blockers."""
        found = unready(view, work, self._views, self._planned)
        blockers = sorted({table for table, lacking in found if lacking & due})
        waiting = IntervalSet.of(interval for _, lacking in found for interval in lacking)
        if blockers:
            name = view.definition.name
            self.not_ready.append(NotReady(table=name, intervals=waiting & due, blockers=tuple(blockers)))
        return waiting

    def _place(self, view: TableView, runs: IntervalSet, changing: list[tuple[Interval, str]]) -> None:
        """Cut the runs of a table into tasks and tie them to the tasks that they read from."""
        from mtctl.core.batches import Placed, batch_limit, cut  # noqa: PLC0415 - only where something is to be done

        definition = view.definition
        first_key = len(self.tasks)
        limit = batch_limit(self._request.batch, definition.batch, view.seconds_per_interval)
        for batch in cut(runs, view.calendar, limit, _reasons(view, runs, changing)):
            self.tasks.append(
                PlannedTask(
                    key=len(self.tasks),
                    table=definition.name,
                    table_id=view.table.table_id,
                    batch=batch.interval,
                    intervals=IntervalSet.of([batch.interval]),
                    count=batch.count,
                    reasons=batch.reasons,
                    after=self._after(definition, batch.interval),
                )
            )
        placed = self.tasks[first_key:]
        self._placed[definition.name] = Placed(
            first_key=first_key,
            starts=tuple(task.batch.start for task in placed),
            ends=tuple(task.batch.end for task in placed),
        )

    def _after(self, definition: TableDefinition, batch: Interval) -> tuple[int, ...]:
        """Return the keys of the planned tasks whose batches this batch reads and waits for."""
        keys: set[int] = set()
        for read in definition.reads:
            placed = self._placed.get(read.table)
            if placed is None or not read.wait:
                continue
            upstream = self._views[read.table]
            if upstream.rebuild is not None:  # the new version is shown by the last of them
                keys.update(range(placed.first_key, placed.first_key + len(placed.starts)))
                continue
            reading = read_range(read, batch, upstream.definition, upstream.calendar)
            keys.update(placed.overlapping(reading) if reading is not None else ())
        return tuple(sorted(keys))


def _waiting(
    read: Read,
    view: TableView,
    work: IntervalSet,
    views: Mapping[str, TableView],
    planned: Mapping[str, IntervalSet],
) -> IntervalSet:
    """Return what of the work waits for one upstream.

    Asked the other way round: what is lacking upstream, and which intervals read of that. So no interval is looked
    at alone.
    """
    if not read.wait or read.kind is RangeKind.IGNORE:
        return EMPTY
    upstream = views.get(read.table)
    if upstream is None:
        return work

    needed = IntervalSet.of(
        interval
        for run in work
        for interval in required(read, run, view.definition, upstream.definition, upstream.calendar, upstream.wanted)
    )
    lacking = needed - _readable(view, upstream, planned.get(read.table, EMPTY))
    return touching(read, lacking, view.definition, view.calendar) & work


def _shown_by(upstream: TableView | None, planned: IntervalSet) -> IntervalSet:
    """Return what readers see change when the planned is done: all of a new version, or nothing while it lacks some."""
    if upstream is None or upstream.rebuild is None:
        return planned
    held = upstream.coverage.fresh | upstream.coverage.stale_set | planned
    return EMPTY if upstream.rebuild.needed - held else held


def _readable(view: TableView, upstream: TableView, planned: IntervalSet) -> IntervalSet:
    """Return what of an upstream may be read once the planned of it is done.

    Of one that is being rebuilt that is the old version, until all that the new one needs is there; a definition that
    was made with the new columns in mind waits for them.
    """
    rebuild, done = upstream.rebuild, upstream.coverage.fresh | planned
    if rebuild is None or not rebuild.needed - done - upstream.coverage.stale_set:
        return done
    return EMPTY if view.table.version_id > rebuild.since_version else rebuild.fresh


def _reasons(
    view: TableView, runs: IntervalSet, changing: Iterable[tuple[Interval, str]]
) -> tuple[tuple[Interval, str], ...]:
    """Return why each part of the runs is done; what is fresh and not about to change was forced."""
    coverage = view.coverage
    return paint(
        [
            *((run, "missing") for run in runs),
            *((interval, "forced") for interval in coverage.fresh & runs),
            *((stale.interval, f"stale: {stale.reason}") for stale in coverage.stale),
            *changing,
        ]
    )


def _read_of(read: Read, intervals: IntervalSet, upstream: TableView) -> IntervalSet:
    """Return what the intervals read of the upstream."""
    ranges = (read_range(read, interval, upstream.definition, upstream.calendar) for interval in intervals)
    return IntervalSet.of(found for found in ranges if found is not None)


def _later(view: TableView, now: Instant) -> IntervalSet:
    """Return what the table will want but does not yet, since it has not closed."""
    if view.calendar is None:
        return EMPTY
    closed = view.calendar.floor(now - view.definition.delay)
    return bounds(view.definition, view.calendar) & IntervalSet.of([Interval(closed, WHOLE.end)])


def _reads_of(view: TableView) -> frozenset[str]:
    return frozenset(read.table for read in view.definition.reads)


def _above(views: Mapping[str, TableView], names: frozenset[str]) -> frozenset[str]:
    """Return the tables and all known tables that they read, directly or not."""
    return _reach(names, {name: _reads_of(view) & views.keys() for name, view in views.items()})


def _below(views: Mapping[str, TableView], names: frozenset[str]) -> frozenset[str]:
    """Return the tables and all known tables that read them, directly or not."""
    read_by: dict[str, set[str]] = {}
    for name, view in views.items():
        for upstream in _reads_of(view):
            read_by.setdefault(upstream, set()).add(name)
    return _reach(names, read_by)


def _reach(names: frozenset[str], edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    found = set(names)
    left = list(names)
    while left:
        further = set(edges.get(left.pop(), ())) - found
        found |= further
        left += further
    return frozenset(found)
