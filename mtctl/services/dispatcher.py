"""Floor 3. Claims tasks and sees them to their end: the same step for a command line and a daemon.

At each claim `readiness.judge` decides in the same transaction: the task runs, is skipped, or waits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.calendar import show_interval
from mtctl.core.errors import MtctlError
from mtctl.core.interval import EMPTY
from mtctl.core.states import Outcome, TaskState, Transition
from mtctl.core.table_calendar import calendar_of
from mtctl.core.values import replace
from mtctl.services.readiness import is_plain, judge
from mtctl.services.reports.running import TaskEvent

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

    from mtctl.core.interval import IntervalSet
    from mtctl.core.model import Table
    from mtctl.ports.changes import Claimed
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Progress
    from mtctl.ports.store import Store, Tx
    from mtctl.ports.work import TaskRow
    from mtctl.services.ending import Ended
    from mtctl.services.holder import Holder
    from mtctl.services.readiness import Verdict
    from mtctl.services.running import TaskRunner
    from mtctl.services.watch import Interruption

POLL_SECONDS = 0.1
"""How long to wait before asking again for a task that somebody else holds up."""

SWEEP_POLLS = 20
"""After how many fruitless polls to look for dead holders: a lock of a killed process is free at once."""

UNJUDGED = 60_000_000
"""How long a task that cannot be judged waits for another look, in microseconds."""

PASSED_AT_ONCE = 50
"""How many tasks that are skipped or wait go by in one transaction."""


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
        runner: TaskRunner,
        clock: Clock,
        holder: Holder,
        stop: threading.Event,
        sweep: Callable[[], int],
        observe: Callable[[Iterable[str]], None],
        on_event: Callable[[TaskEvent], None],
    ) -> None:
        """Keep the parts.

        `observe` looks at the source files of tables; `stop` ends the loop before the next claim, `served` notes whose
        tasks were run.
        """
        self._store = store
        self._runner = runner
        self._clock = clock
        self._holder = holder
        self._stop = stop
        self._sweep = sweep
        self._observe = observe
        self._seen: set[int] = set()
        self._unseen: list[str] = []
        self._on_event = on_event
        self.served: set[int] = set()
        self._tally = _Tally()
        self._waiting_for = ""
        self._fruitless = False
        self._next: Claimed | None = None
        self._locked: set[int] = set()

    @property
    def holder(self) -> Holder:
        """The process that the dispatcher works for."""
        return self._holder

    @property
    def lost(self) -> bool:
        """Whether the leases of this holder can no longer be trusted."""
        return self._holder.lost

    def stop(self) -> None:
        """Claim nothing more; what runs runs on. Callable from any thread."""
        self._stop.set()

    def interrupt(self, why: Interruption) -> None:
        """Stop the attempt in hand for a reason. Callable from any thread."""
        self._runner.interrupt(why)

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
            if self._only_locked(instance_id):  # whoever asked hears who holds the source, and may ask again
                self.cancel(instance_id)
                continue
            polls += 1
            self._wait(instance_id, polls)

    def run_ownerless(self) -> int:
        """Run what detached instances have ready; return how many tasks ended."""
        done = 0
        while not self._stop.is_set() and not self._holder.lost and self.step(None):
            done += 1
        return done

    def step(self, instance_id: int | None) -> bool:
        """Claim one task and run it to its end; return whether there was one.

        What is claimed together with that end is run too: nothing is in hand afterwards.
        """
        if self._fruitless:  # who only polls must not take the write lock each time
            with self._store.read() as view:
                if view.next_task(instance_id) is None:
                    return False
        with self._store.write() as tx:
            found, passed = self._claim(tx, instance_id)
        if self._unseen:  # outside of the transaction: files are read
            self._observe(self._unseen)
            self._unseen = []
            return True
        self._fruitless = found is None and not passed
        if found is None:
            return passed > 0
        self._run(*found, instance_id)
        return True

    def cancel(self, instance_id: int) -> None:
        """Cancel what of an instance has not ended."""
        with self._store.write() as tx:
            tx.request_cancel(instance_id)

    # --- the work -----------------------------------------------------------------------------------------------

    def _run(self, claimed: Claimed, todo: IntervalSet, instance_id: int | None) -> None:
        """Run a task to its end, and one after another those that were claimed with the end of the one before."""
        try:
            self._run_one(claimed, todo, instance_id)
            while self._next is not None and not self._stop.is_set() and not self._holder.lost:
                following, self._next = self._next, None
                self._run_one(following, EMPTY, instance_id)
        finally:
            if self._next is not None:  # the end of this process came between its claim and its work
                following, self._next = self._next, None
                self._runner.give_back(following)

    def _run_one(self, claimed: Claimed, todo: IntervalSet, instance_id: int | None) -> None:
        self.served.add(claimed.task.instance_id)
        self._waiting_for = ""
        self._on_event(self._event("claimed", claimed.task, claimed.table_or_none, todo))
        ended = self._runner.run(
            claimed,
            todo,
            self._holder,
            lambda progress: self._progress(claimed, todo, progress),
            lambda tx: self._claim_next(tx, instance_id),
        )
        self._report(claimed, todo, ended)

    def _claim_next(self, tx: Tx, instance_id: int | None) -> None:
        """Claim the next task in the transaction that ends the one in hand, where nothing is to be judged or read.

        One wait for the disk less for each. What needs a look is left to a transaction of its own: trouble with it must
        not undo an end.
        """
        if self._stop.is_set() or self._holder.lost:
            return
        task = tx.next_task(instance_id)
        self._fruitless = task is None
        if task is not None and is_plain(task):
            self._next = tx.claim(
                self._holder.holder_id, attempt_ulid=self._holder.new_ulid(), instance_id=instance_id, task=task
            )

    # --- the claim ----------------------------------------------------------------------------------------------

    def _claim(self, tx: Tx, instance_id: int | None) -> tuple[tuple[Claimed, IntervalSet] | None, int]:
        """Return the claimed task with what is to be done, and how many were skipped or put off on the way to it.

        That stops after a few: the write lock is not held while thousands of fresh tasks go by.
        """
        for passed in range(PASSED_AT_ONCE):
            task = tx.next_task(instance_id)
            if task is None or self._looks_first(tx, task):
                return None, passed
            todo = self._todo(tx, task)
            if todo is not None:
                ulid = self._holder.new_ulid()
                known = task if is_plain(task) else None  # else its intervals may have been fixed just now, or split
                claimed = tx.claim(self._holder.holder_id, attempt_ulid=ulid, instance_id=instance_id, task=known)
                return (claimed, todo) if claimed is not None else None, passed
        return None, PASSED_AT_ONCE

    def _looks_first(self, tx: Tx, task: TaskRow) -> bool:
        """Return whether the sources of a task's table have to be looked at, once, before it can be judged.

        What came before it in its workflow may have brought new files: what is due depends on them.
        """
        if task.intervals is not None or task.table_id is None or task.task_id in self._seen:
            return False
        self._seen.add(task.task_id)
        table = tx.table(task.table_id)
        self._unseen = [table.definition.name] if table is not None else []
        return bool(self._unseen)

    def _todo(self, tx: Tx, task: TaskRow) -> IntervalSet | None:
        """Return what a task does if claimed now, None for one that is skipped, cancelled or put off instead."""
        try:
            verdict = judge(tx, task)
        except MtctlError as error:  # it must not stand at the head of the line and hold up the others
            tx.postpone(task.task_id, ready_at=tx.now + UNJUDGED, why=f"{error.code}: {error}", waits_for=None)
            return None
        if verdict is None:
            self._give_up(tx, task)
            return None
        if verdict.fixed is not None:
            tx.fix_intervals(task.task_id, verdict.fixed, _count(verdict.table, verdict.fixed))
        if verdict.skip:
            self._skip(tx, task, verdict)
            return None
        if verdict.wait and not verdict.todo:
            tx.postpone(task.task_id, ready_at=verdict.ready_at, why=verdict.wait, waits_for=verdict.waits_for)
            return None
        if verdict.rest:
            self._split(tx, task, verdict)
        return verdict.todo

    def _split(self, tx: Tx, task: TaskRow, verdict: Verdict) -> None:
        """Let what is not ready wait on its own; what is ready runs."""
        rest = tx.split_task(task.task_id, verdict.rest, _count(verdict.table, verdict.rest))
        tx.postpone(rest, ready_at=verdict.ready_at, why=verdict.wait, waits_for=verdict.waits_for)

    def _give_up(self, tx: Tx, task: TaskRow) -> None:
        """Cancel a task whose table is gone, such as one that was asked for again: it would hold up all behind it."""
        why = "table dropped"
        arrow = Transition(task_id=task.task_id, from_state=TaskState.PENDING, to_state=TaskState.CANCELLED, why=why)
        tx.apply((arrow,))
        tx.advance(task.instance_id)
        self._on_event(replace(self._event("cancelled", task, None, EMPTY), detail=why))

    def _skip(self, tx: Tx, task: TaskRow, verdict: Verdict) -> None:
        arrow = Transition(
            task_id=task.task_id, from_state=TaskState.PENDING, to_state=TaskState.SKIPPED, why=verdict.skip
        )
        tx.apply((arrow,))
        tx.advance_below(task.task_id)
        self._tally.done += task.interval_count
        event = self._event("skipped", task, verdict.table, task.intervals or verdict.fixed or EMPTY)
        self._on_event(replace(event, detail=verdict.skip))

    # --- waiting ------------------------------------------------------------------------------------------------

    def _has_ended(self, instance_id: int) -> bool:
        with self._store.read() as view:
            return not view.is_open(instance_id)

    def _only_locked(self, instance_id: int) -> bool:
        """Return whether nothing is left to do but what reads a source that somebody else has open."""
        if not self._locked:
            return False
        with self._store.read() as view:
            tasks = view.tasks(instance_id)
        open_ = {task.task_id for task in tasks if task.state in {TaskState.PENDING, TaskState.RUNNING}}
        return bool(open_) and open_ <= self._locked

    def _wait(self, instance_id: int, polls: int) -> None:
        with self._store.read() as view:
            held_up = view.held_up(instance_id)
        if held_up is not None:
            table, holder = held_up
            words = f"{table} is being refreshed by {holder or 'another process'}"
            if words != self._waiting_for:
                self._waiting_for = words
                self._on_event(
                    TaskEvent(
                        kind="waiting",
                        table=table,
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
        event = self._event("progress", claimed.task, claimed.table_or_none, todo)
        self._on_event(replace(event, rows=progress.rows, percent=progress.percent))

    def _report(self, claimed: Claimed, todo: IntervalSet, ended: Ended) -> None:
        if ended.outcome is Outcome.RELEASED and ended.error_code == "source_locked":
            self._locked.add(claimed.task.task_id)
        if ended.outcome is not Outcome.SUPERSEDED:
            self._tally.done += claimed.task.interval_count
        self._on_event(self._event(ended.outcome.value, claimed.task, claimed.table_or_none, todo, ended))

    def _event(
        self, kind: str, task: TaskRow, table: Table | None, todo: IntervalSet, ended: Ended | None = None
    ) -> TaskEvent:
        calendar = calendar_of(table.definition) if table is not None else None
        return TaskEvent(
            kind=kind,
            table=task.name,
            interval=show_interval(todo.span, calendar) if todo.span is not None else "",
            intervals=_count(table, todo) if table is not None else 0,
            done=self._tally.done,
            total=self._tally.total,
            rows=ended.rows if ended is not None else 0,
            seconds=ended.seconds if ended is not None else 0.0,
            detail=ended.error if ended is not None else "",
        )


def _count(table: Table | None, intervals: IntervalSet) -> int:
    """Return how many intervals of the table's grain these are; 1 for what has no grain."""
    calendar = calendar_of(table.definition) if table is not None else None
    return sum(calendar.count(piece.start, piece.end) for piece in intervals) if calendar is not None else 1
