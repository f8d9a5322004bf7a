"""Floor 3. How an attempt ends when it publishes nothing: written down once, with what follows for its task."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from threading import Event
from typing import TYPE_CHECKING

from mtctl.core.advance import Ending, settle
from mtctl.core.errors import FULL, Kind, MtctlError
from mtctl.core.states import Outcome
from mtctl.services.watch import Interruption

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.ports.changes import Claimed
    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store, Tx, View
    from mtctl.ports.work import TaskRow
    from mtctl.services.holder import Holder
    from mtctl.services.watch import Watch

MOST_SUPERSEDED = 10
"""After how many superseded attempts a task fails: each may start again at once, so a loop would never end."""

LOCKED_AGAIN = 15_000_000
"""After how many microseconds a task asks again for a source that somebody has open."""

FULL_AGAIN = 15_000_000
"""After how many microseconds a task that nobody waits for tries again to write to a disk that was full; twice as many
after the second time, a minute from the third on."""

MOST_FULL = 60
"""After how many times a full disk fails a task: by then an hour has gone, and it may be the task that fills it."""

ROOM_SECONDS = 30
"""How long the end of an attempt waits for room to be written down: what it did would be done again otherwise."""

_OUTCOME_OF = {
    Interruption.TIMEOUT: Outcome.TIMED_OUT,
    Interruption.CANCEL: Outcome.CANCELLED,
    Interruption.RELEASE: Outcome.RELEASED,
    Interruption.LOST: Outcome.LOST,
}
_LOST = "the lease could not be renewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How an attempt ended, for progress and reports."""

    outcome: Outcome
    rows: int
    seconds: float
    error_code: str = ""
    error: str = ""


class Endings:
    """Writes down how attempts ended."""

    def __init__(self, store: Store, clock: Clock, watch: Watch) -> None:
        """Keep the ports; the watch knows whether the attempt was interrupted, and why."""
        self._store = store
        self._clock = clock
        self._watch = watch
        self._then: Callable[[Tx], None] = _nothing

    def follow(self, then: Callable[[Tx], None] | None) -> None:
        """Let `then` do what comes next in the very transaction that writes down a success; None: nothing."""
        self._then = then or _nothing

    def succeeded(self, claimed: Claimed, began: int, rows: int | None = None) -> Ended:
        """End an attempt that did what it should and has nothing to publish; `rows` are those it wrote elsewhere."""
        return self._end(claimed, Outcome.SUCCESS, "", "", began, rows=rows)

    def failed(self, claimed: Claimed, error: MtctlError, holder: Holder, began: int) -> Ended:
        """End an attempt that met with trouble, by why it was interrupted or else by the trouble."""
        why = self._watch.why
        if why is None and error.code == "cancelled" and not self._is_owned(claimed):
            why = Interruption.RELEASE  # this process ends; nobody has asked for the end of the work
        if holder.lost or why is Interruption.LOST:
            return Ended(outcome=Outcome.LOST, rows=0, seconds=self._since(began), error_code="lost", error=_LOST)
        if why is None and error.code == "source_locked" and "source" in error.details:
            return self._end(claimed, Outcome.RELEASED, error.code, error.what, began, delay=LOCKED_AGAIN)
        if why is None and error.code in FULL and not self._is_owned(claimed):
            with self._store.read() as view:
                times = _times_full(view, claimed.task)
            if times < MOST_FULL:
                delay = FULL_AGAIN << min(times, 2)
                return self._end(claimed, Outcome.RELEASED, error.code, error.what, began, delay=delay)
        retryable = error.kind in {Kind.BUSY, Kind.ENGINE} and error.code not in FULL
        if why is None:
            outcome = Outcome.CANCELLED if error.code == "cancelled" else Outcome.FAILED
            return self._end(claimed, outcome, error.code, str(error), began, retryable=retryable)
        if why is Interruption.RELEASE and not claimed.task.retry_lost:
            text = "it was stopped with the process that ran it, and must not run twice: its outcome is unknown"
            return self._end(claimed, Outcome.FAILED, "outcome_unknown", text, began, retryable=False)
        code, text = _interrupted(why, claimed)
        return self._end(claimed, _OUTCOME_OF[why], code, text, began)

    def superseded(self, claimed: Claimed, why: str, began: int) -> Ended:
        """End an attempt whose publication was refused since the table or a file moved on."""
        return self._end(claimed, Outcome.SUPERSEDED, "superseded", why, began)

    def unwanted(self, claimed: Claimed, why: str) -> Ended:
        """End an attempt that turned out to have nothing to do: its task is skipped for that reason."""
        return self._end(claimed, Outcome.SUPERSEDED, "", why, self._clock.boottime(), wanted=False)

    def _end(  # noqa: PLR0913 - the parts of one ending
        self,
        claimed: Claimed,
        outcome: Outcome,
        code: str,
        why: str,
        began: int,
        *,
        retryable: bool = True,
        wanted: bool = True,
        rows: int | None = None,
        delay: int = 0,
    ) -> Ended:
        ending = partial(self._write_end, claimed, outcome, code, why, began)
        write = partial(ending, retryable=retryable, wanted=wanted, rows=rows, delay=delay)
        for _ in range(ROOM_SECONDS):
            try:
                return write()
            except MtctlError as error:
                # A person who waits is told at once, unless what was done would have to be done again.
                if error.code not in FULL or (outcome is not Outcome.SUCCESS and self._is_owned(claimed)):
                    raise
            self._clock.wait(Event(), 1.0)
        return write()

    def _write_end(  # noqa: PLR0913 - the parts of one ending
        self,
        claimed: Claimed,
        outcome: Outcome,
        code: str,
        why: str,
        began: int,
        *,
        retryable: bool,
        wanted: bool,
        rows: int | None,
        delay: int,
    ) -> Ended:
        task, seconds = claimed.task, self._since(began)
        with self._store.write() as tx:
            gone = task.table_id is not None and tx.table(task.table_id) is None
            repeated = outcome is Outcome.SUPERSEDED and wanted and not gone and _superseded(tx, task)
            if repeated and repeated >= MOST_SUPERSEDED:
                # Others do not change a table that often: something that it replaces is not as the books say.
                outcome, retryable = Outcome.FAILED, False
                why = f"{why}, {MOST_SUPERSEDED} times over: run `mtctl verify {task.name}`"
            ending = Ending(
                task_id=task.task_id,
                attempt_id=claimed.attempt_id,
                outcome=outcome,
                tries=task.tries,
                max_tries=task.max_tries,
                retryable=retryable,
                still_wanted=wanted,
                delay=delay,
                cancel_requested=outcome is Outcome.CANCELLED or gone or _cancels(tx, task, outcome),
                why="table dropped" if gone else why,
                jitter=random.random(),  # noqa: S311 - it spreads retries, nothing secret hangs on it
            )
            arrow = settle(ending, tx.now)
            mine = tx.finish(claimed, outcome, error_code=code, error=why, transition=arrow, rows=rows)
            if mine and outcome is Outcome.SUCCESS:
                self._then(tx)
        if not mine:
            return Ended(outcome=Outcome.LOST, rows=0, seconds=seconds, error_code="lost", error=_LOST)
        return Ended(outcome=outcome, rows=rows or 0, seconds=seconds, error_code=code, error=why)

    def given_back(self, claimed: Claimed) -> None:
        """End an attempt that has not begun: its task waits for another, and has used up no try."""
        code, text = _interrupted(Interruption.RELEASE, claimed)
        self._end(claimed, Outcome.RELEASED, code, text, self._clock.boottime())

    def _is_owned(self, claimed: Claimed) -> bool:
        """Return whether somebody waits for the instance in this process: it ends with the process."""
        instance_id = claimed.task.instance_id
        with self._store.read() as view:
            return not view.instances_by_id([instance_id])[instance_id].detached

    def _since(self, began: int) -> float:
        return (self._clock.boottime() - began) / 1e9


def _interrupted(why: Interruption, claimed: Claimed) -> tuple[str, str]:
    """Return code and words of an attempt that was stopped from outside."""
    match why:
        case Interruption.TIMEOUT:
            return "timeout", f"ran longer than {(claimed.task.timeout or 0) / 1e6:g} s"
        case Interruption.CANCEL:
            return "cancelled", "cancelled on request"
        case Interruption.RELEASE:
            return "released", "given back: the process that ran it was stopped"
        case Interruption.LOST:
            return "lost", _LOST


def _nothing(_: Tx) -> None:
    """Do nothing more."""


def _cancels(view: View, task: TaskRow, outcome: Outcome) -> bool:
    """Return whether a cancel request decides where the task goes; what has succeeded stays so."""
    return outcome is not Outcome.SUCCESS and view.cancel_requested(task.task_id)


def _times_full(view: View, task: TaskRow) -> int:
    return sum(
        attempt.task_id == task.task_id and attempt.outcome is Outcome.RELEASED and attempt.error_code in FULL
        for attempt in view.attempts(task.instance_id)
    )


def _superseded(view: View, task: TaskRow) -> int:
    return sum(
        attempt.task_id == task.task_id and attempt.outcome is Outcome.SUPERSEDED
        for attempt in view.attempts(task.instance_id)
    )
