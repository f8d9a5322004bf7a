"""Floor 0. What `core.why` decides over: tables, tasks, queues and schedules as they are at one moment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mtctl.core.model import Instant
    from mtctl.core.states import TaskState, WorkflowState


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueFacts:
    """A queue; `paused_why` says by whom and why."""

    name: str
    slots: int
    paused: bool = False
    paused_why: str = ""
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFacts:
    """A task instance and what may hold it up.

    `owner` is the living process that its instance belongs to, None: any daemon or tick takes it. `older` is an open
    older instance that it has to wait for, `busy` who else refreshes its table, `ahead` how many ready tasks go before.
    `depends_on` is a workflow that it waits for, `waits_for` a table.
    """

    task_id: int
    name: str
    instance: str
    state: TaskState
    why: str = ""
    table: str | None = None
    queue: str = "default"
    ready_at: Instant = 0
    tries: int = 0
    max_tries: int = 1
    error_code: str = ""
    error: str = ""
    started_at: Instant | None = None
    holder: str = ""
    cancel_requested: bool = False
    upstream: tuple[int, ...] = ()
    waits_for: str | None = None
    depends_on: str = ""
    owner: str | None = None
    older: str = ""
    busy: str = ""
    max_parallel: int | None = None
    parallel: int = 0
    ahead: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleFacts:
    """The workflow that refreshes a table, or an instance's: `text` None: no schedule.

    `skipped` says which fires after the newest instance were skipped and why, '' if none.
    """

    workflow: str
    state: WorkflowState
    text: str | None = None
    next_fire_at: Instant | None = None
    due_at: Instant | None = None
    skipped: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """A table: `due` are its wanted intervals that are not fresh, in words, '' if none.

    `task` is its open task, `last` its newest ended one where that did not end well. `blockers` are the upstream tables
    without which nothing of `due` can be done. `closes_at` is when the next interval is wanted. `held_up` says what
    keeps a new version from being shown, and `way_out` what to do about it.
    """

    name: str
    due: str = ""
    fresh: str = ""
    closes_at: Instant | None = None
    task: TaskFacts | None = None
    last: TaskFacts | None = None
    blockers: tuple[str, ...] = ()
    schedules: tuple[ScheduleFacts, ...] = ()
    unapplied: str = ""
    lost_source: str = ""
    held_up: str = ""
    way_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything known at one moment. `behind` is how far the clock is behind the file, in seconds (0: it is not).

    `is_watched` says that a daemon or a tick looks for work.
    """

    now: Instant
    behind: int = 0
    is_watched: bool = True
    tables: Mapping[str, TableFacts] = field(default_factory=dict)
    tasks: Mapping[int, TaskFacts] = field(default_factory=dict)
    queues: Mapping[str, QueueFacts] = field(default_factory=dict)
