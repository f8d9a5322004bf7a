"""Floor 3. Runs one claimed task of whatever kind from its claim to its outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import MtctlError
from mtctl.core.workflow import TaskKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from mtctl.core.interval import IntervalSet
    from mtctl.ports.changes import Claimed
    from mtctl.ports.clock import Clock
    from mtctl.ports.engine import Progress
    from mtctl.ports.store import Tx
    from mtctl.services.actions import Actor
    from mtctl.services.ending import Ended, Endings
    from mtctl.services.holder import Holder
    from mtctl.services.limits import Limits
    from mtctl.services.watch import Interruption, Watch
    from mtctl.services.worker import Worker


class TaskRunner:
    """A worker for tables and an actor for everything else, under one watch."""

    def __init__(
        self,
        *,
        worker: Worker,
        actor: Callable[[], Actor],
        watch: Watch,
        limits: Limits,
        endings: Endings,
        clock: Clock,
    ) -> None:
        """Keep the parts; `actor` is made at the first task that needs it."""
        self._endings = endings
        self._clock = clock
        self._limits = limits
        self._worker = worker
        self._actor = actor
        self._watch = watch

    def run(
        self,
        claimed: Claimed,
        todo: IntervalSet,
        holder: Holder,
        on_progress: Callable[[Progress], None],
        then: Callable[[Tx], None] | None = None,
    ) -> Ended:
        """Take one claimed task to an outcome that is written down.

        `then` does what comes next in the transaction that writes down a success; publishing does without.
        """
        self._watch.begin(claimed)
        self._endings.follow(then)
        began = self._clock.boottime()
        try:
            self._limits.set(claimed)
        except MtctlError as error:  # a size that nobody can read is the task's trouble, not its holder's
            self._watch.end()
            return self._endings.failed(claimed, error, holder, began)
        try:
            unmet = self._unmet(claimed, holder)
            if unmet is not None:
                return unmet
            if claimed.task.kind is TaskKind.REFRESH:
                return self._worker.run(claimed, todo, holder, on_progress)
            return self._actor().run(claimed, holder, self._watch, on_progress)
        finally:
            self._endings.follow(None)
            self._limits.lift()
            self._watch.end()

    def give_back(self, claimed: Claimed) -> None:
        """Let go of a claimed task that has not begun."""
        self._endings.given_back(claimed)

    def interrupt(self, why: Interruption) -> None:
        """Stop the attempt in hand for a reason. Callable from any thread."""
        self._watch.interrupt(why)

    def _unmet(self, claimed: Claimed, holder: Holder) -> Ended | None:
        """Return how a task ended that its condition kept from running, None where it has none or it holds."""
        task = claimed.spec.get("task") or {}
        if not task.get("when"):
            return None
        return self._actor().unmet(claimed, holder)
