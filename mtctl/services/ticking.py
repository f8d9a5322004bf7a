"""Floor 3. One bounded round without a daemon: fire what is due, run what is ready, tell, and go.

What cron or a systemd timer calls. Rounds may overlap: each takes tasks that no other has.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mtctl.core.states import InstanceState, TaskState
from mtctl.services.watch import Interruption

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from mtctl.ports.clock import Clock
    from mtctl.ports.store import Store
    from mtctl.services.dispatcher import Dispatcher
    from mtctl.services.reports.running import TaskEvent
    from mtctl.services.scheduler import Scheduler

AGAIN_SECONDS = 0.5
"""How often what runs is asked to end once the time of a round is up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundReport:
    """What one round did: fires made and skipped, tasks by end, and a line for each trouble."""

    fired: int
    skipped: int
    done: int
    failed: int
    troubles: tuple[str, ...]
    interrupted: bool = False


class Ticker:
    """Does one round."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        scheduler: Scheduler,
        dispatching: Callable[[str, Callable[[TaskEvent], None]], AbstractContextManager[Dispatcher]],
        tell: Callable[[], None],
    ) -> None:
        """Keep the parts; `tell` sends notices."""
        self._store = store
        self._clock = clock
        self._scheduler = scheduler
        self._dispatching = dispatching
        self._tell = tell

    def round(self, max_seconds: float | None, on_event: Callable[[TaskEvent], None]) -> RoundReport:
        """Fire and run until nothing is ready, or the time is up: then what runs is given back.

        The dead have been swept before.
        """
        began = self._clock.now()
        report = self._scheduler.tick()
        fired, skipped, troubles = report.made, report.skipped, list(report.troubles)
        with self._store.read() as view:
            ready = view.next_task(None) is not None
        if not ready:
            self._tell()
            return RoundReport(fired=fired, skipped=skipped, done=0, failed=0, troubles=tuple(troubles))

        with self._dispatching("tick", on_event) as dispatcher:
            timer = _limit(dispatcher, max_seconds)
            try:
                while dispatcher.run_ownerless():
                    report = self._scheduler.tick()
                    fired, skipped = fired + report.made, skipped + report.skipped
                    troubles += report.troubles
            finally:
                if timer is not None:
                    timer.cancel()
        done, failed, lines = self._ended(dispatcher.served, began)
        self._tell()
        return RoundReport(
            fired=fired,
            skipped=skipped,
            done=done,
            failed=failed,
            troubles=(*troubles, *lines),
            interrupted=dispatcher.stopped,
        )

    def _ended(self, served: set[int], began: int) -> tuple[int, int, list[str]]:
        """Return how many tasks of the instances served ended well and failed since, and a line for each failure."""
        done, failed, lines = 0, 0, []
        with self._store.read() as view:
            for instance_id in sorted(served):
                for task in view.tasks(instance_id):
                    if task.ended_at is None or task.ended_at < began:
                        continue
                    done += task.state in {TaskState.SUCCESS, TaskState.SKIPPED}
                    if task.state is TaskState.FAILED:
                        failed += 1
                        lines.append(f"{task.name} {InstanceState.FAILED}: {task.error or task.why}")
        return done, failed, lines


def _limit(dispatcher: Dispatcher, max_seconds: float | None) -> threading.Timer | None:
    """Give what runs back when the time is up, and claim nothing more."""
    if max_seconds is None:
        return None

    def end() -> None:
        dispatcher.stop()
        while True:  # again and again: a task may just be between its claim and its work
            dispatcher.interrupt(Interruption.RELEASE)
            if timer.finished.wait(AGAIN_SECONDS):
                return

    timer = threading.Timer(max_seconds, end)
    timer.daemon = True
    timer.start()
    return timer
