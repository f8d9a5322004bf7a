"""Floor 3. Claims tasks and sees them to their end: the same step for a command line and a daemon.

At each claim a task's intervals are cut with what is still wanted and not fresh, in the same transaction; a task with
nothing left is skipped. So two that were asked for the same work do it once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.plan import claim_intervals
from mtctl.core.states import TERMINAL, Outcome, TaskState, Transition
from mtctl.core.table_calendar import calendar_of
from mtctl.services.loading import table_view
from mtctl.services.reports.running import TaskEvent

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Table
    from mtctl.ports.changes import Claimed
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Progress
    from mtctl.ports.store import Store, Tx
    from mtctl.ports.work import TaskRow
    from mtctl.services.holder import Holder
    from mtctl.services.worker import Ended, Worker

POLL_SECONDS = 0.1
"""How long to wait before asking again for a task that somebody else holds up."""

SWEEP_POLLS = 20
"""After how many fruitless polls to look for dead holders: a lock of a killed process is free at once."""


SKIPS_AT_ONCE = 50
"""How many tasks with nothing left to do are skipped in one transaction."""


@dataclass(slots=True)
class _Tally:
    """How many intervals of the instance have ended, for progress."""

    total: int = 0
    done: int = 0


class Dispatcher:
    """Runs the tasks of one instance, or of all instances that nobody owns."""

    def __init__(  # noqa: PLR0913 - the parts of one loop, all named
        self,
        *,
        store: Store,
        worker: Worker,
        clock: Clock,
        holder: Holder,
        stop: threading.Event,
        sweep: Callable[[], int],
        on_event: Callable[[TaskEvent], None],
    ) -> None:
        """Keep the parts; `stop` ends the loop before the next claim, `served` notes whose tasks were run."""
        self._store = store
        self._worker = worker
        self._clock = clock
        self._holder = holder
        self._stop = stop
        self._sweep = sweep
        self._on_event = on_event
        self.served: set[int] = set()
        self._tally = _Tally()
        self._waiting_for = ""
        self._fruitless = False

    @property
    def holder(self) -> Holder:
        """The process that the dispatcher works for."""
        return self._holder

    @property
    def stopped(self) -> bool:
        """Whether somebody asked to stop."""
        return self._stop.is_set()

    def run_instance(self, instance_id: int) -> None:
        """Run an instance's tasks until all have ended, waiting for those that others hold up."""
        with self._store.read() as view:
            self._tally = _Tally(total=sum(task.interval_count for task in view.tasks(instance_id)))
        polls = 0
        while not self._stop.is_set() and not self._holder.lost:
            if self.step(instance_id):
                polls = 0
                continue
            if self._has_ended(instance_id):
                return
            polls += 1
            self._wait(instance_id, polls)

    def run_ownerless(self) -> int:
        """Run what detached instances have ready; return how many tasks ended."""
        done = 0
        while not self._stop.is_set() and not self._holder.lost and self.step(None):
            done += 1
        return done

    def step(self, instance_id: int | None) -> bool:
        """Claim one task and run it to its end; return whether there was one."""
        if self._fruitless:  # who only polls must not take the write lock each time
            with self._store.read() as view:
                if view.next_task(instance_id) is None:
                    return False
        with self._store.write() as tx:
            found, skipped = self._claim(tx, instance_id)
        self._fruitless = found is None and not skipped
        if found is None:
            return skipped > 0
        claimed, todo = found
        self.served.add(claimed.task.instance_id)
        self._waiting_for = ""
        self._on_event(self._event("claimed", claimed.task, claimed.table, todo))
        ended = self._worker.run(claimed, todo, self._holder, lambda progress: self._progress(claimed, todo, progress))
        self._report(claimed, todo, ended)
        return True

    def cancel(self, instance_id: int) -> None:
        """Cancel what of an instance has not ended."""
        with self._store.write() as tx:
            tx.request_cancel(instance_id)

    # --- the claim ----------------------------------------------------------------------------------------------

    def _claim(self, tx: Tx, instance_id: int | None) -> tuple[tuple[Claimed, IntervalSet] | None, int]:
        """Return the claimed task with what is to be done, and how many were skipped on the way to it.

        Skipping stops after a few: the write lock is not held while thousands of fresh tasks go by.
        """
        for skipped in range(SKIPS_AT_ONCE):
            task = tx.next_task(instance_id)
            table = tx.table(task.table_id) if task is not None and task.table_id is not None else None
            if task is None or table is None:
                return None, skipped
            todo = self._todo(tx, task, table)
            if todo:
                ulid = self._holder.new_ulid()
                claimed = tx.claim(self._holder.holder_id, attempt_ulid=ulid, instance_id=instance_id)
                return (claimed, todo) if claimed is not None else None, skipped
            self._skip(tx, task, table)
        return None, SKIPS_AT_ONCE

    def _skip(self, tx: Tx, task: TaskRow, table: Table) -> None:
        why = "already fresh"
        arrow = Transition(task_id=task.task_id, from_state=TaskState.PENDING, to_state=TaskState.SKIPPED, why=why)
        tx.apply((arrow,))
        tx.advance_below(task.task_id)
        self._tally.done += task.interval_count
        self._on_event(replace(self._event("skipped", task, table, task.intervals), detail=why))

    def _todo(self, tx: Tx, task: TaskRow, table: Table) -> IntervalSet:
        view = table_view(table, tx.coverage_of(table.table_id), tx.now)
        return claim_intervals(task.intervals, view.wanted, view.coverage, forced=task.forced)

    # --- waiting ------------------------------------------------------------------------------------------------

    def _has_ended(self, instance_id: int) -> bool:
        with self._store.read() as view:
            return all(task.state in TERMINAL for task in view.tasks(instance_id))

    def _wait(self, instance_id: int, polls: int) -> None:
        with self._store.read() as view:
            running = view.running()
            pending = [
                task for task in view.tasks(instance_id) if task.state is TaskState.PENDING and task.table_id in running
            ]
        if pending and pending[0].table_id is not None:
            other = running[pending[0].table_id]
            words = f"{pending[0].name} is being refreshed by {other.holder or 'another process'}"
            if words != self._waiting_for:
                self._waiting_for = words
                self._on_event(
                    TaskEvent(
                        kind="waiting",
                        table=pending[0].name,
                        interval="",
                        intervals=0,
                        done=self._tally.done,
                        total=self._tally.total,
                        detail=words,
                    )
                )
        if polls % SWEEP_POLLS == 0:
            self._sweep()
        self._clock.wait(self._stop, POLL_SECONDS)

    # --- telling ------------------------------------------------------------------------------------------------

    def _progress(self, claimed: Claimed, todo: IntervalSet, progress: Progress) -> None:
        event = self._event("progress", claimed.task, claimed.table, todo)
        self._on_event(replace(event, rows=progress.rows, percent=progress.percent))

    def _report(self, claimed: Claimed, todo: IntervalSet, ended: Ended) -> None:
        if ended.outcome is not Outcome.SUPERSEDED:
            self._tally.done += claimed.task.interval_count
        event = self._event(ended.outcome.value, claimed.task, claimed.table, todo)
        self._on_event(replace(event, rows=ended.rows, seconds=ended.seconds, detail=ended.error))

    def _event(self, kind: str, task: TaskRow, table: Table, todo: IntervalSet) -> TaskEvent:
        calendar = calendar_of(table.definition)
        count = sum(calendar.count(piece.start, piece.end) for piece in todo) if calendar is not None else 1
        return TaskEvent(
            kind=kind,
            table=task.name,
            interval=show_interval(todo.span, calendar) if todo.span is not None else "",
            intervals=count,
            done=self._tally.done,
            total=self._tally.total,
        )
