"""Floor 3. Gathers whether the project makes progress: `core.pulse` judges it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.health import Health, health
from mtctl.core.pulse import LATE_FIRE, Expired, LateFire, Pulse, Tally, WaitingTask, troubles
from mtctl.core.states import InstanceState, TaskState, WorkflowState
from mtctl.services.loading import load_views
from mtctl.services.reports.health import HealthReport
from mtctl.services.serial import goes_before

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, View
    from mtctl.ports.work import InstanceRow, TaskRow
    from mtctl.ports.workflows import WorkflowRow
    from mtctl.services.looks import Looks

_LOOKED_AT = 1_000  # due workflows and pending tasks that one look takes in


class Pulses:
    """Looks at the whole project."""

    def __init__(self, store: Store, clock: Clock, looks: Looks) -> None:
        """Keep the ports."""
        self._store = store
        self._clock = clock
        self._looks = looks

    def health(self) -> HealthReport:
        """Return what stands still, and how tables and workflows are."""
        now = self._clock.now()
        with self._store.read() as view:
            pending = view.pending_tasks(None, _LOOKED_AT)
            owners = view.instances_by_id({task.instance_id for task in pending})
            pulse = Pulse(
                now=now,
                written_at=written_at(view),
                looked_at=self._looks.last(),
                fires=[LateFire(workflow=row.name, due_at=row.due_at or now) for row in _due(view, now)],
                expired=[Expired(holder=holder.command) for holder in view.expired_holders()],
                waiting=_free(view, pending, owners, now),
            )
            return HealthReport(
                troubles=troubles(pulse),
                tables=_tables(view, now),
                workflows=_workflows(view, now),
                looked_at=pulse.looked_at,
                next_due=view.next_due(),
                running=_running(view),
                waiting=sum(task.ready_at <= now for task in pending),
                at=now,
            )


def written_at(view: View) -> Instant:
    """Return the newest instant in the state file: of the last event, or of what was written without one."""
    last = view.events_after(view.last_event() - 1, 1)
    return max(view.last_now(), last[0].at if last else 0)


def _due(view: View, now: Instant) -> Iterable[WorkflowRow]:
    return view.due_workflows(now, _LOOKED_AT)


def _free(
    view: View, pending: Iterable[TaskRow], owners: dict[int, InstanceRow], now: Instant
) -> list[WaitingTask]:
    """Return the ready tasks that nothing holds up: neither queue nor table nor owner nor an older instance."""
    slots = {row.name: 0 if row.paused else row.slots - row.running for row in view.queues()}
    busy = view.running()
    found = []
    for task in pending:
        owner = owners.get(task.instance_id)
        if task.ready_at > now or owner is None or owner.holder is not None or owner.cancel_requested:
            continue
        if slots.get(task.queue, 0) <= 0 or task.table_id in busy or goes_before(view, owner) is not None:
            continue
        if _is_full(owner):
            continue
        slots[task.queue] -= 1
        found.append(WaitingTask(task=task.name, instance=owner.ulid, ready_at=max(task.ready_at, owner.created_at)))
    return found


def _is_full(row: InstanceRow) -> bool:
    most = row.manifest.get("max_parallel")
    running = sum(number for state, number in row.tasks if state is TaskState.RUNNING)
    return most is not None and running >= most


def _running(view: View) -> int:
    return sum(row.running for row in view.queues())


def _tables(view: View, now: Instant) -> Tally:
    attempts, running = view.last_attempts(), view.running()
    counts = dict.fromkeys(Health, 0)
    for found in load_views(view, now).values():
        last = attempts.get(found.table.table_id)
        busy = found.table.table_id in running
        counts[health(found, last.outcome if last else None, running=busy)] += 1
    return Tally(
        total=sum(counts.values()),
        healthy=counts[Health.FRESH],
        failed=counts[Health.FAILING],
        late=counts[Health.LATE] + counts[Health.NEVER],
    )


def _workflows(view: View, now: Instant) -> Tally:
    """Count the workflows that fire or have run: the last that ended tells whether one is well."""
    total = healthy = failed = late = 0
    for row in view.workflows():
        ended = _last_ended(view, row.workflow_id)
        if row.state is WorkflowState.DISABLED and ended is None:
            continue
        total += 1
        if ended is InstanceState.FAILED:
            failed += 1
        elif row.due_at is not None and row.state is WorkflowState.ENABLED and now - row.due_at > LATE_FIRE:
            late += 1
        else:
            healthy += 1
    return Tally(total=total, healthy=healthy, failed=failed, late=late)


def _last_ended(view: View, workflow_id: int) -> InstanceState | None:
    instances, _ = view.history(workflow_id, 5)
    return next((row.state for row in instances if row.ended_at is not None), None)
