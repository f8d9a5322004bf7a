"""Floor 3. Makes an instance of a workflow: which tasks it has, what each refreshes, and its variables.

A fire refreshes of a table what is wanted at that fire and not fresh, less what open tasks of the table are about to
do: so every interval that becomes due belongs to exactly one open task, and one that was missed is caught up by the
next fire. Data that nobody asked for again is not computed again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError, invalid
from mtctl.core.interval import EMPTY, MIN_INSTANT, WHOLE, Interval, IntervalSet
from mtctl.core.misfire import Misfire
from mtctl.core.model import Mode
from mtctl.core.plan import RefreshRequest, refresh_plan
from mtctl.core.selector import topological
from mtctl.core.values import replace
from mtctl.core.workflow import (
    Overlap,
    RefreshSpec,
    TaskKind,
    WorkflowTask,
    priority_of,
    queue_of,
    retries_of,
    timeout_of,
)
from mtctl.core.workflow_json import task_json, workflow_json
from mtctl.core.workflow_variables import resolve_instance
from mtctl.ports.changes import NewInstance, NewTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from mtctl.core.model import Instant
    from mtctl.core.plan import PlannedTask
    from mtctl.core.states import Trigger
    from mtctl.core.table_view import TableView
    from mtctl.core.workflow import WorkflowDefinition
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.snapshot import Snapshot

_WHOLE = IntervalSet.of([WHOLE])


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What an instance is made for: a fire of the schedule, or a request.

    `logical_date` begins the data interval that `fire_at` ends. `rank`: 0 manual, 1 scheduled, 2 catch-up, 3 backfill.
    `params` are given values of variables; `intervals`, where given, replace what is due of the tables by name;
    `tasks`, where given, are the only tasks that run. `since` limits what is missing to intervals that end after it.
    """

    trigger: Trigger
    rank: int
    logical_date: Instant
    fire_at: Instant
    title: str
    params: Mapping[str, str] = field(default_factory=dict)
    intervals: Mapping[str, IntervalSet] | None = None
    tasks: frozenset[str] | None = None
    since: Instant = MIN_INSTANT
    key: str | None = None
    priority: int | None = None
    forced: bool = False
    holder_id: int | None = None


def make_instance(
    row: WorkflowRow,
    occurrence: Occurrence,
    snapshot: Snapshot,
    open_intervals: Callable[[int], IntervalSet],
    new_ulid: Callable[[], str],
) -> NewInstance | None:
    """Return the instance, or None for a table's own workflow with nothing to do.

    `open_intervals` tells what the open tasks of a table are about to do. Raises invalid errors of variables and
    `table_unknown` where a task names a table that is gone.
    """
    definition = row.definition
    making = _Making(definition, occurrence, snapshot, open_intervals)
    tasks = making.tasks()
    if not tasks and definition.table is not None:
        return None
    return NewInstance(
        ulid=new_ulid(),
        title=occurrence.title,
        trigger=occurrence.trigger,
        manifest=workflow_json(definition),
        tasks=tuple(tasks),
        holder_id=occurrence.holder_id,
        detached=True,
        queue=definition.queue,
        priority=definition.priority if occurrence.priority is None else occurrence.priority,
        workflow_id=row.workflow_id,
        version=row.version,
        logical_date=occurrence.logical_date,
        fire_at=occurrence.fire_at,
        key=occurrence.key,
        rank=occurrence.rank,
        serial=occurrence.rank > 0 and definition.overlap is not Overlap.ALLOW,
        max_parallel=definition.max_parallel,
        variables=making.variables,
        notify=tuple((rule.channel, tuple(str(one) for one in rule.on)) for rule in definition.notify),
        tags=definition.tags,
    )


class _Making:
    """One instance on its way."""

    def __init__(
        self,
        definition: WorkflowDefinition,
        occurrence: Occurrence,
        snapshot: Snapshot,
        open_intervals: Callable[[int], IntervalSet],
    ) -> None:
        self._definition = definition
        self._occurrence = occurrence
        self._views = snapshot.at(occurrence.fire_at)
        self._snapshot = snapshot
        self._open = open_intervals
        self.variables, tasks = resolve_instance(
            definition, fire=occurrence.fire_at, logical_date=occurrence.logical_date, params=occurrence.params
        )
        chosen = occurrence.tasks
        self._chosen = [task for task in tasks if chosen is None or task.name in chosen]
        self._upstream = _edges(definition.tasks, self._chosen)

    def tasks(self) -> list[NewTask]:
        """Return the tasks to insert, each after the earlier ones that it waits for."""
        late = self._below_others()
        planned = self._planned(late)
        order, by_lineage = self._order()
        made: list[NewTask] = []
        keys: dict[str, list[int]] = {}
        renumbered: dict[int, int] = {}
        for name in order:
            task = next(one for one in self._chosen if one.name == name)
            before = tuple(key for upstream in sorted(self._upstream[name]) for key in keys[upstream])
            keys[name] = []
            for batch in planned.get(name, [None]) if name not in late else [None]:
                key = len(made)
                after = set(before)
                if batch is not None and by_lineage:
                    after |= {renumbered[one] for one in batch.after if one in renumbered}
                if batch is not None:
                    renumbered[batch.key] = key
                made.append(self._new(task, key, tuple(sorted(after)), batch, late=name in late))
                keys[name].append(key)
        if self._definition.table is not None and all(not task.intervals for task in made):
            return []
        return made

    def _below_others(self) -> frozenset[str]:
        """Return the refresh tasks below tasks of other kinds: what is due for them is known only then."""
        kinds = {task.name: task.kind for task in self._chosen}
        late: set[str] = set()
        for name in topological(kinds, self._upstream):
            above = self._upstream[name]
            if any(kinds[one] is not TaskKind.REFRESH or one in late for one in above):
                late.add(name)
        return frozenset(name for name in late if kinds[name] is TaskKind.REFRESH)

    def _order(self) -> tuple[tuple[str, ...], bool]:
        """Return the task names in an order, and whether lineage has a say in it.

        A workflow that contradicts the lineage of its tables is taken at its word.
        """
        names = [task.name for task in self._chosen]
        task_of = {task.spec.table: task.name for task in self._chosen if isinstance(task.spec, RefreshSpec)}
        joined = {name: set(self._upstream[name]) for name in names}
        for table, name in task_of.items():
            found = self._snapshot.table(table)
            for read in found.definition.reads if found is not None else ():
                if read.table in task_of and task_of[read.table] != name:
                    joined[name].add(task_of[read.table])
        try:
            return topological(names, {name: frozenset(above) for name, above in joined.items()}), True
        except MtctlError:
            return topological(names, self._upstream), False

    def _planned(self, late: frozenset[str]) -> dict[str, list[PlannedTask]]:
        """Return the batches of the refresh tasks whose intervals are known now, by task name."""
        asked: dict[str, IntervalSet] = {}
        names: dict[str, str] = {}
        for task in self._chosen:
            if not isinstance(task.spec, RefreshSpec) or task.name in late:
                continue
            view = self._view(task.spec.table)
            asked[task.spec.table] = self._asked(view)
            names[task.spec.table] = task.name
        forced = self._occurrence.forced
        request = RefreshRequest(selected=tuple(asked), intervals=asked, waits=True, force=forced)
        plan = refresh_plan(self._views, request, self._occurrence.fire_at)
        found: dict[str, list[PlannedTask]] = {}
        for task_ in plan.tasks:
            found.setdefault(names[task_.table], []).append(task_)
        return found

    def _asked(self, view: TableView) -> IntervalSet:
        """Return what the fire asks of a table."""
        given = self._occurrence.intervals
        if given is not None and view.definition.name in given:
            return given[view.definition.name]
        if view.definition.mode is Mode.FULL:
            return EMPTY if self._is_forced(view) else view.wanted
        stale = IntervalSet.of(one.interval for one in view.coverage.stale)
        missing = view.wanted - view.coverage.fresh - stale
        recent = IntervalSet.of([Interval(self._since(), WHOLE.end)])
        return ((missing & recent) | (stale & view.wanted)) - self._open(view.table.table_id)

    def _since(self) -> Instant:
        """Return the instant before which an interval must not have ended to be caught up."""
        policy = self._definition.misfire
        if policy is not None and policy.kind is Misfire.NONE and self._occurrence.rank > 0:
            return max(self._occurrence.since, self._occurrence.logical_date)
        return self._occurrence.since

    def _is_forced(self, view: TableView) -> bool:
        """Return whether the instance refreshes a whole table, changed or not: a schedule drives it (Flink's FULL)."""
        return view.definition.mode is Mode.FULL and not self._definition.continuous

    def _view(self, table: str) -> TableView:
        try:
            return self._views[table]
        except KeyError:
            raise invalid(
                "table_unknown",
                f"workflow {self._definition.name} refreshes {table}, which does not exist",
                fix=f"define {table}, or take the task out of the workflow",
            ) from None

    def _new(
        self, task: WorkflowTask, key: int, after: tuple[int, ...], batch: PlannedTask | None, *, late: bool
    ) -> NewTask:
        definition = self._definition
        new = NewTask(
            key=key,
            name=task.name,
            kind=task.kind,
            after=after,
            queue=queue_of(definition, task),
            priority=self._priority(task),
            max_tries=retries_of(definition, task) + 1,
            timeout=timeout_of(definition, task),
            retry_lost=task.retry_lost,
            spec=self._spec(task, is_root=not after, late=late),
        )
        return self._scoped(new, task.spec.table, batch, late=late) if isinstance(task.spec, RefreshSpec) else new

    def _scoped(self, new: NewTask, table: str, batch: PlannedTask | None, *, late: bool) -> NewTask:
        """Return a refresh with what it does: a batch, everything, what is due at its claim, or nothing."""
        view = self._view(table)
        new = replace(new, table_id=view.table.table_id, forced=self._occurrence.forced)
        if batch is not None:
            return replace(
                new, batch=batch.batch, intervals=batch.intervals, count=batch.count, reasons=batch.reasons
            )
        if self._is_forced(view):
            return replace(new, batch=WHOLE, intervals=_WHOLE, reasons=(("scheduled", 1),), forced=True)
        return new if late else replace(new, intervals=EMPTY, count=0)

    def _spec(self, task: WorkflowTask, *, is_root: bool, late: bool) -> dict[str, object]:
        """Return what the worker is told of the task, frozen, and what it has to wait for."""
        occurrence = self._occurrence
        spec: dict[str, object] = {"task": task_json(task), "waits": True, "zone": self._definition.zone}
        settings = (*task.settings, *self._definition.settings)  # the task's value wins
        if settings:
            spec["settings"] = [[name, value] for name, value in dict(reversed(settings)).items()]
        if late:
            spec["fire_at"] = occurrence.fire_at
        if is_root and self._definition.depends_on:
            spec["depends_on"] = [one.workflow for one in self._definition.depends_on]
            spec |= {"logical_date": occurrence.logical_date, "fire_at": occurrence.fire_at}
        return spec

    def _priority(self, task: WorkflowTask) -> int:
        given = self._occurrence.priority
        return priority_of(self._definition, task) if given is None else given


def _edges(tasks: Sequence[WorkflowTask], chosen: Sequence[WorkflowTask]) -> dict[str, frozenset[str]]:
    """Return what each chosen task waits for; a task that is left out passes on what it waited for."""
    upstream = {task.name: frozenset(task.upstream) for task in tasks}
    names = frozenset(task.name for task in chosen)
    found: dict[str, frozenset[str]] = {}
    for name in topological(upstream, upstream):
        above = (frozenset([one]) if one in names else found[one] for one in upstream[name])
        found[name] = frozenset().union(*above)
    return {name: found[name] for name in names}
