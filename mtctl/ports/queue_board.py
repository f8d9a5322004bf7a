"""Floor 1. What a dashboard asks of the store about one queue: its slots, who holds them, a screenful of what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from mtctl.core.model import Instant
    from mtctl.core.states import TaskState


@frozen
class QueueSide:
    """One queue in numbers: tasks that `run`, those of them with a live lease (`held`: they take slots), that `wait`.

    `oldest_at` is when the instance of the task was made whose turn is first.
    """

    name: str
    slots: int
    paused: bool
    paused_why: str
    memory: str | None
    threads: int | None
    runs: int
    held: int
    waits: int
    oldest_at: Instant | None


@frozen
class QueuedTask:
    """One task that runs or waits in a queue, with what may hold it up.

    `holder` runs it; `owner` is the process that its instance belongs to, None: anybody takes it. `older` is an open
    instance that it waits for, `busy` who else refreshes its table, `waits_for` a table that is not fresh.
    """

    task_id: int
    name: str
    instance: str
    title: str
    state: TaskState
    table: str | None
    intervals: int
    priority: int
    rank: int
    asked_at: Instant
    started_at: Instant | None
    ready_at: Instant
    why: str
    tries: int
    max_tries: int
    error_code: str
    error: str
    holder: str
    owner: str | None
    cancel_requested: bool
    waits_for: str | None
    older: str
    busy: str
    max_parallel: int | None
    parallel: int


class QueueReads(Protocol):
    """Reads of one queue within one consistent view."""

    def queue(self, name: str) -> QueueSide | None:
        """Return a queue in numbers, None where there is no such queue."""

    def running(self, name: str, offset: int, limit: int) -> list[QueuedTask]:
        """Return a part of what runs, the longest first."""

    def waiting(self, name: str, offset: int, limit: int) -> list[QueuedTask]:
        """Return a part of what is pending, in the order of turns; however deep, only the part is read."""
