"""Floor 3. One queue from near: its slots and who holds them, and a part of what waits, each with what it waits for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mtctl.core.errors import not_found
from mtctl.core.names import printable
from mtctl.core.states import InstanceState, TaskState
from mtctl.core.values import frozen
from mtctl.core.why import Cause, why_instance
from mtctl.core.why_facts import Facts, QueueFacts, TaskFacts

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.ports.clock import Clock
    from mtctl.ports.queue_board import QueuedTask, QueueSide
    from mtctl.ports.store import Store

RANKS = ("manual", "scheduled", "catch-up", "backfill")
"""What the ranks of instances mean: the first go before the others."""

_DEPENDS = "waits for workflow "


@frozen
class QueuedLine:
    """A task with its place: in the order of turns from 1 (0: it runs), and why it waits, in words."""

    task: QueuedTask
    turn: int
    why: str


@frozen
class QueueWindow:
    """A queue and a part of its tasks from `offset` on: first those that run, then those that wait, in their order."""

    queue: QueueSide
    total: int
    offset: int
    lines: tuple[QueuedLine, ...]
    at: Instant


class QueueBoard:
    """Looks at one queue."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep the ports."""
        self._store = store
        self._clock = clock

    def window(self, name: str, offset: int, limit: int) -> QueueWindow:
        """Return a queue with a part of its tasks; three statements; error `queue_unknown` (not found)."""
        now = self._clock.now()
        with self._store.read() as view:
            reads = view.board().waiting()
            queue = reads.queue(name)
            if queue is None:
                fix = "`mtctl queue list` shows all"
                raise not_found("queue_unknown", f"there is no queue '{printable(name[:80])}'", fix=fix)
            running = reads.running(name, offset, limit) if offset < queue.runs else []
            skipped = max(0, offset - queue.runs)
            left = limit - len(running)
            waiting = reads.waiting(name, skipped, left) if left > 0 and skipped < queue.waits else []
        facts = QueueFacts(
            name=name, slots=queue.slots, paused=queue.paused, paused_why=queue.paused_why, holders=("",) * queue.held
        )
        lines = [QueuedLine(task=task, turn=0, why="") for task in running]
        lines += [
            QueuedLine(task=task, turn=turn, why=_why(task, facts, turn, now))
            for turn, task in enumerate(waiting, start=skipped + 1)
        ]
        return QueueWindow(queue=queue, total=queue.runs + queue.waits, offset=offset, lines=tuple(lines), at=now)


def _why(task: QueuedTask, queue: QueueFacts, turn: int, now: Instant) -> str:
    """Return what `core.why` says of a task; what is true of the whole queue is told above in full."""
    known = TaskFacts(
        task_id=task.task_id,
        name=task.name,
        instance=task.instance,
        state=TaskState.PENDING,
        why=task.why,
        table=task.table,
        queue=queue.name,
        ready_at=task.ready_at,
        tries=task.tries,
        max_tries=task.max_tries,
        error_code=task.error_code,
        error=task.error.splitlines()[0] if task.error else "",
        cancel_requested=task.cancel_requested,
        waits_for=task.waits_for,
        depends_on=task.why.removeprefix(_DEPENDS) if task.why.startswith(_DEPENDS) else "",
        owner=task.owner,
        older=task.older,
        busy=task.busy,
        max_parallel=task.max_parallel,
        parallel=task.parallel,
        ahead=turn - 1,
    )
    facts = Facts(now=now, tasks={task.task_id: known}, queues={queue.name: queue})
    link = why_instance(facts, task.instance, InstanceState.PENDING).chain[0]
    if link.cause is Cause.QUEUE_PAUSED:
        return f"queue {queue.name} is paused"
    return link.text.partition(", held by")[0]
