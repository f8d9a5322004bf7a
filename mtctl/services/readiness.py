"""Floor 3. What becomes of a task whose turn has come: it runs, is skipped, or waits.

Judged inside the transaction that claims it, by what is wanted and fresh at that moment. So two that were asked for the
same work do it once, and nothing is computed from what is not ready.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.interval import EMPTY, IntervalSet
from mtctl.core.ledger import todo as to_do
from mtctl.core.plan import claim_intervals, unready
from mtctl.core.states import WorkflowState
from mtctl.core.workflow import TaskKind
from mtctl.services.snapshot import Snapshot

if TYPE_CHECKING:
    from mtctl.core.model import Instant, Table
    from mtctl.core.table_view import TableView
    from mtctl.ports.store import Tx
    from mtctl.ports.work import TaskRow
    from mtctl.ports.workflows import WorkflowRow

WAIT = 15_000_000
"""How long a task waits for an upstream before it is looked at again, in microseconds; a publish wakes it at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What becomes of a task.

    `todo` is what it does when it runs (empty for one that refreshes nothing); `rest` what of it waits, which becomes a
    task of its own. `skip` and `wait` are reasons, '' where it is neither skipped nor waiting.
    """

    table: Table | None = None
    todo: IntervalSet = EMPTY
    rest: IntervalSet = EMPTY
    skip: str = ""
    wait: str = ""
    waits_for: int | None = None
    ready_at: Instant = 0
    fixed: IntervalSet | None = None


def is_plain(task: TaskRow) -> bool:
    """Return whether a task may run whenever its turn has come: nothing is to be judged."""
    return task.kind is not TaskKind.REFRESH and task.table_id is None and not task.spec.get("depends_on")


def judge(tx: Tx, task: TaskRow) -> Verdict | None:
    """Return what becomes of a task; None where its table is gone."""
    blocker = _workflow_not_done(tx, task)
    if blocker:
        return Verdict(wait=f"waits for workflow {blocker}", ready_at=tx.now + WAIT)
    if task.kind is not TaskKind.REFRESH or task.table_id is None:
        return Verdict()
    table = tx.table(task.table_id)
    return None if table is None else _refresh(tx, task, table)


def _refresh(tx: Tx, task: TaskRow, table: Table) -> Verdict:
    snapshot = Snapshot(tx)
    view = snapshot.view(table.definition.name, tx.now)
    if view is None:
        return Verdict(table=table, skip="the table is gone")
    asked, fixed = task.intervals, None
    if asked is None:
        asked = fixed = _due(tx, task, snapshot, view)
    todo = claim_intervals(asked, view.wanted, view.coverage, forced=task.forced)
    if not todo:
        return Verdict(table=table, skip="already fresh", fixed=fixed)
    if not task.spec.get("waits"):
        return Verdict(table=table, todo=todo, fixed=fixed)

    lacking = unready(view, todo, snapshot.at(tx.now))
    waiting = IntervalSet.of(interval for _, intervals in lacking for interval in intervals)
    if not waiting:
        return Verdict(table=table, todo=todo, fixed=fixed)
    upstream = snapshot.table(lacking[0][0])
    return Verdict(
        table=table,
        todo=todo - waiting,
        rest=waiting,
        wait=f"waits for {', '.join(name for name, _ in lacking)}",
        waits_for=upstream.table_id if upstream is not None else None,
        ready_at=tx.now + WAIT,
        fixed=fixed,
    )


def _due(tx: Tx, task: TaskRow, snapshot: Snapshot, view: TableView) -> IntervalSet:
    """Return what is due of a table for a task that could not know it before: as of its fire, less what others do."""
    fire_at = task.spec.get("fire_at")
    as_of = snapshot.view(view.definition.name, min(int(fire_at), tx.now)) if fire_at is not None else view
    return to_do((as_of or view).wanted, view.coverage) - tx.open_intervals(view.table.table_id)


def _workflow_not_done(tx: Tx, task: TaskRow) -> str:
    """Return the workflow that a task depends on and that has not succeeded for the same data interval, '' if none."""
    names = task.spec.get("depends_on")
    if not names:
        return ""
    begin, end = task.spec["logical_date"], task.spec["fire_at"]
    for row in tx.workflows(list(names)):
        if row.next_fire_at is not None and row.next_fire_at <= end:
            return row.name
        found = tx.fired(row.workflow_id, begin + 1, end + 1)
        if any(str(one.state) != "success" for one in found):
            return row.name
        if not found and not _had_nothing_to_do(tx, row, begin, end):
            return row.name
    return ""


def _fires_within(row: WorkflowRow, begin: Instant, end: Instant) -> bool:
    """Return whether a workflow that is enabled has a fire in `(begin, end]`."""
    from mtctl.core.schedule import next_fire  # noqa: PLC0415 - few tasks depend on workflows

    schedule = row.definition.schedule
    if schedule is None or row.state is not WorkflowState.ENABLED:
        return False
    fire = next_fire(schedule, begin)
    return fire is not None and fire <= end


def _had_nothing_to_do(tx: Tx, row: WorkflowRow, begin: Instant, end: Instant) -> bool:
    """Return whether the fires of a data interval were dealt with without an instance, and nothing earlier is open.

    A table that was fresh already makes none; a fire that was skipped is covered by what is open, or by nothing. One
    that fires more rarely, or not at all, has nothing to be waited for.
    """
    if row.last_fire_at is None or row.last_fire_at <= begin:
        return not _fires_within(row, begin, end)
    return not any(one.fire_at is not None and one.fire_at <= end for one in tx.open_instances(row.workflow_id))
