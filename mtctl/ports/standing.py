"""Floor 1. What a dashboard asks of the store about all tables at once: how each stands, what it reads, who does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mtctl.core.values import frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mtctl.core.lateness import Turned
    from mtctl.core.model import Instant
    from mtctl.core.states import Outcome, TaskState, WorkflowState
    from mtctl.core.table_view import Outline


@frozen
class OpenTask:
    """The open task of a table that is furthest, with its queue: `running` are the tasks of the queue that run."""

    task_id: int
    name: str
    instance: str
    state: TaskState
    why: str
    ready_at: Instant
    waits_for: int | None
    tries: int
    max_tries: int
    started_at: Instant | None
    cancel_requested: bool
    queue: str
    slots: int
    paused: bool
    running: int
    error_code: str
    error: str


@frozen
class EndedTry:
    """The newest ended attempt of a table and how its task stands now."""

    outcome: Outcome
    ended_at: Instant
    seconds: float | None
    error_code: str
    error: str
    task: str
    state: TaskState
    why: str
    tries: int
    instance: str


@frozen
class StandingRow:
    """One table: what it reads (by id), its newest attempt and open task, outcomes of its last runs, tasks by state.

    `strip` has the oldest first; the running one is `running`. `counts` are its open tasks, and of the newest
    `COUNTED` attempts the ended ones.
    """

    outline: Outline
    made_at: Instant
    definition_at: Instant
    upstream: tuple[int, ...]
    last: EndedTry | None
    success_at: Instant | None
    task: OpenTask | None
    strip: tuple[str, ...]
    counts: tuple[tuple[str, int], ...]


@frozen
class FlowRow:
    """A workflow that refreshes a table: `schedule` is its text, None without one."""

    table: str
    workflow: str
    state: WorkflowState
    schedule: str | None
    next_fire_at: Instant | None
    due_at: Instant | None


COUNTED = 200
"""Of how many of a table's newest attempts the ended tasks are counted."""


class Standings(Protocol):
    """Reads of all tables within one consistent view, a statement each."""

    def rows(self, strip: int) -> list[StandingRow]:
        """Return all live tables by name, each with the outcomes of its `strip` newest attempts."""

    def flows(self) -> list[FlowRow]:
        """Return which workflows refresh which tables."""

    def turned(self, stale: Iterable[tuple[int, Instant]]) -> dict[int, Turned]:
        """Return what happened since the stale intervals (table id, start) were published; without definitions."""

    def sources(self, patterns: Iterable[str]) -> dict[str, tuple[int, Instant]]:
        """Return by pattern (an absolute path or glob) how many known files it names, and when one changed last."""
