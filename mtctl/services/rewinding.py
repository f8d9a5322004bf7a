"""Floor 3. Rewind: what a clock that was ahead has written is brought back to now.

Such a clock leaves the newest time, the marks of schedules and the instants that tasks wait for in the future, and the
project would stand still until that comes. What was made for fires that are still to come stays: their logical dates
exist, so that they are not made again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.pulse import is_behind
from mtctl.core.schedule import due_at, next_fire, previous_fire
from mtctl.core.states import WorkflowState
from mtctl.core.values import replace
from mtctl.ports.workflows import Mark
from mtctl.services.health import written_at
from mtctl.services.reports.rewinding import MarkBack, RewindReport
from mtctl.services.scheduler import ROOM_RETRY, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, View
    from mtctl.ports.workflows import WorkflowRow

LONG_WAIT = 86_400_000_000
"""A task that waits longer than this waits for an instant of a wrong clock: a day, in microseconds."""


class Rewinds:
    """Looks at what lies ahead, and brings it back."""

    def __init__(self, store: Store, clock: Clock, actor: str) -> None:
        """Keep the ports; `actor` is the user who asks."""
        self._store = store
        self._clock = clock
        self._actor = actor

    def look(self) -> RewindReport:
        """Return what lies ahead; nothing is written."""
        with self._store.read() as view:
            return _report(view, self._clock.now())

    def rewind(self) -> RewindReport:
        """Bring back to now what lies ahead, all of it or nothing; where nothing does, nothing is written."""
        found = self.look()
        if not is_needed(found):
            return found
        with self._store.rewind() as tx:
            found = _report(tx, tx.now)
            for row, state, mark in list(_ahead(tx, tx.now)):
                tx.take_back(row.workflow_id, state, mark)
            tx.hasten(tx.now + LONG_WAIT)
            names = [one.workflow for one in found.workflows]
            details = {"ahead": found.ahead, "workflows": names, "tasks": found.tasks, "instances": found.instances}
            tx.add_note("clock_rewind", actor=self._actor, **details)
        return replace(found, done=True)


def is_needed(report: RewindReport) -> bool:
    """Return whether there is anything to bring back."""
    return is_behind(report.at, report.written_at) or bool(report.workflows or report.tasks)


def marks_at(row: WorkflowRow, now: Instant) -> tuple[WorkflowState, Mark]:
    """Return state and marks of a workflow where none of them lies ahead of now; what does not stays as it is.

    A workflow is completed when its schedule has no fire left: one that has fires left was completed by a wrong clock.
    """
    schedule = row.definition.schedule
    last = row.last_fire_at
    if last is not None and last > now:
        last = previous_fire(schedule, now + 1) if schedule is not None else None
    coming = next_fire(schedule, now) if schedule is not None else None
    if schedule is None or coming is None or row.state is WorkflowState.DISABLED:
        return row.state, Mark(last_fire_at=last, next_fire_at=row.next_fire_at, due_at=row.due_at)

    fire = coming if row.next_fire_at is None else min(row.next_fire_at, coming)
    due = due_at(schedule, fire, key_of(row))
    if fire == row.next_fire_at and row.due_at is not None and row.due_at <= max(due, now + ROOM_RETRY):
        due = row.due_at
    return WorkflowState.ENABLED, Mark(last_fire_at=last, next_fire_at=fire, due_at=due)


def _ahead(view: View, now: Instant) -> Iterator[tuple[WorkflowRow, WorkflowState, Mark]]:
    """Yield the workflows whose marks lie ahead of now, with what they are to be."""
    for row in view.workflows():
        state, mark = marks_at(row, now)
        known = Mark(last_fire_at=row.last_fire_at, next_fire_at=row.next_fire_at, due_at=row.due_at)
        if (state, mark) != (row.state, known):
            yield row, state, mark


def _report(view: View, now: Instant) -> RewindReport:
    ahead = view.ahead(now, now + LONG_WAIT)
    return RewindReport(
        at=now,
        written_at=written_at(view),
        workflows=tuple(
            MarkBack(
                workflow=row.name,
                last_fire_at=row.last_fire_at,
                next_fire_at=row.next_fire_at,
                back_to=mark.last_fire_at,
                fires_at=mark.next_fire_at,
                again=state is not row.state,
            )
            for row, state, mark in _ahead(view, now)
        ),
        tasks=ahead.tasks,
        instances=ahead.instances,
    )
